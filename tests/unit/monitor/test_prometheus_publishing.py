"""Figures get to a file and to a Pushgateway whole, or a warning says why, without the address."""

from __future__ import annotations

import base64
import http.server
import io
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import typer
from assay import climonitor
from assay.config import load
from assay.configmonitor import PrometheusSpec
from assay.errors import ConfigError, OutsideError, UsageError
from assay.monitor import exposition, outgoing
from assay.monitor.publishing import publish
from assay.monitor.reasons import reasons
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import make_context
from tests.prometheus_section import drifting, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from assay.section import Reason

SECRET = "s3cr3t-Pass/word"


@dataclass
class Gateway:
    """Answers each request with `status` and `body`, and remembers it."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)


@contextmanager
def serving(gateway: Gateway) -> Iterator[Gateway]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.got.append((self.command, self.path, body, dict(self.headers)))
            self.send_response(gateway.status)
            for name, text in gateway.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(gateway.body)))
            self.end_headers()
            self.wfile.write(gateway.body)

        do_PUT = do_POST = do_GET = answer  # noqa: N815 (the library's names)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with serving(Gateway()) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def pushed(environ: Mapping[str, str], tmp_path: Path, **changed: Any) -> tuple[Reason, ...]:
    spec = PrometheusSpec(pushgateway="GATEWAY")
    return publish(section(**changed), spec, environ, folder=tmp_path, at=5.0)


def warned(found: tuple[Reason, ...]) -> Reason:
    (one,) = found
    assert one.severity == "warning"
    assert one.message.startswith("Prometheus does not have what was found: ")
    assert one.hint
    return one


# The file ---------------------------------------------------------------------------------------


def test_the_file_is_whole_and_everybody_may_read_it(tmp_path: Path) -> None:
    spec = PrometheusSpec(textfile="assay.prom")
    (tmp_path / "assay.prom").write_text("old")
    assert publish(drifting(), spec, {}, folder=tmp_path, at=5.0) == ()
    path = tmp_path / "assay.prom"
    assert path.read_text() == exposition.text(drifting(), at=5.0)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_when_it_ran_is_now(tmp_path: Path) -> None:
    spec = PrometheusSpec(textfile="assay.prom")
    assert publish(section(), spec, {}, folder=tmp_path) == ()
    line = (tmp_path / "assay.prom").read_text().splitlines()[2]
    assert float(line.split()[-1]) > 1_700_000_000


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    spec = PrometheusSpec(textfile="node/assay.prom")
    one = warned(publish(section(), spec, {}, folder=tmp_path))
    assert f"there is no folder {tmp_path}/node." in one.message
    assert "--collector.textfile.directory" in str(one.hint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["assay.txt", "assay.prom.tmp", "assay", ""])
def test_a_name_that_node_exporter_would_not_read(tmp_path: Path, name: str) -> None:
    prometheus = f"monitor: {{log: {{path: log}}, alerts: {{prometheus: {{textfile: '{name}'}}}}}}"
    (tmp_path / "assay.yaml").write_text(prometheus)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert caught.value.line == 1
    assert "`monitor.alerts.prometheus.textfile`" in caught.value.message
    assert f"is {name!r}; node_exporter reads files whose names end" in caught.value.message


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "assay.prom").mkdir()
    spec = PrometheusSpec(textfile="assay.prom")
    one = warned(publish(section(), spec, {}, folder=tmp_path))
    assert "cannot be written: Is a directory." in one.message
    assert list(tmp_path.iterdir()) == [tmp_path / "assay.prom"]


# The Pushgateway --------------------------------------------------------------------------------


def test_all_of_it_replaces_what_was_there(gateway: Gateway, tmp_path: Path) -> None:
    assert pushed({"GATEWAY": gateway.url}, tmp_path) == ()
    ((verb, path, body, headers),) = gateway.got
    assert (verb, path) == (
        "PUT",
        "/metrics/job/assay_monitor/model/peak-hour/environment/production",
    )
    assert body.decode() == exposition.text(section(), at=5.0)
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Authorization" not in headers


def test_a_prefix_a_user_and_a_password(gateway: Gateway, tmp_path: Path) -> None:
    url = gateway.url.replace("//", "//ann:s3cr3t-Pass%2Fword@") + "/push/"
    assert pushed({"GATEWAY": f" {url}\n"}, tmp_path, environment=None) == ()
    ((_, path, _, headers),) = gateway.got
    assert path == "/push/metrics/job/assay_monitor/model/peak-hour/environment@base64/="
    token = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    assert headers["Authorization"] == f"Basic {token}"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_grouping_key_is_what_the_label_is(value: str) -> None:
    from assay.monitor.publishing import _encoded

    coded = _encoded(value)
    # As the Pushgateway reads it, after whatever is between has made the path plain.
    kind, _, text = coded.partition("/")
    assert "/" not in text
    assert text not in ("", ".", "..")
    assert unquote(text) == text
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    read = base64.urlsafe_b64decode(padded).decode() if kind == "@base64" else text
    assert read == value


def test_a_refusal_is_shown(gateway: Gateway, tmp_path: Path) -> None:
    gateway.status, gateway.body = 400, b"pushed metrics are invalid:\n  \x1b[1mtwice"
    one = warned(pushed({"GATEWAY": gateway.url}, tmp_path))
    assert one.message.endswith(
        "the Pushgateway in GATEWAY answered 400: pushed metrics are invalid: \\x1b[1mtwice"
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_what_is_redirected_is_not_followed(gateway: Gateway, tmp_path: Path, status: int) -> None:
    gateway.status = status
    gateway.headers = {"Location": f"{gateway.url}/elsewhere"}
    one = warned(pushed({"GATEWAY": gateway.url}, tmp_path))
    assert f"answered {status}." in one.message
    assert len(gateway.got) == 1


@pytest.mark.parametrize(
    "body",
    [
        "no {url}",
        "no 127.0.0.1",
        f"no ann:{SECRET}",
        "no s3cr3t-Pass",
        "<html>Bad Gateway</html>",
        "",
    ],
)
def test_an_answer_that_repeats_the_address_is_not_shown(
    gateway: Gateway, tmp_path: Path, body: str
) -> None:
    gateway.status, gateway.body = 502, body.format(url=gateway.url).encode()
    url = gateway.url.replace("//", "//s3cr3t-Pass:s3cr3t-Pass%2Fword@")
    one = warned(pushed({"GATEWAY": url}, tmp_path))
    assert one.message.endswith("the Pushgateway in GATEWAY answered 502.")


@pytest.mark.parametrize("address", ["services/T0/{}", "hook?room=1&token={}"])
def test_an_answer_that_names_a_part_of_the_address_is_not_shown(
    gateway: Gateway, address: str
) -> None:
    gateway.status, gateway.body = 403, b'{"error": "no such token: s3cr3t+Token"}'
    where = {"HOOK": f"{gateway.url}/{address.format('s3cr3t%2BToken')}"}
    with pytest.raises(OutsideError) as caught:
        outgoing.send("POST", "HOOK", where, body=b"", media="text/plain", whose="the webhook")
    assert caught.value.message == "the webhook in HOOK answered 403."


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (None, "the environment variable GATEWAY, with the address of the Pushgateway, is not set"),
        ("  ", "the environment variable GATEWAY, with the address of the Pushgateway, is not set"),
        (f"gate.example/{SECRET}", "holds no address of the Pushgateway"),
        (f"ftp://gate.example/{SECRET}", "holds no address of the Pushgateway"),
        (f"http://gate.example/{SECRET}\r\nX: y", "holds no address of the Pushgateway"),
        (f"http://gate example/{SECRET}", "holds no address of the Pushgateway"),
        (f"http://:9091/{SECRET}", "holds no address of the Pushgateway"),
        (f"http://gate.example:nine/{SECRET}", "holds no address of the Pushgateway"),
        (f"http://[::1/{SECRET}", "holds no address of the Pushgateway"),
        (f"http://gäte.example/{SECRET}", "holds no address of the Pushgateway"),
        (f"http://ann:{SECRET}@127.0.0.1", "holds no address of the Pushgateway"),
        ("http://ann:s3cr3t@127.0.0.1:1/gate", "did not answer: Connection refused."),
        (f"http://{'a' * 70}.invalid/{SECRET}", "did not answer: "),
    ],
)
def test_addresses_that_lead_nowhere(tmp_path: Path, address: str | None, message: str) -> None:
    environ = {} if address is None else {"GATEWAY": address}
    one = warned(pushed(environ, tmp_path))
    assert message in one.message
    said = repr(one)
    assert SECRET not in said
    assert "s3cr3t" not in said
    assert "gate" not in said.replace("GATEWAY", "").replace("Pushgateway", "")


def test_the_address_is_in_no_trace_either(gateway: Gateway) -> None:
    gateway.status = 500
    with pytest.raises(OutsideError) as caught:
        outgoing.send(
            "PUT", "G", {"G": f"{gateway.url}/{SECRET}"}, body=b"", media="a/b", whose="x"
        )
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert SECRET not in caught.value.message


def test_one_that_says_nothing() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OutsideError, match="did not answer: it took too long"):
            outgoing.send("PUT", "G", {"G": url}, body=b"", media="a/b", whose="x", timeout=0.05)


def test_one_that_is_no_server_of_http() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{other.getsockname()[1]}/{SECRET}"
        with pytest.raises(OutsideError, match="did not answer: BadStatusLine"):
            outgoing.send("PUT", "G", {"G": url}, body=b"", media="a/b", whose="x")
        thread.join()


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(OutsideError, match="did not answer: No such file or directory"):
        outgoing.send("PUT", "G", {"G": "https://g"}, body=b"", media="a/b", whose="x")


def test_both_are_tried_and_each_failure_is_said(tmp_path: Path) -> None:
    spec = PrometheusSpec(textfile="none/x.prom", pushgateway="GATEWAY")
    found = publish(section(), spec, {}, folder=tmp_path)
    assert [one.severity for one in found] == ["warning", "warning"]
    assert "none" in found[0].message
    assert "GATEWAY" in found[1].message


@pytest.mark.parametrize("github", [True, False])
def test_the_warning_is_read_by_people_once(tmp_path: Path, *, github: bool) -> None:
    context = make_context(tmp_path, github=github, environ={})
    found = drifting()
    verdict = reasons(found)
    found = found.model_copy(update={"reasons": (*verdict, *pushed({}, tmp_path))})
    with pytest.raises(typer.Exit):
        climonitor._end(context, found, as_json=False)
    assert isinstance(context.console.out, io.StringIO)
    said = context.console.out.getvalue()
    assert said.count("Prometheus does not have what was found: ") == 1
    assert ("::warning" if github else "warning: ") in said
    assert said.count("::error") == (len(verdict) if github else 0)


def test_an_address_without_a_path_gets_what_is_sent_as_it_is(gateway: Gateway) -> None:
    outgoing.send("POST", "G", {"G": f"{gateway.url}/hook?a=b"}, body=b"{}", media="a/b", whose="x")
    assert gateway.got[0][:3] == ("POST", "/hook?a=b", b"{}")
    with pytest.raises(UsageError):
        outgoing.send("POST", "H", {}, body=b"{}", media="a/b", whose="x")
