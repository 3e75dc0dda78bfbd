"""Requests of every protocol with parts changed, doubled, cut or left out; for `fuzz_serving`."""

from __future__ import annotations

import copy
import json
import struct
from typing import TYPE_CHECKING, Any

from tests import serving_bundles
from tests.serving_live import request, tensors

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_GOOD = serving_bundles.rows(3)


def good(random_: random.Random) -> tuple[str, bytes, dict[str, str]]:
    """(path, body, headers) of a right request of some protocol."""
    rows = random_.sample(_GOOD, random_.randint(1, 3))
    kind = random_.randrange(5)
    if kind == 0:
        return "/predict", json.dumps({"rows": rows}).encode(), {}
    if kind == 1:
        return "/v2/models/peak-hour/infer", json.dumps(tensors(rows)).encode(), {}
    if kind == 2:
        return "/v1/models/peak-hour:predict", json.dumps({"instances": rows}).encode(), {}
    if kind == 3:
        return "/feedback", json.dumps({"id": "x", "truth": [1]}).encode(), {}
    hours = struct.pack(f"<{len(rows)}q", *(row["hour"] for row in rows))
    found = tensors(rows, parameters={"binary_data_output": True})
    del found["inputs"][0]["data"]
    found["inputs"][0]["parameters"] = {"binary_data_size": len(hours)}
    head = json.dumps(found).encode()
    length = {"inference_header_content_length": str(len(head))}
    return "/v2/models/peak-hour/infer", head + hours, length


def spoiled(random_: random.Random) -> Iterator[bytes]:
    """Requests with something wrong, for ever."""
    while True:
        path, body, headers = good(random_)
        kind = random_.randrange(6)
        if kind == 0:  # the body, whose length is told rightly
            yield request(path, mutated(body, random_), **headers)
        elif kind == 1:  # the document: values of other kinds
            yield request(path, other_values(body, random_), **headers)
        elif kind == 2:  # the head
            head, _, rest = request(path, body, **headers).partition(b"\r\n\r\n")
            yield mutated(head, random_) + b"\r\n\r\n" + rest
        elif kind == 3:  # all of it
            yield mutated(request(path, body, **headers), random_)
        elif kind == 4:  # headers that contradict
            yield request(path, body, **{**headers, **strange_headers(random_)})
        else:
            several = [request(path, body, **headers) for _ in range(random_.randint(1, 4))]
            yield mutated(b"".join(several), random_) + random_.randbytes(random_.randrange(200))


def mutated(data: bytes, random_: random.Random) -> bytes:
    """Data with some bytes changed, put in, doubled or cut."""
    found = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(found) + 1)
        to = min(len(found), at + random_.randint(1, 12))
        kind = random_.randrange(5)
        if kind == 0:
            found[at:to] = random_.randbytes(to - at)
        elif kind == 1:
            found[at:at] = random_.choice(_TOKENS)
        elif kind == 2:
            found[at:at] = found[at:to]
        elif kind == 3:
            del found[at:to]
        else:
            del found[at:]
    return bytes(found)


_TOKENS = [
    *(b"\0", b"\r\n", b"\xff\xfe", b"\xed\xa0\x80", b'"', b"{", b"[" * 2000, b"null", b"NaN"),
    *(b"-", b"1e999", b"9" * 400, b"\\ud800", b"Infinity", b"true", b"%00", b"..", b"%2e%2e/"),
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
]
_VALUES = [
    *(None, True, -1, 0, 2**63, -(2**63), 2**64, 10**30, 1e308, -1e308, 5e-324, 1.5, -0.0, ""),
    *("\0", "x" * 5000, "\U0001f6b2", "summer", [], [[]], [1, 2], {}, {"b64": "eA=="}, {"b64": 1}),
    *(float("nan"), float("inf"), {"binary_data_size": 3}, {"binary_data": 1}),
]
_HEADERS = {
    "content_length": ["-1", "0", "1", "99999999999999999999", "1e3", "x", "5, 5", ""],
    "transfer_encoding": ["chunked", "gzip", "identity", "chunked, chunked"],
    "content_type": ["text/plain", "application/json; charset=utf-16", "\xff", "", "a/b;" * 50],
    "content_encoding": ["gzip", "identity", "br"],
    "inference_header_content_length": ["0", "1", "-1", "99999999999", "٣", "2" * 5000],
    "x_request_id": ["", "a" * 5000, "\xff\xfe", "' OR 1=1 --", "../../x"],
    "connection": ["close", "keep-alive", "upgrade"],
    "expect": ["100-continue", "200-ok"],
    "host": ["", "a" * 3000, "\xff"],
}


def strange_headers(random_: random.Random) -> dict[str, str]:
    names = random_.sample(sorted(_HEADERS), random_.randint(1, 3))
    # As a header's bytes go, what is beyond Latin-1 is UTF-8.
    return {name: random_.choice(_HEADERS[name]) for name in names}


def other_values(body: bytes, random_: random.Random) -> bytes:
    """A document with a few of its values replaced by others."""
    try:
        document = json.loads(body)
    except ValueError:  # with tensors behind it
        return mutated(body, random_)
    for _ in range(random_.randint(1, 3)):
        places = list(_places(document))
        if places:
            inside, at = random_.choice(places)
            inside[at] = copy.deepcopy(random_.choice(_VALUES))
    return json.dumps(document).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where values are: (what they are in, at which key)."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])
