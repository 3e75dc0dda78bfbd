"""Images as pixels: what a file holds, and PNG files as small as they get without a loss.

Formats: https://www.w3.org/TR/png-3/ and ITU-T T.81 (JPEG).
"""

from __future__ import annotations

import re
import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_RGBA = (8, 6, 0, 0, 0)
"""Bit depth, colour type, compression, filter, interlace of what vl-convert writes."""
# A JPEG begins with segments; that of the frame (SOF) holds the size.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEGMENT = re.compile(rb"\xff+([^\x00\xff])(..)", re.DOTALL)
_LEVEL = 6
"""Level 9 takes five times as long for 8 % less."""


def kind_and_size(content: bytes) -> tuple[str, int, int] | None:
    """`png` or `jpeg`, width and height as the file states them; `None` for anything else."""
    if content.startswith(PNG) and content[12:16] == b"IHDR" and len(content) >= 33:
        return ("png", *struct.unpack(">II", content[16:24]))
    return _jpeg(content) if content.startswith(_JPEG) else None


def _jpeg(content: bytes) -> tuple[str, int, int] | None:
    at = 2
    while (found := _SEGMENT.match(content, at)) is not None:
        if found[1][0] in _FRAMES:
            size = content[found.end() + 1 : found.end() + 5]
            if len(size) < 4:
                return None
            height, width = struct.unpack(">HH", size)
            return ("jpeg", width, height)
        at = found.start(2) + struct.unpack(">H", found[2])[0]
    return None


def smaller(png: bytes) -> bytes:
    """The same pixels in fewer bytes: compressed better, and without alpha where none is needed.

    Args:
        png: As vl-convert writes it.

    Raises:
        ValueError: It is something else.
    """
    header, lines = _read(png)
    opaque = _without_alpha(lines, *struct.unpack(">II", header[:8]))
    if opaque is not None:
        lines, header = opaque, header[:9] + b"\x02" + header[10:]
    made = PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, _LEVEL))
    return made + _chunk(b"IEND", b"")


def blank(png: bytes) -> bool:
    """Whether every pixel is transparent, as where nothing was drawn; see `smaller`."""
    header, lines = _read(png)
    length = 4 * struct.unpack(">I", header[:4])[0] + 1
    # Whatever the filter, lines of nothing but zeros are differences of zero.
    return not any(any(lines[at + 1 : at + length]) for at in range(0, len(lines), length))


def _read(png: bytes) -> tuple[bytes, bytes]:
    """The header, and the filtered lines with the number of the filter before each."""
    chunks = _chunks(png)
    header, data = chunks.get(b"IHDR", b""), chunks.get(b"IDAT", b"")
    if len(header) != 13 or struct.unpack(">5B", header[8:]) != _RGBA:
        raise ValueError("no PNG of eight bits for each of red, green, blue and alpha")
    width, height = struct.unpack(">II", header[:8])
    length = (4 * width + 1) * height
    try:
        lines = zlib.decompressobj().decompress(data, length + 1)
    except zlib.error as error:
        raise ValueError(f"no PNG: {error}") from error
    if len(lines) != length:
        raise ValueError("a PNG with more or fewer pixels than its header says")
    return header, lines


def _without_alpha(lines: bytes, width: int, height: int) -> bytes | None:
    """RGBA scanlines as RGB ones; `None` where a pixel may be transparent.

    Every filter of PNG works on each channel by itself, so that a channel can be left out of
    filtered lines. Lines that hold 255 throughout are 255, 255, ... without a filter, and
    255, 0, 0, ... as differences from the left neighbour ("Sub"), which is what vl-convert writes.
    """
    plain = {0: b"\xff" * width, 1: b"\xff" + bytes(width - 1)}
    length = 4 * width + 1
    made = bytearray()
    for start in range(0, length * height, length):
        line = lines[start : start + length]
        if line[4::4] != plain.get(line[0]):
            return None
        rgb = bytearray(3 * width + 1)
        rgb[0] = line[0]
        for channel in (1, 2, 3):
            rgb[channel::3] = line[channel::4]
        made += rgb
    return bytes(made)


def _chunks(png: bytes) -> dict[bytes, bytes]:
    """Each kind of chunk with the content of all of its kind."""
    found: dict[bytes, bytes] = {}
    at = len(PNG)
    while at + 12 <= len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        kind = png[at + 4 : at + 8]
        found[kind] = found.get(kind, b"") + png[at + 8 : at + 8 + length]
        at += 12 + length
    return found


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
