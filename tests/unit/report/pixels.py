"""A PNG decoder by the letter of the specification, to hold ours against."""

from __future__ import annotations

import struct
import zlib


def pixels(png: bytes) -> list[bytes]:
    """The colours of an image without transparency, row after row, three bytes each.

    https://www.w3.org/TR/png-3/#9Filters
    """
    header, data = _parts(png)
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", header)
    assert (depth, *rest) == (8, 0, 0, 0)
    channels = {2: 3, 6: 4}[colour]
    lines = zlib.decompress(data)
    found: list[bytes] = []
    above = bytearray(channels * width)
    for start in range(0, len(lines), channels * width + 1):
        kind, *values = lines[start : start + channels * width + 1]
        line = bytearray(values)
        for i, value in enumerate(values):
            left = line[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            line[i] = (value + _predicted(kind, left, above[i], corner)) & 255
        found += [bytes(line[i : i + 3]) for i in range(0, len(line), channels)]
        assert channels == 3 or set(line[3::4]) == {255}
        above = line
    assert len(found) == width * height
    return found


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return (0, left, up, (left + up) // 2)[kind]


def _parts(png: bytes) -> tuple[bytes, bytes]:
    at, header, data = 8, b"", b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + content)
        header, data = (
            (content if kind == b"IHDR" else header),
            (data + content if kind == b"IDAT" else data),
        )
        at += 12 + length
    return header, data
