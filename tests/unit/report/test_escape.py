"""Whatever a user's repository holds, a report shows it and does nothing else with it."""

import re
from html.parser import HTMLParser

import pytest
from assay.console import printable
from assay.report import escape, html, markdown
from assay.report.escape import Code
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests import records

LINK = "https://example.org/report"
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

# What GitHub, or GFM's autolinks, turn into something in text; not in code.
LIVE = re.compile(
    r"@[a-z0-9]|#\d|\bGH-\d|https?://|ftp://|www\.\w|:[a-z0-9_+-]+:|\b[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
VOID = {"br", "hr", "img", "meta", "link", "input"}
ATTRIBUTES = {("a", "href"), ("details", "open"), ("code", "class")}

nasty = st.lists(
    st.sampled_from(
        [
            *"|`\\<>&*_~[]()!#@:$-+=.\n\r\t \u2028\u202e\x1b\x00\"'{}%^;/",
            *("</details>", "<script>", "<!--", "-->", "```", "~~~", "\n\n", "\n# ", "\n- ", "---"),
            *("@acme/owners", "#12", "GH-12", "http://e.vil", "www.e.vil", "a@e.vil", ":tada:"),
            *("[x](y)", "![x](y)", "&lt;", "&#64;x", "\\|", "a", "1. ", "[^1]", "$x$", "deadbeef1"),
            *(
                "mailto:a@e.vil",
                "<https://e.vil>",
                "| --- |",
                "{{ 7 * 7 }}",
                "{% raw %}",
                "é",
                "日",
            ),
        ]
    ),
    min_size=1,
    max_size=12,
).map("".join)


class Document(HTMLParser):
    """The tags of a document, its attributes, and the text outside of code."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str]] = set()
        self.links: set[str | None] = set()
        self.text = ""
        self.prose = ""
        self.comments = 0
        self._code = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"code", "pre"}:
            self._code += 1
        if tag != "code":
            self.tags.append(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        self.links |= {value for name, value in attrs if name in {"href", "src"}}

    def handle_endtag(self, tag: str) -> None:
        if tag in {"code", "pre"}:
            self._code -= 1
        if tag not in VOID | {"code"}:
            self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data
        self.prose += " " if self._code else data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def rendered(text: str) -> Document:
    return Document(PARSER.render(markdown.render(records.hostile((text,)), html_link=LINK)))


def seen(text: str) -> str:
    """As a reader sees it: without the gaps that keep a mention from being one."""
    return text.replace("\u200b", "").replace("\u00a0", " ")


def assert_harmless(document: Document) -> None:
    assert document.comments == 0
    assert document.links == {LINK}
    allowed = {*ATTRIBUTES, ("th", "style"), ("td", "style")}
    assert document.attributes <= allowed
    assert not LIVE.search(document.prose), LIVE.search(document.prose)


BENIGN = rendered("plain")


@pytest.mark.parametrize("name", records.ALL)
def test_a_comment_is_well_formed(name: str) -> None:
    document = Document(PARSER.render(markdown.render(records.ALL[name](), html_link=LINK)))
    assert_harmless(document)
    if name != "hostile":
        assert "|" not in document.prose  # a row that is in no table
    assert document.tags.count("details") == document.tags.count("/details")
    assert document.tags.count("table") == document.tags.count("/table")


@settings(max_examples=200, deadline=None)
@given(nasty | st.text(min_size=1, max_size=60))
@example("a|b\n| c |")
@example("`")
@example("``` \n</details>")
@example("\\")
@example("a\\|b")
@example(" x ")
@example("- x")
@example("1. x")
@example("===")
def test_a_comment_keeps_its_shape_whatever_the_text(text: str) -> None:
    document = rendered(text)
    assert document.tags == BENIGN.tags
    assert_harmless(document)


@settings(max_examples=300, deadline=None)
@given(nasty)
def test_a_table_cell_shows_what_the_text_says(text: str) -> None:
    for value in (text, Code(text)):
        table = f"| a | b |\n|--|--|\n| {escape.markdown(value)} | end |\n"
        document = Document(PARSER.render(table))
        assert document.tags.count("td") == 2, table
        shown = printable(text).strip(" ")
        if shown:
            assert shown in seen(document.text)


@settings(max_examples=300, deadline=None)
@given(nasty)
def test_a_message_is_harmless_with_code_in_it(text: str) -> None:
    document = Document(PARSER.render(f"Found {escape.message(text)} here.\n"))
    assert document.tags == ["p", "/p"]
    assert not LIVE.search(document.prose)
    assert document.links == set()


@settings(max_examples=200, deadline=None)
@given(st.lists(nasty, max_size=4).map("\n".join))
def test_a_block_ends_where_it_should(text: str) -> None:
    document = Document(PARSER.render(f"{escape.block(text)}\n\nafter\n"))
    assert document.tags == ["pre", "/pre", "p", "/p"]


PAGE = Document(html.render(records.hostile(("plain",))))


@settings(max_examples=60, deadline=None)
@given(nasty | st.text(min_size=1, max_size=60))
def test_a_page_keeps_its_shape_whatever_the_text(text: str) -> None:
    document = Document(html.render(records.hostile((text,))))
    assert document.tags == PAGE.tags
    assert document.attributes == PAGE.attributes
    assert document.links == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("season", "`season`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a|b", "<code>a&#124;b</code>"),
        ("", "(empty)"),
        ("  ", "(only spaces)"),
        ("train@0", "`train@0`"),
        ("a\nb", "`a\\nb`"),
    ],
)
def test_code(text: str, expected: str) -> None:
    assert escape.code(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 checks fail in data/raw/hour.csv.", "3 checks fail in data/raw/hour.csv."),
        ("run `dvc push`", "run `dvc push`"),
        ("ping @acme/owners", "ping @\u200bacme/owners"),
        ("see #12", "see &#35;\u200b12"),
        ("<b>", "&lt;b&gt;"),
        ("unbalanced ` tick", "unbalanced &#96; tick"),
        ("+0.012", "+0.012"),
    ],
)
def test_message(text: str, expected: str) -> None:
    assert escape.message(text) == expected


def test_a_template_cannot_forget_to_escape() -> None:
    from assay.report import templating

    override = {"comment.md.j2": "{{ view.headline }} {{ view.revision }} {{ '<b>' }}"}
    text = markdown.render(records.hostile(), overrides=override)
    assert "<img" not in text.replace("`</details><img src=x onerror=alert(1)>`", "")
    assert "&lt;b&gt;" in text
    page = templating.render("x.html.j2", {"x.html.j2": "{{ value }}"}, value="<b>")
    assert page == "&lt;b&gt;"


def test_an_override_may_replace_one_block() -> None:
    override = {
        "comment.md.j2": '{% extends "assay/comment.md.j2" %}'
        "{% block environment %}Our own words.{% endblock %}"
    }
    text = markdown.render(records.good(), overrides=override)
    assert "Our own words." in text
    assert "<summary>Environment</summary>" not in text
    assert text.startswith("### ✅ Passed")


@settings(deadline=None, derandomize=True)
@given(st.lists(nasty.map(Code), min_size=2, max_size=4))
@example([Code("![x](https://e.vil/x.png) @acme/owners `"), Code("y")])
def test_pieces_of_code_stay_code_beside_each_other(pieces: list[Code]) -> None:
    document = Document(PARSER.render(f"before {escape.markdown(tuple(pieces))} after"))
    assert not document.links
    assert not LIVE.search(document.prose)


def test_an_override_is_sandboxed() -> None:
    from assay.errors import ConfigError

    override = {"comment.md.j2": "{{ view.__class__.__mro__ }}"}
    with pytest.raises(ConfigError, match="unsafe"):
        markdown.render(records.good(), overrides=override)


@pytest.mark.parametrize("amount", [60, 61, 79, 80, 81, 254, 255, 256, 290])
def test_no_run_of_backticks_is_longer_than_github_can_count(amount: int) -> None:
    # cmark-gfm: MAXBACKTICKS is 80, and the length of a fence one byte. Beyond, code is no code.
    value = f"{'`' * amount} @team <img src=x>\n{'`' * amount}\n@team"
    for made in (escape.code(value), escape.message(f"`` {value} ``"), escape.block(value)):
        assert max(map(len, re.findall("`+", made)), default=0) <= escape.MOST_TICKS + 1
    made = escape.block(value)
    fence = made.partition("text\n")[0]
    assert [line for line in made.splitlines()[1:] if line.startswith(fence)] == [fence]
    assert escape.fence(value, "mermaid").count("\n") == made.count("\n")
    assert max(map(len, re.findall("`+", escape.fence(value, "x")))) <= escape.MOST_TICKS + 1


def test_long_values_are_cut_where_they_are_shown() -> None:
    document = rendered("x" * 10_000)
    longest = max(re.findall(r"x+…?", document.prose + document.text), key=len)
    assert len(longest) <= 4_001
