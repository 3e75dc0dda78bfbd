"""The comment as GitHub shows it, in Chromium: light, dark, on a phone; and what it strips."""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from typing import Any

import pytest
from assay.report import markdown
from assay.report.images import Image

from tests import records, rendering
from tests.golden import FOLDER, assert_golden

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.needs("node"),
    pytest.mark.needs("npm"),
    pytest.mark.usefixtures("npm_packages"),
]
GOLDEN = sorted((FOLDER / "report").glob("*.md"))
HOSTILE = [path for path in GOLDEN if path.stem.endswith("hostile")]
View = tuple[rendering.Theme, int]
VIEWS: tuple[View, ...] = (
    ("light", rendering.DESKTOP),
    ("dark", rendering.DESKTOP),
    ("light", rendering.PHONE),
)
UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
MEASURE = """(() => {
  const all = (selector) => [...document.querySelectorAll("article " + selector)];
  return {
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    diagrams: all(".mermaid").map((fence) => {
      const svg = fence.querySelector("svg");
      return svg ? svg.getAttribute("aria-roledescription") : null;
    }),
    text: document.querySelector("article").innerText,
    images: all("img").map((image) => ({
      alt: image.alt, shown: image.currentSrc, width: image.width,
      known: image.complete && image.naturalWidth > 0,
    })),
  };
})()"""
# All that a browser would run, load from elsewhere, or show as somebody's control.
ACTIVE = """(() => {
  const article = document.querySelector("article");
  const all = [...article.querySelectorAll("*")];
  const bad = "script, style, iframe, object, embed, form, button, link, meta, base, svg, math";
  return {
    elements: [...article.querySelectorAll(bad)].map((node) => node.outerHTML),
    handlers: all.filter((node) => node.getAttributeNames().some((name) => /^on|style/.test(name)))
      .map((node) => node.outerHTML),
    mentions: [...article.querySelectorAll("a.user-mention, a.issue-link")]
      .map((node) => node.textContent),
    links: [...article.querySelectorAll("a[href]")].map((node) => node.getAttribute("href")),
    sources: [...article.querySelectorAll("[src], [srcset]")].map((node) => node.outerHTML),
    title: document.title,
  };
})()"""
BAR_CHART = '```mermaid\nxychart-beta\n  x-axis ["a", "b"]\n  bar [1, 2]\n```'
MIXED = (
    '@octocat, #12, `@code`\n\n<script>alert(1)</script><b onclick="x" style="color: red">b</b>'
    '<a href="javascript:alert(1)">c</a><span aria-hidden="true" role="img">d</span>\n'
    '<iframe src="https://evil.example"></iframe><svg onload="x"></svg>\n\n'
    '<picture><source media="(prefers-color-scheme: dark)" srcset="https://a.example/d.png">'
    '<img src="https://a.example/l.png" alt="A" width="300" align="right"></picture>\n\n'
    "> [!WARNING]\n> Look out.\n"
)
ADDRESS = re.compile(r'(?:src|srcset)="(https://[^"]+)"')
LIGHT_PNG, DARK_PNG = ("https://example.com/light.png", "https://example.com/dark.png")


def png(width: int, height: int) -> bytes:
    """A grey image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = (b"\0" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    compressed = zlib.compress(rows)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


LIGHT, DARK = png(1_600, 400), png(800, 200)


def looked_at(
    texts: list[str], views: tuple[View, ...] = VIEWS[:1], script: str = MEASURE
) -> list[dict[str, Any]]:
    """What the script says of each comment in the first view, then in the next; one Chromium."""
    bodies = rendering.bodies(texts)
    addresses = {url for body in bodies for url in ADDRESS.findall(body)}
    images = {url: DARK if "dark" in url else LIGHT for url in addresses}
    looks = [
        rendering.Look(
            html=rendering.framed(body, theme=theme, images=images),
            theme=theme,
            width=width,
            scripts=(UNFOLD, script),
        )
        for theme, width in views
        for body in bodies
    ]
    found = rendering.look(looks)
    assert [seen.problems for seen in found] == [()] * len(looks)
    return [seen.value for seen in found]


def with_images() -> str:
    image = Image(
        title="ROC curve", alt="Nearer to the corner than base's.", width=800,
        light=LIGHT_PNG, dark=DARK_PNG,
    )  # fmt: skip
    return markdown.render(records.good(), images=[image])


def test_every_comment_fits_its_reader() -> None:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in GOLDEN}
    texts["with images"] = with_images()
    found = looked_at(list(texts.values()), VIEWS)
    shown = itertools.product(VIEWS, texts)
    for ((theme, width), name), page in zip(shown, found, strict=True):
        where = f"{name}, {theme}, {width} pixels"
        assert page["overflow"] <= 0, where
        assert "error" not in page["diagrams"], where
        assert None not in page["diagrams"], where
        assert all(image["alt"] for image in page["images"]), where
        assert len(page["text"]) > 200, where
        if name == "with images":
            (image,) = page["images"]
            assert image["known"], where
            assert 200 < image["width"] <= width, where
            expected = LIGHT if theme == "light" else DARK
            assert image["shown"] == rendering.data_address(expected), where


def test_nothing_hostile_lives() -> None:
    texts = [path.read_text(encoding="utf-8") for path in HOSTILE]
    assert len(texts) > 1
    for seen in looked_at(texts, script=ACTIVE):
        assert set(seen) == {"elements", "handlers", "mentions", "sources", "links", "title"}
        for kind in ("elements", "handlers", "mentions", "sources"):
            assert seen[kind] == [], kind
        assert seen["title"] == "Comment"
        ours = "https://github.com/acme/bikes/"
        assert [link for link in seen["links"] if not link.startswith(ours)] == []


@pytest.mark.parametrize("name", ["sure", "sure-hostile", "images"])
def test_what_github_makes_of_the_markdown(name: str) -> None:
    text = (FOLDER / "report" / f"{name}.md").read_text(encoding="utf-8")
    assert_golden(f"rendered/{name}.html", rendering.bodies([text])[0] + "\n")


def test_the_measurements_see_what_is_wrong() -> None:
    wide = "<table><tr><td>" + "<img src='https://example.com/light.png' alt='x'>" + "</table>"
    broken = "```mermaid\nxychart-beta\n  bar [1, \n```"
    texts = [BAR_CHART, broken, "![](https://example.com/light.png)", f"a\nb\n\n{wide}"]
    chart, failed, silent, breaks = looked_at(texts)
    assert chart["diagrams"] == ["xychart"]
    assert failed["diagrams"] in (["error"], [None])
    assert [image["alt"] for image in silent["images"]] == [""]
    assert breaks["text"].startswith("a\nb"), "GitHub keeps line breaks in comments"
    body = f'<div style="width: 2000px">{"x" * 300}</div>'
    page = rendering.framed(body, theme="light", images={})
    look = rendering.Look(html=page, width=rendering.PHONE, scripts=[MEASURE])
    assert rendering.look([look])[0].value["overflow"] > 1_000


def test_the_sanitizer_is_github_s() -> None:
    (body,) = rendering.bodies([MIXED])
    assert body.count("user-mention") == 1
    assert body.count("issue-link") == 1
    for gone in ("script", "onclick", "style", "javascript", "aria-hidden", "iframe", "svg"):
        assert gone not in body, gone
    assert (
        '<picture><source media="(prefers-color-scheme: dark)" srcset="https://a.example/d.png">'
        '<img src="https://a.example/l.png" alt="A" width="300" align="right"></picture>' in body
    )
    assert "markdown-alert-warning" in body
