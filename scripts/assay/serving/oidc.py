"""Bearer tokens of an OpenID provider: a JWT that is signed by a key of its key set.

A token has to be signed with an asymmetric algorithm by a key that the provider publishes, and to
have this server's audience, the provider as issuer, and a time at which it ends
(https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation, RFC 8725). Its `sub` is
who asks.

The key set is fetched when the first token comes, in a thread, and kept for `KEEP` seconds. A token
that names an unknown key has it fetched again, at most every `PAUSE` seconds, so that a stranger's
tokens become no load on the provider. When the provider cannot be reached, keys that are known stay
good; without any, the answer is 503.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assay import extras
from assay.errors import ProjectEnvironmentError, UsageError
from assay.serving.auth import bearer, unknown
from assay.serving.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
KEEP, PAUSE = 3600.0, 30.0
_LEEWAY = 30
"""Seconds that clocks may differ."""
_REMEMBERED = 4096
"""Tokens that were found good; a signature takes longer to check than most models to answer."""
_RECHECK = 60.0
"""Seconds after which a remembered token is checked again."""
_LARGEST = 1_000_000
_TIMEOUT = 5.0


@dataclass(frozen=True)
class Provider:
    """Whose tokens are good."""

    issuer: str
    """As the tokens have it."""
    audience: str
    """What a token has to be for: this server."""
    jwks: str | None = None
    """Where the keys are; by default where the issuer's discovery document says."""

    def __post_init__(self) -> None:
        for what, url in (("issuer", self.issuer), ("key set", self.jwks)):
            if url is not None and not _is_safe(url):
                raise UsageError(
                    f"The {what} of the OpenID provider is {url!r}.",
                    hint="Keys have to come by https; by http from this machine alone.",
                )
        if not self.audience:
            raise UsageError(
                "The OpenID provider's tokens need an audience.",
                hint="Else a token for any other service of theirs would be good here.",
            )


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))


class OidcGuard:
    """Lets those ask who have a token.

    Args:
        provider: Whose.
        fetch: Gives the document at an address; by default from the network.
        clock: Seconds since 1970.

    Raises:
        ProjectEnvironmentError: PyJWT is not installed.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        fetch: Callable[[str], Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            self._jwt = importlib.import_module("jwt")
        except ImportError as error:
            raise ProjectEnvironmentError(
                "Bearer tokens need PyJWT, which is not installed.", hint=extras.hint("oidc")
            ) from error
        self._provider = provider
        self._fetch = fetch or _fetched
        self._clock = clock
        self._keys: dict[str | None, Any] = {}
        self._since = self._tried = float("-inf")
        self._refresh: asyncio.Lock | None = None
        self._good: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def caller(self, headers: Mapping[bytes, bytes]) -> str | Awaitable[str]:
        """Who asks; at once where the token was seen before.

        Raises:
            RequestError: Nobody who is known (401), or nobody can tell (503).
        """
        token = bearer(headers)
        digest = hashlib.sha256(token).digest()
        known = self._good.get(digest)
        if known is not None and self._clock() < known[1]:
            return known[0]
        return self._checked(token, digest)

    async def _checked(self, token: bytes, digest: bytes) -> str:
        kid = self._kid(token)
        now = self._clock()
        if kid not in self._keys or now - self._since > KEEP:
            await self._renewed(kid)
        key = self._keys.get(kid)
        if key is None:
            raise unknown("The token is signed by a key that its provider does not publish.")
        claims = self._claims(token, key)
        who = str(claims["sub"])[:200]
        self._good[digest] = (who, min(now + _RECHECK, float(claims["exp"]) + _LEEWAY))
        while len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)
        return who

    def _kid(self, token: bytes) -> str | None:
        try:
            head = self._jwt.get_unverified_header(token)
        except self._jwt.PyJWTError:
            raise unknown("The token is no JWT.") from None
        # Before anything is fetched: `none`, or a secret that both sides know, is never right.
        if head.get("alg") not in ALGORITHMS:
            raise unknown("The token is not signed by an algorithm that is accepted.")
        kid = head.get("kid")
        return kid if isinstance(kid, str) else None

    def _claims(self, token: bytes, key: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            float(found["exp"])  # PyJWT takes whole numbers, however long
        except self._jwt.ExpiredSignatureError:
            raise unknown("The token has expired.") from None
        except (self._jwt.PyJWTError, OverflowError, ValueError) as error:
            raise unknown(f"The token is not good here: {type(error).__name__}.") from None
        return found

    async def _renewed(self, kid: str | None) -> None:
        """Fetch the key set, unless somebody else just did."""
        if self._refresh is None:
            self._refresh = asyncio.Lock()
        async with self._refresh:
            now = self._clock()
            stale = kid not in self._keys or now - self._since > KEEP
            if not stale or now - self._tried < PAUSE:
                return
            self._tried = now
            try:
                self._keys = await asyncio.to_thread(self._key_set)
                self._since = now
            except (OSError, ValueError, KeyError, TypeError, self._jwt.PyJWTError):
                if not self._keys:
                    raise RequestError(
                        503,
                        "The provider of tokens cannot be reached, so nobody can tell who asks.",
                        kind="internal",
                        headers=((b"retry-after", b"30"),),
                    ) from None

    def _key_set(self) -> dict[str | None, Any]:
        where = self._provider.jwks
        if where is None:
            base = self._provider.issuer.rstrip("/")
            where = self._fetch(f"{base}/.well-known/openid-configuration")["jwks_uri"]
            if not _is_safe(where):
                raise ValueError("keys have to come by https")
        found = self._jwt.PyJWKSet.from_dict(self._fetch(where))
        keys: dict[str | None, Any] = {one.key_id: one for one in found.keys}
        if len(keys) == 1:  # then a token need not say which
            keys[None] = found.keys[0]
        return keys


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nobody: an address that was checked would lead to one that was not."""

    def redirect_request(self, *given: Any) -> None:
        """No request."""


def _fetched(url: str) -> Any:
    """A JSON document; `url` is https, or on this machine."""
    opener = urllib.request.build_opener(_Stays)
    try:
        with opener.open(url, timeout=_TIMEOUT) as response:
            return json.loads(response.read(_LARGEST))
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
