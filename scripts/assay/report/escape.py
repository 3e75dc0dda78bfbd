"""Text from the user's repository, made harmless in the format that it goes into.

A value is shown as it is written, and does nothing: it forms no HTML, link, mention, reference,
emoji or heading, breaks no table and closes no block. GitHub looks for mentions, references and
emoji in the text *after* Markdown has been turned into HTML, so backslashes and entities do not
stop them; a zero-width space does, and so does code, where GitHub leaves everything alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from assay.console import printable
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.report.images import Image

LONGEST = 300
"""Characters of one value that are shown. Longer ones are in the record."""
LONGEST_BLOCK = 4_000

MOST_TICKS = 60
"""Backticks in a row that stay together. GitHub's renderer takes no run of more than 80 for the
start of code, and does not count those of a fence beyond 255 (`MAXBACKTICKS` and `fence_length` in
cmark-gfm): what stands between such ones would be alive."""

_GAP = "\u200b"
# What begins or ends anything inside of a line. Entities, since a backslash is text inside HTML.
_ACTIVE = re.compile(
    r"[#$&*<>\[\\\]_`|~]"
    r"|:(?=\u200b?/)"  # bare addresses
    r"|^[-+=](?=[-+=\s]|$)|(?<=^\d)[.)](?=\s|$)"  # what would begin a list or underline a heading
)
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# @team (and e-mail addresses), #12 (and owner/name#12), GH-12, :tada:, https:// and www.
_REFERENCE = re.compile(
    r"@|#(?=\w)|(?<=\bGH)-(?=\d)|:(?=[\w+-])|(?<=http):(?=/)|(?<=https):(?=/)|(?<=ftp):(?=/)"
    r"|www(?=\.)",
    re.IGNORECASE,
)
# Most of what a report shows; there is nothing in it to escape.
_NUMBER = re.compile("[+\u2212]?[0-9]{1,3}(,[0-9]{3})*([.][0-9]{1,6})?")
# GitHub turns every commit that it knows into a link, and other forges do likewise.
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b", re.IGNORECASE)
_MANY_TICKS = re.compile(f"`{{{MOST_TICKS}}}(?=`)")
# As Markdown has it: a run of backticks is closed by the next run of the same length.
_CODE_IN_TEXT = re.compile(r"(?<!`)(`+)(?!`)([^\n]+?)(?<!`)\1(?!`)")


def _line(text: str, most: int) -> str:
    """Text on one line, of which no more is looked at than is shown."""
    return short(printable(text[: most + 1]), most)


class Code(str):
    """A name, a value, a path: shown as code in every format."""

    __slots__ = ()


class Marked(Code):
    """Code within a sentence; plain text keeps its backticks, or it would read as a word."""

    __slots__ = ()


Phrase = tuple[str, ...]
"""A sentence in pieces; those that are `Code` come from the user's repository."""


def pieces(sentence: str) -> Phrase:
    """A sentence in which `backticks` mark code, as a phrase; see `marked`."""
    texts = _CODE_IN_TEXT.split(sentence)
    # `re.split` with two groups alternates: text, fence, code, text, ...
    found = [texts[0]]
    for fence, inner, after in zip(texts[1::3], texts[2::3], texts[3::3], strict=True):
        found += [Marked(inner[1:-1] if len(fence) > 1 else inner), after]
    return tuple(part for part in found if part)


def marked(value: str) -> str:
    """Code as it stands in a sentence: between backticks, more of them than it holds itself."""
    fence = "`" * (_longest_run(value) + 1)
    return f"{fence} {value} {fence}" if len(fence) > 1 else f"`{value}`"


def markdown(value: object) -> Markup:
    """Any value as Markdown that shows it literally, on one line, in a table cell or outside."""
    if hasattr(value, "__html__"):
        return Markup(value)  # noqa: S704 (it says of itself that it is markup)
    if isinstance(value, tuple):
        return _joined(markdown(piece) for piece in value)
    if isinstance(value, Code):
        return code(value)
    return _prose(str(value), LONGEST)


def message(value: object) -> Markup:
    """A sentence for people, in which `backticks` mark code."""
    found = pieces(_line(str(value), 2 * LONGEST))
    return _joined(code(p) if isinstance(p, Code) else _prose(p, 2 * LONGEST) for p in found)


def code(value: object) -> Markup:
    """A code span that holds exactly this text, in a table cell or outside."""
    text = _line(str(value), LONGEST)
    if not text.strip(" "):
        return Markup("(only spaces)") if text else Markup("(empty)")
    if "|" in text:
        # In a table `\|` is a pipe, outside of one it is two characters: HTML is the same in both.
        return Markup(f"<code>{_literal(text)}</code>")  # noqa: S704 (escaped)
    text = _parted(text)
    fence = "`" * (_longest_run(text) + 1)
    # One space on either side is taken away again where both are there.
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return Markup(f"{fence}{pad}{text}{pad}{fence}")  # noqa: S704 (nothing ends the span)


def block(value: object, language: str = "text") -> Markup:
    """A fenced block that holds these lines; the end of a long text is kept, as in a traceback."""
    text = _parted("\n".join(_lines(str(value))))
    fence = "`" * max(3, _longest_run(text) + 1)
    return Markup(f"{fence}{language}\n{text}\n{fence}")  # noqa: S704 (nothing ends the block)


def fence(value: object, language: str) -> Markup:
    """A fenced block that holds all of a text that a program reads, such as Mermaid's."""
    body = _parted("\n".join(printable(line) for line in str(value).splitlines()))
    ticks = "`" * max(3, _longest_run(body) + 1)
    return Markup(f"{ticks}{language}\n{body}\n{ticks}")  # noqa: S704 (nothing ends the block)


def picture(image: Image) -> Markup:
    """A plot in the colours of the page that it is on."""
    light, dark = (escape(web_address(url) or "") for url in (image.light, image.dark))
    alt = escape(_line(image.alt, 2 * LONGEST))
    return Markup(  # noqa: S704 (each value is escaped, or is a number)
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img alt="{alt}" width="{int(image.width)}" src="{light}"></picture>'
    )


def web_address(url: str | None) -> Markup | None:
    """An address that may be followed, for a Markdown link or an attribute; else nothing."""
    # `urlsplit` would overlook spaces and line ends before the scheme.
    if url is None or not url.lower().startswith(("https://", "http://")):
        return None
    try:
        urlsplit(url)
    except ValueError:  # brackets that are no IPv6 address
        return None
    # Spaces, parentheses, quotes and angle brackets would end a Markdown link.
    quoted = quote(url, safe=":/?#@!$&*+,;=%~-._", errors="replace")
    return Markup(quoted)  # noqa: S704 (nothing ends the link)


def html(value: object) -> Markup:
    """Any value as HTML text."""
    if hasattr(value, "__html__"):
        return Markup(value)  # noqa: S704 (as in `markdown`)
    if isinstance(value, tuple):
        return Markup("").join(html(piece) for piece in value)
    if isinstance(value, Code):
        shown = _line(value, LONGEST)
        return Markup("<code>{}</code>").format(shown or "(empty)")
    return escape(_line(str(value), LONGEST))


def html_message(value: object) -> Markup:
    """A sentence for people, in which `backticks` mark code."""
    return html(pieces(_line(str(value), 2 * LONGEST)))


def html_lines(value: object) -> Markup:
    """Several lines, for a `<pre>`; the end of a long text is kept."""
    return escape("\n".join(_lines(str(value))))


def text(value: object) -> str:
    """Any value as plain text on one line."""
    parts = value if isinstance(value, tuple) else (value,)
    joined = "".join(marked(part) if isinstance(part, Marked) else str(part) for part in parts)
    return _line(joined, 2 * LONGEST)


def _prose(text: str, most: int) -> Markup:
    shown = text if _NUMBER.fullmatch(text) else _literal(_line(text, most))
    return Markup(shown)  # noqa: S704 (escaped)


def _joined(pieces: Iterable[Markup]) -> Markup:
    """Pieces of one line. Backticks that meet would be one longer fence, which nothing closes."""
    text = Markup("")
    for piece in pieces:
        text += (_GAP if text.endswith("`") and piece.startswith("`") else "") + piece
    return text


def _literal(text: str) -> str:
    """Text in which Markdown finds nothing to do, and what GitHub does afterwards neither."""
    text = _REFERENCE.sub(lambda match: match[0] + _GAP, text)
    text = _COMMIT.sub(lambda match: _GAP.join(re.findall(".{1,6}", match[0])), text)
    # Two spaces at the end of a line would break it, and several in a row would be one.
    text = re.sub(r"(?<= ) ", "\u00a0", text)
    return _ACTIVE.sub(lambda match: _NAMED.get(match[0]) or f"&#{ord(match[0])};", text)


def _lines(text: str) -> list[str]:
    if len(text) > LONGEST_BLOCK:
        text = f"…{text[-LONGEST_BLOCK:]}"
    return [printable(line) for line in text.splitlines()]


def _parted(text: str) -> str:
    """Text without more backticks in a row than GitHub can tell from others."""
    return _MANY_TICKS.sub(lambda match: match[0] + _GAP, text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
