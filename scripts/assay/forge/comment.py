"""A report as the text of a comment: its hidden lines, and how they are read again.

Pure functions. The first lines of our comment are HTML comments, which nobody sees: the marker, the
commits that it has shown, the run that wrote it, and what CML looks for. Only there do they count:
text further down comes from the user's repository, and may imitate them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from assay.forge import moment, stamp, watermark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

MAX_BODY = 65_536
"""Characters that GitHub takes in one comment, marker included."""
MOST_SHOWN = 8
"""Commits that our comment remembers having shown."""
OURS = "<!-- assay:report key="
"""How every marker begins."""
HIDDEN = 1_500
"""Characters that are kept free for what we write beside a marker and a report: more is not needed.
"""
_ENTRY = re.compile(r"([0-9a-f]{40,64})@([0-9TZ:-]*)")
_RUN = re.compile(r"<!-- assay:run ([0-9]{1,20})/([0-9]{1,9}) -->")
_MARKER = re.compile(r"<!-- assay:report key=([!-~]*) -->")
_OUTDATED = re.compile(
    r"> \u23f3 \*\*Outdated:\*\* this is about `[0-9a-f]{7}`; "
    r"the pull request is at `[0-9a-f]{7}` now\."
)


@dataclass(frozen=True)
class Comment:
    """A comment as it stands on the forge."""

    id: int
    author: str
    """The login; empty when the account was deleted."""
    body: str
    url: str
    person: bool = True
    """Whether it is a person's account, not a bot's and not a deleted one."""
    created: datetime | None = None
    updated: datetime | None = None
    """When its text was changed last, by the forge's clock."""


@dataclass(frozen=True)
class Shown:
    """A commit whose result our comment has shown, and since when."""

    sha: str
    since: datetime | None


@dataclass(frozen=True)
class Run:
    """Which run of a workflow wrote a report: `GITHUB_RUN_ID` and `GITHUB_RUN_ATTEMPT`."""

    id: int = 0
    """0 outside of a workflow."""
    attempt: int = 1

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Run:
        """The run that these environment variables belong to."""
        number, attempt = environ.get("GITHUB_RUN_ID", ""), environ.get("GITHUB_RUN_ATTEMPT", "")
        return cls(
            id=int(number) if number.isdecimal() else 0,
            attempt=int(attempt) if attempt.isdecimal() else 1,
        )

    def before(self, other: Run) -> bool:
        """Whether it surely began earlier. The numbers of runs grow.

        Not so that of one that was started again: it has its old number, and somebody wants to see
        what it says now.
        """
        if self.id == other.id:
            return self.attempt < other.attempt
        return 0 < self.id < other.id and self.attempt == 1


@dataclass(frozen=True)
class Report:
    """What a comment is to show."""

    body: str
    """Markdown, without the hidden lines."""
    marker: str
    """What tells this report from other comments; see `marker`."""
    sha: str | None = None
    """The commit that it is about, in full."""
    run: Run = Run()
    """The run that made it; of a report from a fork, the run that was judged."""


def marker(key: str) -> str:
    """The hidden line that tells our reports from other comments, and from each other.

    Args:
        key: Any text. It is percent-encoded, so that it can neither close the HTML comment nor
            break its line; different keys never give the same marker.
    """
    return f"{OURS}{hidden(key)} -->"


def hidden(text: str) -> str:
    """Text that can end neither an HTML comment nor its line; `unquote` gives it back."""
    encoded = quote(text, safe="", errors="backslashreplace")
    # A double hyphen may not stand inside an HTML comment (CommonMark's inline comments, XML).
    return encoded.replace("--", "-%2D")


def key_of(marker: str) -> str:
    """The key that a marker was made from."""
    found = _MARKER.fullmatch(marker)
    return unquote(found[1]) if found else ""


def room(marker: str) -> int:
    """How many characters a body may have so that it fits into a comment with its hidden lines."""
    return MAX_BODY - len(marker) - HIDDEN


def has_marker(body: str, marker: str) -> bool:
    """Whether a comment starts with the marker.

    Only the first line counts: text further down comes from the user's repository, and may
    imitate the marker of another report.
    """
    return body.partition("\n")[0].strip() == marker


def marked(comments: Iterable[Comment], marker: str) -> list[Comment]:
    """The comments that start with the marker, whoever wrote them."""
    return [comment for comment in comments if has_marker(comment.body, marker)]


def own(candidates: Iterable[Comment], author: str) -> Comment | None:
    """The oldest that we wrote. GitHub's logins know no case."""
    ours = [comment for comment in candidates if comment.author.lower() == author.lower()]
    return min(ours, key=lambda comment: comment.id, default=None)


def written(report: Report, *, head: str | None, past: Sequence[Shown] = ()) -> str:
    """The text of a comment that shows a report.

    Args:
        report: What to show.
        head: The commit that the pull request is at; None when that is not known.
        past: What the comment has shown before; its last may be the report's commit.
    """
    lines = [report.marker]
    if report.sha is not None:
        present = bool(past) and past[-1].sha == report.sha
        lines.append(_shown_text(past if present else [*past, Shown(report.sha, None)]))
        lines.append(f"<!-- assay:run {report.run.id}/{report.run.attempt} -->")
    if mark := watermark.hidden(key_of(report.marker), report.sha):
        lines.append(mark)
    body = watermark.silenced(report.body)
    return "\n".join([*lines, _dated(body, sha=report.sha, head=head)])


def read(comment: Comment, marker: str) -> Report:
    """The report that our comment shows, as it was before it was written."""
    past = shown(comment)
    lines = _normal(comment.body).split("\n")[:4]
    told = next(filter(None, map(_RUN.fullmatch, lines[1:3])), None)
    run = Run(int(told[1]), int(told[2])) if told else Run()
    return Report(
        body=current(visible(comment.body)),
        marker=marker,
        sha=past[-1].sha if past else None,
        run=run,
    )


def visible(body: str) -> str:
    """A comment's text below its hidden lines."""
    lines = _normal(body).split("\n")
    patterns = (_MARKER, re.compile(r"<!-- assay:shown .* -->"), _RUN, watermark.LINE)
    for pattern in patterns:
        if lines and pattern.fullmatch(lines[0].strip()):
            del lines[0]
    return "\n".join(lines)


def outdated(text: str, *, sha: str, head: str) -> str:
    """A report with a first paragraph, below its heading, that says what it is not about.

    It vanishes with the next report.

    Args:
        text: Markdown without hidden lines.
        sha: The commit that it is about.
        head: The commit that the pull request is at.
    """
    about, now = f"this is about `{sha[:7]}`", f"the pull request is at `{head[:7]}` now"
    note = f"> \u23f3 **Outdated:** {about}; {now}."
    first, line, rest = current(text).partition("\n")
    if not first.startswith("#"):
        return f"{note}\n\n{first}{line}{rest}"
    return f"{first}\n\n{note}\n\n{rest.lstrip(chr(10))}"


def current(text: str) -> str:
    """A report without such a paragraph; blank lines below the heading are not kept."""
    blocks = text.split("\n\n", maxsplit=2)
    for place, block in enumerate(blocks[:2]):
        if _OUTDATED.fullmatch(block):
            del blocks[place]
            return "\n\n".join(blocks)
    return text


def _dated(text: str, *, sha: str | None, head: str | None) -> str:
    """The report, marked if the pull request is at another commit."""
    if sha is None or head is None or sha == head:
        return text
    return outdated(text, sha=sha, head=head)


def shown(comment: Comment) -> tuple[Shown, ...]:
    """The commits that our comment has shown, oldest first.

    When it first showed the last one is not in it, for it was written before it was posted: the
    forge's clock says when. From then on the next text holds it. Should somebody else edit the
    comment in between, the time is later than it was, and what was said before does not count.
    """
    line = _shown_line(comment.body)
    entries = [Shown(sha, moment(since)) for sha, since in _ENTRY.findall(line)]
    if entries and entries[-1].since is None:
        entries[-1] = Shown(entries[-1].sha, comment.updated)
    return tuple(entries)


def _shown_line(body: str) -> str:
    """The second line, if it is what `_shown_text` writes; further down is the user's text."""
    _, _, rest = body.partition("\n")
    line = rest.partition("\n")[0].strip()
    return line if line.startswith("<!-- assay:shown ") and line.endswith(" -->") else ""


def _shown_text(entries: Sequence[Shown]) -> str:
    told = " ".join(
        f"{entry.sha}@{stamp(entry.since) if entry.since else ''}"
        for entry in entries[-MOST_SHOWN:]
    )
    return f"<!-- assay:shown {told} -->"


def same_text(left: str, right: str) -> bool:
    """Whether two bodies read the same; line ends are GitHub's to choose."""
    return _normal(left) == _normal(right)


def encodable(text: str) -> str:
    r"""The text with lone surrogates spelled out as `\udc..`.

    Python reads file names that are no UTF-8 as such; JSON and UTF-8 have no place for them.
    """
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()
