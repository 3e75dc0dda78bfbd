"""The sign by which CML finds its comment again.

CML appends an image without a text, whose address holds the commit and whose title holds that of
the report, and searches bodies for it: `![](https://cml.dev/watermark.png#<sha> "CML watermark")`.
In an HTML comment it is found just as well, and nobody loads a picture from a third party.
https://cml.dev/doc/ref/comment, and `Watermark` in CML's source.
"""

from __future__ import annotations

import re

IMAGE = "https://cml.dev/watermark.png"
LINE = re.compile(r'<!-- !\[\]\(https://cml\.dev/watermark\.png#[0-9a-f]+ "[^"]*"\) -->')
"""What `hidden` writes."""
UNTITLED = "default"
"""The key whose report has no title: that of a repository with one model."""
_NO_COMMIT = "0" * 40


def title(key: str) -> str | None:
    """CML's `--watermark-title` for a key of ours: none for the default one.

    None for a key that cannot be told by such a title: CML escapes some characters, replaces what
    is in braces, and our HTML comment must not end in it.
    """
    if key == UNTITLED:
        return ""
    plain = re.fullmatch(r"[\w./ -]+", key, re.ASCII) and "--" not in key and key == key.strip()
    return key if plain else None


def hidden(key: str, sha: str | None) -> str | None:
    """The watermark of a report in an HTML comment, or None where there can be none."""
    text = _quoted(key)
    return None if text is None else f'<!-- ![]({IMAGE}#{sha or _NO_COMMIT} "{text}") -->'


def stands_in(body: str, key: str) -> bool:
    """Whether CML would take a comment for its own report with this title; the commit is any."""
    text = _quoted(key)
    if text is None:
        return False
    pattern = rf'!\[\]\({re.escape(IMAGE)}#[0-9a-fA-F]+ "{re.escape(text)}"\)'
    return re.search(pattern, body) is not None


def silenced(body: str) -> str:
    """A report in which CML finds no sign of a report of its own, and as long as it was.

    Text in it may be a stranger's, and be made for CML to write its report over ours.
    """
    return body.replace(f"{IMAGE}#", f"{IMAGE}\N{FULLWIDTH NUMBER SIGN}")


def _quoted(key: str) -> str | None:
    """The title of the image, with the underscores that CML escapes."""
    found = title(key)
    return None if found is None else f"CML watermark {found}".strip().replace("_", r"\_")
