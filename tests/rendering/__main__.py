"""Look at a comment by hand: `python -m tests.rendering comment.md comment.png --theme dark`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests import rendering

OPEN = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.rendering", description=__doc__)
    parser.add_argument("source", type=Path, help="Markdown, or a page in HTML")
    parser.add_argument("target", type=Path, help="the PNG to write")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--width", type=int, default=rendering.DESKTOP, help="390 is a phone")
    parser.add_argument("--scale", type=float, default=1, help="device pixels for a CSS pixel")
    parser.add_argument("--open", action="store_true", help="unfold everything")
    given = parser.parse_args()
    text = given.source.read_text(encoding="utf-8")
    html = text if given.source.suffix == ".html" else rendering.page(text, theme=given.theme)
    how = rendering.Look(
        html=html,
        width=given.width,
        theme=given.theme,
        scale=given.scale,
        scripts=[OPEN] if given.open else [],
        screenshot=given.target,
    )
    for problem in rendering.look([how])[0].problems:
        print(problem)


if __name__ == "__main__":
    main()
