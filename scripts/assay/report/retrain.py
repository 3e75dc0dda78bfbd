"""What a retraining says: its pull request, a comment, the step summary, the terminal. Pure.

Columns, files, stages and what a monitor found come from elsewhere: each is escaped where it
stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.packaging.cardtables import section, table
from assay.report import escape, monitor
from assay.report.markdown import length
from assay.report.wording import MISSING, count, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.monitor.watched import MonitorSection
    from assay.retrain.changes import Arrival
    from assay.retrain.decision import Decision
    from assay.retrain.outcome import Ending, Outcome, Trained

_ICONS: dict[Ending, str] = {
    "opened": "🔁",
    "updated": "🔁",
    "unchanged": "⚪",
    "merged": "✅",
    "would retrain": "🔁",
    "not now": "⚪",
    "given up": "🛑",
    "nothing new": "⚪",
    "failed": "❌",
    "left to people": "⚠️",
}
_TITLES = {
    "drift": "drift in production",
    "performance": "it does worse in production",
    "schedule": "by schedule",
    "data": "new data",
    "hand": "asked for",
}
AGAIN = (
    "When you have found what it is, train by hand: `assay retrain --why hand`. By itself it is "
    "tried again once the alarm was over."
)
NO_CHECKS = (
    "GitHub starts no workflow for what `GITHUB_TOKEN` opens or pushes, so no check runs by "
    "itself: close and open this pull request once, or give the workflow the token of an app."
)
"""https://docs.github.com/en/actions/concepts/security/github_token"""


@dataclass(frozen=True, kw_only=True)
class Story:
    """All that a pull request tells of."""

    model: str
    decision: Decision
    trained: Trained
    found: MonitorSection | None
    people: tuple[str, ...] = ()
    """Commits on the branch that are not ours."""
    left_out: tuple[str, ...] = ()
    """Files that the training changed and that are not committed."""
    run_url: str | None = None
    starts_checks: bool = True


def title(story: Story) -> str:
    """Of the pull request and of its commit; plain text on one line."""
    return escape.text(f"Retrain {story.model}: {_TITLES[story.decision.why or 'hand']}")


def message(story: Story) -> str:
    """Of the commit; plain text."""
    lines = [title(story), "", story.decision.reason, ""]
    lines += [f"new data: {escape.text(one.path)}" for one in story.trained.arrivals]
    return "\n".join(lines).rstrip()


def body(story: Story, *, limit: int) -> str:
    """Of the pull request, as Markdown; what is too long loses the monitor's tables.

    Args:
        story: What happened.
        limit: UTF-16 units, which GitHub counts.
    """
    for evidence in (True, False):
        text = _body(story, evidence=evidence)
        if length(text) <= limit:
            break
    return text


def _body(story: Story, *, evidence: bool) -> str:
    parts = [
        str(escape.message(story.decision.reason)),
        *(f"> ⚠️ {escape.message(note)}" for note in _warnings(story)),
        *(_evidence(story) if evidence else ()),
        section("What came in", _arrivals(story.trained.arrivals)),
        section("What is asked of you", _NEXT),
        _facts(story),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warnings(story: Story) -> Iterator[str]:
    yield from story.decision.notes
    if not story.starts_checks:
        yield NO_CHECKS
    if story.people:
        commits = count(len(story.people), "commit")
        yield (
            f"There {'is' if len(story.people) == 1 else 'are'} {commits} of people on this "
            "branch, which stay. What is new was trained without them, and comes on top."
        )
    if story.left_out:
        names = ", ".join(f"`{name}`" for name in story.left_out[:5])
        more = f" and {len(story.left_out) - 5} more" if len(story.left_out) > 5 else ""
        yield f"The training changed {names}{more}: not committed, for people change code."


def _evidence(story: Story) -> Iterator[str]:
    """What the monitor found, where that is why."""
    found = story.found
    if found is None or story.decision.why not in ("drift", "performance"):
        return
    yield section("Why", *monitor.evidence(found))


def _arrivals(arrivals: Sequence[Arrival]) -> str:
    if not arrivals:
        return "No file of data is another than before: parameters, code or the seed are."
    rows = [
        (
            escape.Code(one.path),
            _rows(one.rows_before),
            _rows(one.rows_now),
            size(one.bytes_before) if one.bytes_before is not None else MISSING,
            size(one.bytes_now) if one.bytes_now is not None else MISSING,
            f"{one.first} to {one.last}" if one.first is not None else "",
        )
        for one in arrivals
    ]
    head = ("File", "rows before", "rows now", "size before", "size now", "from, to")
    return table(head, rows, "lrrrrl")


def _rows(amount: int | None) -> str:
    return MISSING if amount is None else f"{amount:,}"


_NEXT = """\
- The checks of this pull request compare the candidate with what is in use, on the same rows, by \
the gates of `assay.yaml`: merge it if they say that it is better.
- Merged, it is a candidate still. It helps production once it is released and deployed.
- Commits of yours on this branch stay: it is never pushed over them."""


def _facts(story: Story) -> str:
    trained = story.trained
    shown = []
    if (run := escape.web_address(story.run_url)) is not None:
        shown.append(f"[run]({run})")
    shown.append(f"trained at {escape.code(trained.commit[:12])}")
    ran = [one.name for one in trained.stages if one.outcome in ("ran", "restored")]
    if ran:
        shown.append(f"stages {', '.join(escape.code(name) for name in ran[:10])}")
    if trained.remote is not None:
        shown.append(f"data in the remote {escape.code(trained.remote)}")
    return " · ".join(shown)


def said(why: str, hint: str, run_url: str | None) -> str:
    """A comment that tells people something."""
    run = escape.web_address(run_url)
    parts = [str(escape.message(why)), str(escape.message(hint)), f"[run]({run})" if run else ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown(outcome: Outcome) -> str:
    """For the step summary."""
    url = escape.web_address(outcome.url)
    link = f" [#{outcome.number}]({url})" if url is not None and outcome.number else ""
    what = f"{_ICONS[outcome.ending]} **{outcome.ending.capitalize()}**{link}"
    lines = [
        f"{what}: {escape.message(outcome.reason)}",
        *(f"- {escape.message(note)}" for note in outcome.notes),
        str(escape.message(outcome.hint)) if outcome.hint else "",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def text(outcome: Outcome) -> str:
    """The same for a terminal."""
    lines = [f"{outcome.ending}: {outcome.reason}"]
    lines += [f"note: {note}" for note in outcome.notes]
    lines += [outcome.url] if outcome.url else []
    lines += [outcome.hint] if outcome.hint else []
    return "\n".join(escape.text(line) for line in lines)
