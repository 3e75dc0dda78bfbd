"""What the headers of a request say: what it is called, and what its body is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.serving.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_ID = 128
_MEDIA = (b"application/json", b"application/octet-stream", b"application/x-www-form-urlencoded")
"""What the type of a body may be; the last is what curl says of anything."""


def own_id(given: bytes) -> str:
    """The id that a client or a proxy gave; what no log should hold is left out."""
    if given.isalnum() and len(given) <= _LONGEST_ID:  # as nginx gives it
        return given.decode("ascii")
    text = given[:_LONGEST_ID].decode("ascii", "replace")
    return "".join(one for one in text if one.isalnum() or one in "-_.:/=+@") or "none"


def check_media(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that is no JSON by what its headers say.

    Raises:
        RequestError: It is so.
    """
    media = headers.get(b"content-type")
    if media is not None and media not in _MEDIA:
        bare = media.partition(b";")[0].strip().lower()
        if bare not in _MEDIA and not bare.endswith(b"+json"):
            raise RequestError(415, "The body has to be JSON: `Content-Type: application/json`.")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise RequestError(415, "The body must not be compressed.")
