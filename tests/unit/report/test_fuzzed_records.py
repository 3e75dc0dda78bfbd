"""A thousand records full of text that wants to be markup: the comment shows it, and no more."""

from __future__ import annotations

import html as entities
import random
import re
from typing import TYPE_CHECKING

import pytest
from assay.provenance import Provenance
from assay.report import markdown
from assay.report.images import Image
from assay.report.mermaid import Chart
from markdown_it import MarkdownIt

from tests import evidence_records, records

if TYPE_CHECKING:
    from assay.record import RunRecord
    from markdown_it.token import Token

RECORDS = 500
LINK = "https://example.org/report"
RUN = "https://github.com/acme/bikes/actions/runs/2"
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

PIECES = (
    *"|`\\<>&*_~[]()!#@:$-+=.\n\r\t \u2028\u202e\u2066\u200f\x1b\x00\x7f\"'{}%^;/",
    *("</details>", "<details open>", "</summary>", "<script>alert(1)</script>", "<img src=x>"),
    *("<!--", "-->", "<![CDATA[", "<?", "~~~", "```", "````mermaid", "\n\n", "\r\n\r\n", "\n# "),
    *("@team", "@acme/owners", "me@e.vil", "#12", "acme/bikes#3", "GH-12", ":tada:", "deadbeef1"),
    *(
        "](javascript:alert(1))",
        "[x](javascript:y)",
        "![x](https://e.vil/x.png)",
        "<a href=//e.vil>",
    ),
    *("https://e.vil", "www.e.vil", "ftp://e.vil", "mailto:a@e.vil", "[x]: https://e.vil"),
    *(
        "\n| a | b |\n|--|--|",
        "\\|",
        "&#124;",
        "&lt;b&gt;",
        "&#64;team",
        "[!CAUTION]",
        "> ",
        "- [ ] ",
    ),
    *(
        "{{ 7 * 7 }}",
        "{% raw %}",
        "%%{init: {}}%%",
        "click a href",
        "</code>",
        "</picture>",
        "\ud800",
    ),
    *("\u0645\u0631\u062d\u0628\u0627", "\u65e5\u672c", "\u00e9", "\U0001f600", "a", "season = 1"),
)
# What GitHub turns into something when it stands in text; in code it does not.
LIVE = re.compile(
    r"@[a-z0-9]|#\d|\bGH-\d|https?://|ftp://|www\.\w|:[a-z0-9_+-]+:|\b[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
TAG = re.compile(r"<[^>]*>|<")
TAGS = re.compile(
    r"<br>|</?code>|</?details>|<details open>|</?summary>|</?sub>|</?picture>"
    r'|<(?:code|sub) aria-hidden="true">'
    r'|<source media="\(prefers-color-scheme: dark\)" srcset="https://[^"<>\s]+">'
    r'|<img alt="[^"<>]*" width="\d+" src="https://[^"<>\s]+">'
)


def words(source: random.Random) -> str:
    """Some pieces; now and then very many of them."""
    most = 4_000 if source.random() < 0.01 else 8
    return "".join(source.choices(PIECES, k=source.randint(1, most)))


def record_of(source: random.Random) -> RunRecord:
    texts = tuple(words(source) for _ in range(source.randint(1, 2)))
    if source.random() < 0.4:
        record = evidence_records.sure(texts[0])
    elif source.random() < 0.2:
        record = source.choice(list(records.ALL.values()))()
    else:
        record = records.hostile(texts if source.random() < 0.3 else texts[:1])
    update: dict[str, object] = {"title": source.choice(("", texts[0]))}
    if source.random() < 0.5:
        update["provenance"] = Provenance(
            run_url=source.choice((RUN, f"javascript:{texts[0]}", f"\n{texts[0]}", None)),
            verified=texts,
            reported=texts[:1],
            differences=source.choice(((), texts)),
        )
    return record.model_copy(update=update)


def plots(source: random.Random) -> dict[str, tuple[object, ...]]:
    text = words(source)
    image = Image(
        title=text,
        alt=text,
        width=640,
        light=source.choice(("https://github.com/a.png", f"javascript:{text}", f"https://[{text}")),
        dark="https://github.com/a-dark.png",
    )
    chart = Chart(title=text, alt=text, text=text)
    return source.choice(({}, {"images": (image,)}, {"charts": (chart,)}))


def leaves(tokens: list[Token]) -> list[Token]:
    return [
        leaf for token in tokens for leaf in (leaves(token.children) if token.children else [token])
    ]


def assert_harmless(text: str) -> None:
    lines = text.split("\n")
    tokens = PARSER.parse(text)
    prose, tags, code = "", [], 0
    for token in leaves(tokens):
        if token.type in ("html_inline", "html_block"):
            for tag in TAG.findall(token.content):
                assert TAGS.fullmatch(tag), tag
                code += {"<code>": 1, '<code aria-hidden="true">': 1, "</code>": -1}.get(tag, 0)
                tags.append(tag)
            prose += entities.unescape(TAG.sub(" ", token.content))
        elif token.type == "text":
            prose += " " if code else token.content
        else:
            prose += "\n"  # GitHub looks at one text at a time
        assert token.type != "fence" or token.info in ("text", "sh", "mermaid")
        assert token.type != "image"
        assert token.type != "link_open" or token.attrs["href"] in (LINK, RUN)
    assert not LIVE.search(prose), LIVE.search(prose)
    assert not any(
        0xD800 <= ord(c) < 0xE000 or not (c.isprintable() or c == "\n")
        for c in prose
        if c not in "\u200b\u00a0"
    ), "control characters"
    assert_balanced(tags)
    assert_tables(tokens, lines)


def assert_balanced(tags: list[str]) -> None:
    """Each fold is closed, one after the other."""
    shape = "".join(tag[1:3] for tag in tags if re.match("</?(details|summary)", tag))
    assert re.fullmatch(r"(desu/s/d)*", shape), shape


def assert_tables(tokens: list[Token], lines: list[str]) -> None:
    """Each row has the cells of its table's head, and no row is outside of a table."""
    inside = set()
    for token in tokens:
        if token.type == "table_open" and token.map is not None:
            rows = lines[slice(*token.map)]
            assert len({row.count("|") for row in rows}) == 1, rows
            inside |= set(range(*token.map))
    fences = {
        n for token in tokens if token.type == "fence" and token.map for n in range(*token.map)
    }
    loose = [n for n, line in enumerate(lines) if line.startswith("|")]
    assert set(loose) <= inside | fences


@pytest.mark.parametrize("part", range(4))
def test_no_record_makes_a_comment_do_anything(part: int) -> None:
    source = random.Random(f"comment {part}")
    for _ in range(RECORDS // 4):
        record = record_of(source)
        limit = source.choice((markdown.LIMIT, markdown.LIMIT, 20_000, 4_000))
        text = markdown.render(
            record, html_link=source.choice((LINK, None)), limit=limit, **plots(source)
        )
        assert markdown.length(text) <= limit
        assert text.startswith("### ")
        assert_harmless(text)
