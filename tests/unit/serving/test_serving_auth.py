"""Keys and tokens: who may ask, and that nothing of them is ever shown."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from assay.errors import UsageError
from assay.serving import auth
from assay.serving.auth import KeyGuard
from assay.serving.errors import RequestError
from assay.serving.oidc import KEEP, PAUSE, OidcGuard, Provider
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "a-secret-that-nobody-knows"
OTHER = "another-secret-of-somebody"
DIGEST = hashlib.sha256(OTHER.encode()).hexdigest()
TEXT = f"# keys\n\nshop {SECRET}\nsha256:{DIGEST}\n"


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {key}".encode()}


def test_each_key_has_a_name() -> None:
    guard = KeyGuard(auth.keys(TEXT, shown="keys"))

    assert guard.caller(bearer(SECRET)) == "shop"
    assert guard.caller({b"x-api-key": OTHER.encode()}) == "key 2"
    assert guard.caller({b"authorization": f"bearer  {OTHER} ".encode()}) == "key 2"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer(SECRET[:-1]),
        bearer(DIGEST),  # what is in the file is no key
        bearer(f"sha256:{DIGEST}"),
        bearer("x" * 100_000),
        {b"authorization": b"Basic " + SECRET.encode()},
        {b"authorization": b"Basic x", b"x-api-key": SECRET.encode()},
        {b"x-api-key": b"\xff\xfe"},
    ],
)
def test_who_has_no_key_may_not_ask(headers: dict[bytes, bytes]) -> None:
    guard = KeyGuard(auth.keys(TEXT, shown="keys"))

    with pytest.raises(RequestError) as caught:
        guard.caller(headers)

    assert caught.value.status == 401
    assert dict(caught.value.headers)[b"www-authenticate"].startswith(b"Bearer")
    assert SECRET not in caught.value.message


def test_no_secret_is_in_a_repr() -> None:
    keys = auth.keys(TEXT, shown="keys")

    assert SECRET not in repr(keys) + repr(KeyGuard(keys))
    assert SECRET.encode() not in keys.names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no API key"),
        ("# nothing\n", "has no API key"),
        ("short\n", "Line 1 of the file is no API key"),
        (f"{SECRET}\na name {SECRET}\n", "Line 2 of the file is no API key"),
    ],
)
def test_a_line_that_is_no_key_is_named_by_its_number(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        auth.keys(text, shown="the file")

    assert said in caught.value.message
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        auth.keys_of(tmp_path / "keys")
    (tmp_path / "keys").write_bytes(b"\xff" * 20)
    with pytest.raises(UsageError, match="no UTF-8"):
        auth.keys_of(tmp_path / "keys")


ISSUER = "https://id.example.com/realm"
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())
NOW = 2_000_000_000
"""Later than the real clock: PyJWT has one of its own."""


class Network:
    """An OpenID provider: its documents by address, and what was asked for."""

    def __init__(self, *keys: Any) -> None:
        algorithm = jwt.algorithms.ECAlgorithm
        self.asked: list[str] = []
        self.documents: dict[str, Any] = {
            f"{ISSUER}/.well-known/openid-configuration": {"jwks_uri": f"{ISSUER}/keys"},
            f"{ISSUER}/keys": {
                "keys": [
                    {
                        **algorithm.to_jwk(key.public_key(), as_dict=True),
                        "kid": f"k{at}",
                        "alg": "ES256",
                    }
                    for at, key in enumerate(keys)
                ]
            },
        }

    def __call__(self, url: str) -> Any:
        self.asked.append(url)
        if url not in self.documents:
            raise OSError("no network")
        return self.documents[url]


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def token(key: Any = KEY, kid: str | None = "k0", algorithm: str = "ES256", **claims: Any) -> str:
    said = {"iss": ISSUER, "aud": "assay", "sub": "shop", "exp": NOW + 600, **claims}
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key, algorithm, headers={} if kid is None else {"kid": kid})


def guarded(network: Network | None = None, clock: Clock | None = None) -> OidcGuard:
    provider = Provider(ISSUER, "assay")
    return OidcGuard(provider, fetch=network or Network(KEY), clock=clock or Clock())


def asked(guard: OidcGuard, given: str) -> str:
    found = guard.caller(bearer(given))
    return found if isinstance(found, str) else asyncio.run(_waited(found))


async def _waited(found: Any) -> str:
    return str(await found)


def test_a_token_of_the_provider_is_good() -> None:
    network = Network(KEY)
    guard = guarded(network)

    assert asked(guard, token()) == "shop"
    assert network.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]
    # Seen before: at once, without a second look at its signature.
    given = token(sub="reports")
    assert asked(guard, given) == "reports"
    assert guard.caller(bearer(given)) == "reports"
    assert len(network.asked) == 2


def test_one_key_needs_no_name() -> None:
    assert asked(guarded(), token(kid=None)) == "shop"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (token(exp=1), "expired"),
        (token(exp=None), "not good here"),
        (token(exp=10**400), "not good here"),
        (token(exp=float("inf")), "not good here"),
        (token(exp="soon"), "not good here"),
        (token(nbf=10**400), "not good here"),
        (token(aud="another"), "not good here"),
        (token(aud=None), "not good here"),
        (token(iss="https://evil.example.com"), "not good here"),
        (token(sub=None), "not good here"),
        (token(nbf=NOW + 1000), "not good here"),
        (token(STRANGER), "not good here"),
        (token(STRANGER, kid="unknown"), "does not publish"),
        (token("x" * 32, algorithm="HS256"), "algorithm"),
        (token(None, algorithm="none"), "algorithm"),
        ("no.token", "no JWT"),
        ("\xff", "no JWT"),
        (f"{token(sub='admin').rpartition('.')[0]}.{token().rpartition('.')[2]}", "not good here"),
        (token().rpartition(".")[0] + ".", "not good here"),
    ],
)
def test_any_other_token_is_not(given: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        asked(guarded(), given)

    assert caught.value.status == 401
    assert said in caught.value.message
    assert given not in caught.value.message


def test_a_public_key_is_no_shared_secret() -> None:
    """RFC 8725, 2.1: a token signed by HMAC with the published key as its secret."""
    network = Network(KEY)
    shared = str(network.documents[f"{ISSUER}/keys"]["keys"][0])

    with pytest.raises(RequestError, match="algorithm"):
        asked(guarded(network), token(shared, algorithm="HS256"))


def test_unknown_keys_are_no_load_on_the_provider() -> None:
    network, clock = Network(KEY), Clock()
    guard = guarded(network, clock)
    asked(guard, token())

    for _ in range(5):
        with pytest.raises(RequestError):
            asked(guard, token(STRANGER, kid="k1"))
    assert len(network.asked) == 2

    # The provider has a new key: it is found when the pause is over.
    network.documents = Network(KEY, STRANGER).documents
    clock.now += PAUSE
    assert asked(guard, token(STRANGER, kid="k1")) == "shop"


def test_known_keys_stay_good_without_the_provider() -> None:
    network, clock = Network(KEY), Clock()
    guard = guarded(network, clock)
    asked(guard, token())
    network.documents = {}
    clock.now += KEEP + 1

    assert asked(guard, token(exp=NOW + 2 * int(KEEP))) == "shop"


class Later(datetime):
    """A clock that is ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> Later:
        return super().now(tz) + timedelta(minutes=2)  # type: ignore[return-value]


def test_a_token_is_not_remembered_beyond_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    guard = guarded(clock=clock)
    end = int(time.time()) + 1  # PyJWT's own clock decides whether it is over
    clock.now = end - 1.0
    given = token(exp=end - 20)
    asked(guard, given)
    monkeypatch.setattr("jwt.api_jwt.datetime", Later)

    clock.now += 40

    with pytest.raises(RequestError, match="expired"):
        asked(guard, given)


def test_without_the_provider_nobody_can_tell() -> None:
    network = Network(KEY)
    network.documents = {}

    with pytest.raises(RequestError) as caught:
        asked(guarded(network), token())

    assert caught.value.status == 503
    assert dict(caught.value.headers)[b"retry-after"] == b"30"


def test_the_provider_may_not_send_us_for_keys_elsewhere() -> None:
    network = Network(KEY)
    insecure = "http://id.example.com/keys"
    network.documents[f"{ISSUER}/.well-known/openid-configuration"] = {"jwks_uri": insecure}

    with pytest.raises(RequestError) as caught:
        asked(guarded(network), token())

    assert caught.value.status == 503
    assert insecure not in network.asked


@pytest.fixture
def local() -> Iterator[tuple[str, dict[str, Any]]]:
    """(an issuer on this machine, its documents by path; text is where it sends to)."""
    documents: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = documents.get(self.path)
            self.send_response(404 if found is None else 302 if isinstance(found, str) else 200)
            self.send_header("Location", found if isinstance(found, str) else "")
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", documents
        server.shutdown()
        thread.join()


def test_keys_are_fetched_from_where_the_provider_says(local: tuple[str, dict[str, Any]]) -> None:
    issuer, documents = local
    documents["/.well-known/openid-configuration"] = {"jwks_uri": f"{issuer}/keys"}
    documents["/keys"] = Network(KEY).documents[f"{ISSUER}/keys"]
    guard = OidcGuard(Provider(issuer, "assay"))

    assert asked(guard, token(iss=issuer)) == "shop"


def test_the_provider_is_not_followed_elsewhere(local: tuple[str, dict[str, Any]]) -> None:
    issuer, documents = local
    documents["/keys"] = f"{issuer}/elsewhere"
    documents["/elsewhere"] = Network(KEY).documents[f"{ISSUER}/keys"]
    guard = OidcGuard(Provider(issuer, "assay", jwks=f"{issuer}/keys"))

    with pytest.raises(RequestError) as caught:
        asked(guard, token(iss=issuer))
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("issuer", "audience", "said"),
    [
        ("http://id.example.com", "assay", "issuer of the OpenID provider"),
        ("file:///etc/passwd", "assay", "issuer of the OpenID provider"),
        ("id.example.com", "assay", "issuer of the OpenID provider"),
        (ISSUER, "", "audience"),
    ],
)
def test_a_provider_has_to_be_safe(issuer: str, audience: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Provider(issuer, audience)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jwt", None)

    with pytest.raises(UsageError) as caught:
        guarded()

    assert "PyJWT" in caught.value.message
    assert "assay[oidc]" in str(caught.value.hint)
