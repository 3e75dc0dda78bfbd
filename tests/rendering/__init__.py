"""A comment's Markdown as GitHub shows it, and any page, looked at in Chromium.

    html = rendering.page(markdown, theme="dark")
    rendering.screenshot(html, Path("comment.png"), width=390, theme="dark")

`python -m tests.rendering comment.md comment.png --theme dark --width 390` does so by hand.
"""

from __future__ import annotations

import base64
import html as entities
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.rendering import packages
from tests.rendering.packages import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DESKTOP",
    "PHONE",
    "Look",
    "Seen",
    "Theme",
    "UnavailableError",
    "bodies",
    "data_address",
    "framed",
    "look",
    "page",
    "screenshot",
]

Theme = Literal["light", "dark"]
PHONE = 390
"""CSS pixels of a phone's width."""
COMMENTED = "bot commented now"
DESKTOP = 900
TIMEOUT = 120
# The box around a comment, in GitHub's measures and colours: text of 14 px, 16 px around it.
BOX = """
body { margin: 0; padding: 16px; }
.box { border: 1px solid %(line)s; border-radius: 6px; max-width: 860px; margin: 0 auto; }
.box > header { background: %(soft)s; color: %(muted)s; padding: 8px 16px;
                border-bottom: 1px solid %(line)s; border-radius: 6px 6px 0 0; }
.box > article { padding: 16px; font-size: 14px; overflow-wrap: break-word; }
.markdown-body .mermaid { margin-bottom: 16px; text-align: center; }
"""
COLOURS = {
    "light": {"line": "#d1d9e0", "soft": "#f6f8fa", "muted": "#59636e"},
    "dark": {"line": "#3d444d", "soft": "#151b23", "muted": "#9198a1"},
}
MERMAID = """
mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: "%s" });
globalThis.ready = mermaid.run({ querySelector: ".mermaid", suppressErrors: true });
"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A page, and how it is looked at."""

    html: str
    width: int = DESKTOP
    height: int = 800
    scale: float = 1
    """Device pixels for one CSS pixel."""
    theme: Theme = "light"
    """The colour scheme that the reader's system asks for."""
    scripts: Sequence[str] = ()
    """JavaScript expressions, run in the page's own world; what the last one gives is returned."""
    screenshot: Path | None = None
    """Where a PNG of the page is written."""
    tallest: int | None = None
    """CSS pixels of it that the PNG shows at most, from the top."""


@dataclass(frozen=True)
class Seen:
    """What came of it."""

    value: Any
    problems: tuple[str, ...]
    """What the browser's console complained of."""


def bodies(texts: Sequence[str]) -> list[str]:
    """Comments as HTML, after GitHub's sanitizer."""
    return _node("markdown.mjs", list(texts))  # type: ignore[no-any-return]


def page(
    markdown: str,
    *,
    theme: Theme = "light",
    images: Mapping[str, bytes] | None = None,
    did: str = COMMENTED,
) -> str:
    """A page with one comment, as GitHub shows it.

    Args:
        markdown: The comment.
        theme: Of the reader.
        images: What is behind the addresses in the comment; no other address can be reached.
        did: What stands above it.
    """
    return framed(bodies([markdown])[0], theme=theme, images=images or {}, did=did)


def framed(body: str, *, theme: Theme, images: Mapping[str, bytes], did: str = COMMENTED) -> str:
    """The page around the HTML of a comment."""
    modules = packages.folder() / "node_modules"
    sheet = modules / "github-markdown-css" / f"github-markdown-{theme}.css"
    for url, content in images.items():
        body = body.replace(f'"{entities.escape(url)}"', f'"{data_address(content)}"')
    drawn = ""
    if 'class="mermaid"' in body:
        program = modules / "mermaid/dist/mermaid.min.js"
        start = MERMAID % ("dark" if theme == "dark" else "default")
        drawn = f'<script src="{program.as_uri()}"></script><script>{start}</script>'
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Comment</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{sheet.read_text(encoding='utf-8')}{BOX % COLOURS[theme]}</style>"
        '<body class="markdown-body"><div class="box">'
        f"<header><b>github-actions</b> {entities.escape(did)}</header>"
        f'<article class="markdown-body">{body}</article></div>{drawn}</body></html>'
    )


def data_address(png: bytes) -> str:
    """An address that holds the image itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def look(looks: Sequence[Look]) -> list[Seen]:
    """Open pages in one Chromium, one after the other, without a network."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise UnavailableError("the program chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pages = [_job(look, Path(folder, f"{number}.html")) for number, look in enumerate(looks)]
        profile = str(Path(folder, "profile"))
        found = _node("browser.mjs", {"chromium": chromium, "profile": profile, "pages": pages})
    return [Seen(each["value"], tuple(each["problems"])) for each in found]


def screenshot(
    html: str, path: Path, *, width: int = DESKTOP, theme: Theme = "light", scale: float = 1
) -> None:
    """Take a picture of a whole page."""
    look([Look(html=html, width=width, theme=theme, scale=scale, screenshot=path)])


def _job(look: Look, file: Path) -> dict[str, Any]:
    file.write_text(look.html, encoding="utf-8")
    return {
        "url": file.as_uri(),
        "width": look.width,
        "height": look.height,
        "scale": look.scale,
        "theme": look.theme,
        "scripts": list(look.scripts),
        "tallest": look.tallest,
        "screenshot": look.screenshot and str(look.screenshot.absolute()),
    }


def _node(script: str, given: object) -> Any:
    done = subprocess.run(
        ["node", packages.folder() / script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"tests/rendering/{script} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)
