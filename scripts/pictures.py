"""`make pictures`: what the documentation shows, from the last `make demo`.

The comment is rendered as CommonMark with tables, in colours close to GitHub's; the page is itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "build" / "demo"
IMAGES = ROOT / "docs" / "images"
CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
)
STYLE = """
:root { --page: #fff; --ink: #1f2328; --muted: #59636e; --line: #d1d9e0; --soft: #f6f8fa; }
.dark { --page: #0d1117; --ink: #f0f6fc; --muted: #9198a1; --line: #3d444d; --soft: #151b23; }
body { margin: 0; padding: 24px; background: var(--page); color: var(--ink);
       font: 14px/1.5 "Liberation Sans", Helvetica, Arial, sans-serif; }
article { border: 1px solid var(--line); border-radius: 6px; max-width: 820px; }
header { background: var(--soft); border-bottom: 1px solid var(--line); padding: 8px 16px;
         border-radius: 6px 6px 0 0; color: var(--muted); }
header b { color: var(--ink); }
section { padding: 4px 16px 12px; }
h3 { font-size: 17px; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: 5px 12px; }
tr:nth-child(2n) td { background: var(--soft); }
code { background: var(--soft); border-radius: 5px; padding: 2px 5px; font-size: 12px; }
summary { margin: 12px 0; }
"""


def main() -> int:
    """Write the pictures; 1 where there is no demo to show."""
    comment = DEMO / "comment.md"
    if not comment.is_file():
        print("There is no demo yet: run `make demo` first.")
        return 1
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(comment.read_text())
    body = re.sub(r"<details[^>]* open>", "<details>", body)
    for theme in ("light", "dark"):
        page = (
            f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><body class={theme}>"
            f"<article><header><b>github-actions</b> bot commented</header>"
            f"<section>{body}</section></article>"
        )
        name = "comment.png" if theme == "light" else "comment-dark.png"
        _shoot(page, IMAGES / name, size="870,720")
    _shoot((DEMO / "report.html").read_text(), IMAGES / "report.png", size="1080,1990")
    return 0


def _shoot(page: str, target: Path, *, size: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(page, encoding="utf-8")
        options = [f"--user-data-dir={folder}/profile", f"--window-size={size}"]
        subprocess.run(
            [*CHROMIUM, *options, f"--screenshot={target}", source.as_uri()],
            check=True,
            capture_output=True,
        )
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
