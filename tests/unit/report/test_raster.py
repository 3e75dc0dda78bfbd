"""Smaller images hold the same pixels; what vl-convert did not write is refused."""

from __future__ import annotations

import struct
import zlib

import pytest
from assay.report import raster
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.report.pixels import pixels


def png(width: int, height: int, lines: bytes, *, colour: int = 6) -> bytes:
    header = struct.pack(">II5B", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b""))
    return raster.PNG + b"".join(raster._chunk(*chunk) for chunk in chunks)


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.tuples(
            st.just(width),
            st.lists(
                st.tuples(
                    st.integers(0, 4),
                    st.binary(min_size=3 * width, max_size=3 * width),
                ),
                min_size=1,
                max_size=4,
            ),
        )
    )
)
def test_the_pixels_stay(image: tuple[int, list[tuple[int, bytes]]]) -> None:
    """Opaque images of any filter; the alpha channel is written as that filter has it."""
    width, rows = image
    lines, above = b"", False
    for kind, colours in rows:
        if kind in (0, 1):
            alpha = b"\xff" * width if kind == 0 else b"\xff" + bytes(width - 1)
        elif kind == 2:
            alpha = bytes(width) if above else b"\xff" * width
        elif kind == 3:
            up = 255 if above else 0
            first = (255 - up // 2) & 255
            alpha = bytes([first] + [(255 - (255 + up) // 2) & 255] * (width - 1))
        else:
            alpha = bytes([0 if above else 255]) + bytes(width - 1)
        cut = [colours[3 * i : 3 * i + 3] + alpha[i : i + 1] for i in range(width)]
        lines += bytes([kind]) + b"".join(cut)
        above = True
    given_png = png(width, len(rows), lines)
    assert pixels(raster.smaller(given_png)) == pixels(given_png)


def test_transparency_is_kept() -> None:
    lines = b"\x01" + bytes([9, 9, 9, 255, 0, 0, 0, 1])
    made = raster.smaller(png(2, 1, lines))
    assert made[25] == 6
    assert raster._read(made)[1] == lines


def test_blank_is_what_has_no_pixel() -> None:
    assert raster.blank(png(2, 2, b"\x01" + bytes(8) + b"\x02" + bytes(8)))
    assert not raster.blank(png(2, 2, b"\x01" + bytes(8) + b"\x02" + bytes(7) + b"\x01"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "eight bits"),
        (b"<svg/>", "eight bits"),
        (png(2, 1, bytes(7), colour=2), "eight bits"),
        (png(2, 1, bytes(8)), "more or fewer"),
        (png(2, 1, bytes(1_000_000)), "more or fewer"),
        (png(2, 1, bytes(9)).replace(zlib.compress(bytes(9), 0), b"x" * 20), "no PNG"),
    ],
)
def test_what_is_no_such_png_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        raster.smaller(content)


@given(st.binary(max_size=80))
def test_any_bytes_have_a_kind_or_none(content: bytes) -> None:
    for start in (b"", raster.PNG, b"\xff\xd8\xff"):
        found = raster.kind_and_size(start + content)
        assert found is None or found[0] in ("png", "jpeg")
