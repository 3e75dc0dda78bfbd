"""The ways to GitHub's API that companies have: proxies, and certificates of their own."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from assay.errors import ForgeError
from assay.forge.transport import Api
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
HOST = "github.example.test"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@dataclass
class Proxy:
    """Connects to one server, whatever host was asked for; notes what it was asked."""

    port: int = 0
    asked: list[str] = field(default_factory=list)


def _serve(listener: socket.socket, handle: object) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()  # type: ignore[arg-type]


@contextmanager
def listening(handle: object) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener, handle), daemon=True).start()
    with closing(listener):
        yield listener.getsockname()[1]


def _head(connection: socket.socket) -> str:
    text = b""
    while b"\r\n\r\n" not in text and (part := connection.recv(4096)):
        text += part
    return text.decode()


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    found = Proxy()

    def handle(connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", target)) as server:
            found.asked.append(_head(connection))
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {connection: server, server: connection}
            with suppress(OSError):
                while True:
                    for ready in select.select(list(ends), [], [])[0]:
                        part = ready.recv(65536)
                        if not part:
                            return
                        ends[ready].sendall(part)

    with listening(handle) as port:
        found.port = port
        yield found


@dataclass(frozen=True)
class Site:
    """A server with TLS, whose authority only this file knows."""

    port: int
    authority: str
    asked: list[str]


def certificate(names: list[str]) -> bytes:
    """A key and the certificate that it signed for itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A company")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + built.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("company") / "ca.pem"
    path.write_bytes(certificate([HOST, "localhost"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    asked: list[str] = []

    def handle(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as safe:
            asked.append(_head(safe))
            body = b'{"ok": true}'
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            safe.sendall(head.encode() + body)

    with listening(handle) as port:
        yield Site(port, str(path), asked)


@pytest.fixture(autouse=True)
def plain_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)


def ask(url: str) -> object:
    with Api(url=url, token=SECRET, timeout=5, sleep=lambda _: None, subject="acme/bikes") as api:
        return api.request("GET", "/it")


class TestProxy:
    def test_https_goes_through_the_proxy_and_the_token_stays_inside(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", site.authority)
        with proxy(site.port) as between:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{between.port}")
            assert ask(f"https://{HOST}/api/v3") == {"ok": True}
        (seen,) = between.asked
        assert seen.startswith(f"CONNECT {HOST}:443 ")
        assert "proxy-authorization: basic" in seen.lower()
        assert SECRET not in seen
        assert site.asked[-1].startswith("GET /api/v3/it ")
        assert SECRET in site.asked[-1]

    @pytest.mark.parametrize("exception", ["localhost", ".example.test,localhost", "*"])
    def test_no_proxy_is_kept(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, exception: str
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", site.authority)
        with proxy(site.port) as between:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{between.port}")
            monkeypatch.setenv("NO_PROXY", exception)
            assert ask(f"https://localhost:{site.port}/api/v3")
        assert between.asked == []

    def test_a_proxy_that_refuses_is_named(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(connection: socket.socket) -> None:
            with connection:
                _head(connection)
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        with listening(refuse) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            with pytest.raises(ForgeError, match="the proxy on the way to") as caught:
                ask(f"https://{HOST}/api/v3")
        assert "HTTPS_PROXY" in (caught.value.hint or "")


class TestCertificates:
    @pytest.mark.parametrize(
        "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT"]
    )
    def test_a_company_s_own_authority(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, site.authority)
        assert ask(f"https://localhost:{site.port}/api/v3")

    def test_without_it_nothing_is_sent(self, site: Site) -> None:
        before = len(site.asked)
        with pytest.raises(ForgeError, match="certificate of localhost") as caught:
            ask(f"https://localhost:{site.port}/api/v3")
        assert "SSL_CERT_FILE" in (caught.value.hint or "")
        assert len(site.asked) == before

    def test_downloads_trust_it_too(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        url = f"https://localhost:{site.port}"
        arguments = {"token": SECRET, "timeout": 5, "sleep": lambda _: None, "subject": "it"}
        monkeypatch.setenv("PIP_CERT", site.authority)
        with Api(url=url, **arguments) as api:  # type: ignore[arg-type]
            assert api.download("/zip", limit=100) == b'{"ok": true}'
        monkeypatch.setenv("PIP_CERT", str(tmp_path / "missing.pem"))
        with (
            Api(url=url, **arguments) as api,  # type: ignore[arg-type]
            pytest.raises(ForgeError, match=r"missing\.pem"),
        ):
            api.download("/zip", limit=100)
