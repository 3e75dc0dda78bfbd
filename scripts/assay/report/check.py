"""The report as a check run and as a commit status of GitHub: plain values, within its limits."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assay.ci import DEFAULT_KEY
from assay.console import printable
from assay.report import markdown, wording
from assay.stages.validate import message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from assay.record import RunRecord
    from assay.section import Reason
    from assay.stages.test import FailedTest
    from assay.verdict import Outcome, Verdict

Conclusion = Literal["success", "failure", "neutral", "cancelled"]
State = Literal["success", "failure", "error"]
Level = Literal["notice", "warning", "failure"]

# https://docs.github.com/en/rest/checks/runs#create-a-check-run
MOST_BYTES = 65_535
"""Of summary and text each. The page says characters; what counts is UTF-8
(https://github.com/github/docs/issues/35252)."""
_ROOM = MOST_BYTES - 200
"""For the report: a note may follow, for which no Markdown can be cut without harm."""
LONGEST_TITLE = 255
LONGEST_NAME = 100
"""Characters of the name that people see in a list; GitHub would take more."""
LONGEST_PATH = 4_096
_LARGEST_LINE = 2**31 - 1
"""GitHub refuses a whole check run for one that is larger; a stranger's record may hold any."""
MESSAGE_BYTES = 64_000
"""Of an annotation's message, and of its details: GitHub takes 64 KB of each."""
MOST_ANNOTATIONS = 150
"""Three requests' worth; nobody reads more on the lines of one change."""
# https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
LONGEST_DESCRIPTION = 140

_LEVELS: dict[str, Level] = {"note": "notice", "warning": "warning", "error": "failure"}
_TITLES = {
    "checkout": "Data and models",
    "validate": "Data contract",
    "test": "Tests",
    "train": "Training",
    "evaluate": "Evaluation",
    "compare": "Comparison",
    "package": "Package",
}
# A required check is satisfied by success and by neutral. Exit code 1 is neither: `inconclusive`
# is a gate that asked for evidence and got too little. What was not judged is no success.
_CONCLUSIONS: dict[Outcome, Conclusion] = {
    "pass": "success",
    "warn": "neutral",
    "no gate": "neutral",
    "fail": "failure",
    "inconclusive": "failure",
    "error": "failure",
}
# A status knows no neutral; its description begins with the word that makes the difference.
_STATES: dict[Outcome, State] = {
    "pass": "success",
    "warn": "success",
    "no gate": "success",
    "fail": "failure",
    "inconclusive": "failure",
    "error": "error",
}
_INTERRUPTED = 130
_TELLING = 150
"""Characters of a test's name that its reason surely begins with."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A message on lines of a file."""

    path: str
    """Relative to the root of the git repository, and never outside of it."""
    start_line: int
    end_line: int
    level: Level
    title: str
    message: str
    raw_details: str | None = None
    """What unfolds below: the end of a traceback, examples of values."""


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """A check run as it is to be shown."""

    name: str
    external_id: str
    """What tells it from others of the same commit."""
    conclusion: Conclusion
    title: str
    summary: str
    """Markdown: what the report shows unfolded."""
    text: str | None
    """Markdown: the rest of the report."""
    annotations: tuple[Annotation, ...]
    details_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class CommitStatus:
    """A commit status as it is to be shown."""

    state: State
    context: str
    description: str
    target_url: str | None = None


def of(
    record: RunRecord,
    verdict: Verdict,
    *,
    reasons: Iterable[Reason] = (),
    report: Callable[[int], str] | None = None,
    details_url: str | None = None,
) -> CheckRun:
    """The run as a check run.

    Args:
        record: The run.
        verdict: What `decide` says of it.
        reasons: What to put on lines; see `places.of`.
        report: The report in at most so many characters; by default `markdown.render`.
        details_url: Where the whole report, or the run, is.
    """
    annotations, left_out = _annotations(record, reasons)
    summary, text = _body(
        report or (lambda limit: markdown.render(record, verdict=verdict, limit=limit))
    )
    title = _short(verdict.headline, 2 * LONGEST_TITLE)
    if left_out:
        note = f"_{left_out:,} more annotations were left out; the report has what they say._"
        text = f"{text}\n\n{note}".strip()
    return CheckRun(
        name=name(record),
        external_id=context(record),
        conclusion="cancelled"
        if verdict.exit_code == _INTERRUPTED
        else _CONCLUSIONS[verdict.outcome],
        title=cut_words(title, LONGEST_TITLE),
        summary=summary or title,
        text=text or None,
        annotations=annotations,
        details_url=details_url,
    )


def status(record: RunRecord, verdict: Verdict, *, target_url: str | None = None) -> CommitStatus:
    """The run as a commit status."""
    word = wording.OUTCOMES[verdict.outcome][1]
    said = _short(f"{word}: {verdict.headline}", 2 * LONGEST_TITLE)
    return CommitStatus(
        state=_STATES[verdict.outcome],
        context=context(record),
        description=cut_words(said, LONGEST_DESCRIPTION),
        target_url=target_url,
    )


def name(record: RunRecord) -> str:
    """`Assay`; with several reports in one repository `Assay: churn`."""
    title = record.title or (record.comment_key if record.comment_key != DEFAULT_KEY else "")
    shown = _short(title, LONGEST_NAME - len("Assay: "))
    return f"Assay: {shown}" if shown else "Assay"


def context(record: RunRecord) -> str:
    """`assay/default`: the name of the report for machines."""
    return f"assay/{_short(record.comment_key, LONGEST_NAME - len('assay/'))}"


def clean(text: str) -> str:
    r"""Text that JSON, XML and a page can hold: control characters and such spelled out."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode()
        for c in text.replace("\r\n", "\n")
    )


def _short(text: str, most: int) -> str:
    """Text on one line; what is cut first is what could not be shown anyway."""
    return wording.short(" ".join(clean(wording.short(text, 2 * most)).split()), most)


def _long(text: str) -> str:
    """What an annotation says."""
    return cut_bytes(clean(wording.short(text, MESSAGE_BYTES)), MESSAGE_BYTES)


def cut_words(text: str, most: int) -> str:
    """At most `most` characters, cut between words where there is a space to cut at."""
    if len(text) <= most:
        return text
    begun = text[: most - 1]
    kept = begun if text[most - 1].isspace() else begun.rpartition(" ")[0]
    return f"{(kept or begun).rstrip(' ,;:(')}…"


def cut_bytes(text: str, most: int) -> str:
    """At most `most` bytes of UTF-8."""
    content = text.encode("utf-8", errors="backslashreplace")
    if len(content) <= most:
        return content.decode("utf-8")
    return f"{content[: most - 3].decode('utf-8', errors='ignore')}…"


def _body(report: Callable[[int], str]) -> tuple[str, str]:
    """The report as summary and text: what it shows, and what it folds away."""
    summary = text = ""
    # A UTF-16 unit, which is what a report is measured in, takes three bytes at most.
    for limit in (_ROOM, _ROOM // 3):
        whole = f"\n{report(limit)}"
        at = whole.find("\n<details")
        at = len(whole) if at < 0 else at
        summary, text = whole[:at].strip(), whole[at:].strip()
        if max(_bytes(summary), _bytes(text)) <= _ROOM:
            break
    return cut_bytes(summary, _ROOM), cut_bytes(text, _ROOM)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", errors="backslashreplace"))


def _annotations(
    record: RunRecord, reasons: Iterable[Reason]
) -> tuple[tuple[Annotation, ...], int]:
    """The annotations, the worst first, and how many had no room."""
    details = dict(_details(record))
    titles = {
        reason.message: _TITLES[stage]
        for stage, section in record.sections()
        for reason in section.reasons
    }
    accepted = {
        gate.message.rstrip(".")
        for gate in (record.compare.gates if record.compare else ())
        if gate.name in record.accepted()
    }
    found = []
    for reason in reasons:
        path = inside(record.project, reason.file)
        if path is None:
            continue
        line = min(max(reason.line or 1, 1), _LARGEST_LINE)
        level = _LEVELS[reason.severity]
        if reason.message.rstrip(".") in accepted:
            level = "notice"
        what = ".".join(map(str, reason.key)) if reason.key else titles.get(reason.message, "Assay")
        said = reason.message if reason.hint is None else f"{reason.message}\n{reason.hint}"
        raw = details.get(reason.message)
        found.append(
            Annotation(
                path=path,
                start_line=line,
                end_line=line,
                level=level,
                title=_short(what, LONGEST_TITLE) or "Assay",
                message=_long(said) or "Assay",
                raw_details=_long(raw) if raw else None,
            )
        )
    order = list(reversed(_LEVELS.values()))
    unique = sorted(dict.fromkeys(found), key=lambda one: order.index(one.level))
    return tuple(unique[:MOST_ANNOTATIONS]), max(len(unique) - MOST_ANNOTATIONS, 0)


def _details(record: RunRecord) -> Iterator[tuple[str, str]]:
    """What there is to unfold below a reason, by its message."""
    if record.test is not None:
        for reason in record.test.reasons:
            yield reason.message, _traceback(reason, record.test.failures)
    for file in record.validation.files if record.validation else ():
        for failure in file.failures:
            yield message(file, failure), "\n".join(failure.examples)


def _traceback(reason: Reason, failures: Iterable[FailedTest]) -> str:
    """Of the test that a reason is about: with parameters there are several on one line."""
    found = [
        failure
        for failure in failures
        if (failure.file, failure.line) == (reason.file, reason.line)
        and reason.message.startswith(printable(failure.name[:_TELLING])[:_TELLING])
    ]
    return max(found, key=lambda failure: len(failure.name)).details if found else ""


def inside(project: str, file: str | None) -> str | None:
    """The path of a file from the root of the repository; `None` where it leads out of it.

    Args:
        project: The project folder in the repository, with a `/` at its end, or empty.
        file: Relative to the project folder.
    """
    if not file or file.startswith("/"):
        return None
    path = posixpath.normpath(f"{project}{file}")
    first = path.split("/", 1)[0]
    odd = "\\" in path or not path.isprintable() or len(path) > LONGEST_PATH
    return None if odd or first in {"", ".", "..", ".git"} else path
