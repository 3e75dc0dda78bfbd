"""`make pictures`: what the documentation shows, from the last `make demo`.

The comment is rendered as GitHub does, light, dark and on a phone; the page is itself.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import rendering  # noqa: E402 (the line above makes it importable)

DEMO = ROOT / "build" / "demo"
IMAGES = ROOT / "docs" / "images"
ADDRESS = re.compile(r'https?://[^\s"<>]+\.png(?=")')
FOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = false; })"


def main() -> int:
    """Write the pictures; 1 where there is nothing to show, or nothing to show it with."""
    comment = DEMO / "comment.md"
    if not comment.is_file():
        print("There is no demo yet: run `make demo` first.")
        return 1
    try:
        _take(comment.read_text(encoding="utf-8"))
    except rendering.UnavailableError as error:
        print(f"No pictures: {error}.")
        return 1
    return 0


def _take(comment: str) -> None:
    images = published(comment)
    page = (DEMO / "report.html").read_text(encoding="utf-8")
    looks = {
        "comment": _comment(comment, images, "light", rendering.DESKTOP),
        "comment-dark": _comment(comment, images, "dark", rendering.DESKTOP),
        "comment-phone": _comment(comment, images, "light", rendering.PHONE),
        "report": rendering.Look(
            html=page, width=1_080, tallest=1_990, screenshot=IMAGES / "report.png"
        ),
    }
    for name, seen in zip(looks, rendering.look(list(looks.values())), strict=True):
        for problem in seen.problems:
            print(f"{name}: {problem}")
        path = IMAGES / f"{name}.png"
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def _comment(
    text: str, images: dict[str, bytes], theme: rendering.Theme, width: int
) -> rendering.Look:
    suffix = "-phone" if width == rendering.PHONE else "-dark" if theme == "dark" else ""
    return rendering.Look(
        html=rendering.page(text, theme=theme, images=images),
        width=width,
        theme=theme,
        scripts=[FOLD],
        screenshot=IMAGES / f"comment{suffix}.png",
    )


def published(comment: str) -> dict[str, bytes]:
    """The comment's images by address: `make demo` keeps them under the names of their files."""
    found = {url: DEMO / "images" / url.rsplit("/", 1)[-1] for url in ADDRESS.findall(comment)}
    return {url: path.read_bytes() for url, path in found.items() if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
