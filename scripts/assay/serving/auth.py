"""Who may ask: API keys, or bearer tokens of an OpenID provider. Neither is ever shown or logged.

A key comes as `Authorization: Bearer KEY` or as `X-API-Key: KEY`. Several are good at once, so that
one can be replaced without a gap: add the new one, let clients change, remove the old one. What is
kept in memory, and may be written in the file in place of a key, is its SHA-256; comparison takes
the same time whatever was sent.

A file has a key a line, with a name before it where the access log shall tell who asked:

    # comments and empty lines are left out
    shop     2f1c9a0e7d...
    reports  sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.serving.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEAST = 16
"""Characters of a key; what is shorter can be tried out."""
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="assay"'),)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)
_HOW = "Give each key as `NAME KEY` on a line of its own, at least 16 characters without spaces."
_LONGEST = 16_384
"""Bytes of a header with a key or token."""


@dataclass(frozen=True)
class Keys:
    """Keys that are good, by the SHA-256 of each."""

    names: Mapping[bytes, str] = field(repr=False)

    def caller(self, given: bytes) -> str | None:
        """Whose key it is; `None` of none."""
        digest = hashlib.sha256(given).digest()
        found = None
        for known, name in self.names.items():  # all of them: when it ends tells nothing
            if hmac.compare_digest(known, digest):
                found = name
        return found


def keys(text: str, *, shown: str) -> Keys:
    """The keys of a text.

    Args:
        text: Of a file or a variable; see the module.
        shown: What messages call it; never a line of it, which would be a key.

    Raises:
        UsageError: It has none, or a line that is none.
    """
    found: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        digest = _DIGEST.fullmatch(words[-1])
        if len(words) > 2 or (digest is None and len(words[-1]) < LEAST):
            raise UsageError(f"Line {number} of {shown} is no API key.", hint=_HOW)
        secret = bytes.fromhex(digest[1]) if digest else _sha256(words[-1])
        found[secret] = words[0] if len(words) == 2 else f"key {len(found) + 1}"
    if not found:
        raise UsageError(f"{shown} has no API key, so nobody could ask.", hint=_HOW)
    return Keys(found)


def keys_of(path: Path) -> Keys:
    """The keys of a file.

    Raises:
        UsageError: It cannot be read, or has none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise UsageError(f"The API keys in {path} cannot be read: {why}.") from None
    return keys(text, shown=str(path))


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def bearer(headers: Mapping[bytes, bytes]) -> bytes:
    """What came as `Authorization: Bearer`, or as `X-API-Key`.

    Args:
        headers: Names in lower case.

    Raises:
        RequestError: There is neither (401).
    """
    authorization = headers.get(b"authorization")
    if authorization is not None:
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and given.strip() and len(given) <= _LONGEST:
            return given.strip()
    elif key := headers.get(b"x-api-key", b"")[:_LONGEST].strip():
        return key
    raise unknown("The request has no key: send `Authorization: Bearer KEY`.")


def unknown(message: str) -> RequestError:
    """Nobody is known to ask: 401."""
    return RequestError(401, message, headers=_CHALLENGE)


@dataclass(frozen=True, eq=False)
class KeyGuard:
    """Lets those ask who have a key."""

    keys: Keys

    def caller(self, headers: Mapping[bytes, bytes]) -> str:
        """Who asks.

        Raises:
            RequestError: Nobody who is known.
        """
        found = self.keys.caller(bearer(headers))
        if found is None:
            raise unknown("The key is not one of this server.")
        return found
