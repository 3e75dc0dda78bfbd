"""SVG that may stand inside of a page: only shapes and text, and nothing that acts or loads.

What is not known to be harmless is dropped, so that an element of a future browser is too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

SVG = "http://www.w3.org/2000/svg"

ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        """svg g path rect circle ellipse line polyline polygon text tspan title desc defs clipPath
        linearGradient radialGradient stop""",
    )
)
ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        """id class d x y x1 y1 x2 y2 cx cy r rx ry dx dy fx fy width height viewBox points
        transform offset fill fill-opacity fill-rule stroke stroke-width stroke-opacity
        stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit
        opacity clip-path clip-rule font-family font-size font-weight font-style text-anchor
        dominant-baseline gradientUnits gradientTransform stop-color stop-opacity spreadMethod
        clipPathUnits preserveAspectRatio visibility""",
    )
)
_REFERENCE = re.compile(r"url\(\s*['\"]?#([\w:.-]+)['\"]?\s*\)")
_MOST = 5_000_000
"""Characters; a larger drawing would make the page unusable."""

ET.register_namespace("", SVG)


class UnsafeSvgError(Exception):
    """This is no SVG that could be shown."""


def clean(svg: str, *, prefix: str, title: str, colours: Mapping[str, str] | None = None) -> str:
    """The same drawing without anything that could act, load or collide.

    Args:
        svg: A whole document.
        prefix: Goes before every id, so that several drawings can stand in one page.
        title: The text that stands for the drawing.
        colours: What to write instead of which colour.

    Raises:
        UnsafeSvgError: It is not well-formed, has a DTD, or is far too large.
    """
    if len(svg) > _MOST:
        raise UnsafeSvgError(f"it has more than {_MOST:,} characters")
    # Entities are declared in a DTD: without one there is nothing to expand.
    if "<!DOCTYPE" in svg.upper() or "<!ENTITY" in svg.upper():
        raise UnsafeSvgError("it has a document type declaration")
    try:
        root = ET.fromstring(svg)  # noqa: S314 (no DTD, see above)
    except ET.ParseError as error:
        raise UnsafeSvgError(f"it is not well-formed: {error}") from error
    if root.tag != f"{{{SVG}}}svg":
        raise UnsafeSvgError("its outermost element is not <svg>")
    _clean(root, prefix, dict(colours or {}))
    name = ET.Element(f"{{{SVG}}}title", {"id": f"{prefix}title"})
    name.text = title
    root.insert(0, name)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}title")
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element, prefix: str, colours: dict[str, str]) -> None:
    kept = {}
    for name, value in element.attrib.items():
        if name not in ATTRIBUTES:
            continue
        new = colours.get(value.strip().lower(), value)
        if name == "id":
            new = f"{prefix}{value}"
        elif "url" in value.lower() or "\\" in value:
            # A backslash can spell `url` in CSS; no drawing needs one.
            reference = _REFERENCE.fullmatch(value.strip())
            if reference is None:
                continue
            new = f"url(#{prefix}{reference[1]})"
        kept[name] = new
    element.attrib.clear()
    element.attrib.update(kept)
    for child in list(element):
        if _local_name(child) in ELEMENTS:
            _clean(child, prefix, colours)
        else:
            element.remove(child)


def _local_name(element: ET.Element) -> str:
    """The name of an SVG element; nothing for one of another namespace, or a comment."""
    tag = element.tag
    return tag.removeprefix(f"{{{SVG}}}") if isinstance(tag, str) and SVG in tag else ""
