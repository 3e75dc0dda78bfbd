"""Whether a retraining pull request may be merged without a person: only if all says superior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay import verdict
from assay.forge import tags
from assay.forks import run as reports
from assay.forks import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.forge.transport import Api
    from assay.record import RunRecord

ARTIFACT = "assay-report"
"""What the workflow of checks uploads the record as, by default."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the decision rests on."""

    head: str | None
    """The commit that the branch is at, by git."""
    base: str
    """The commit that the default branch is at, by git."""
    proposed: str
    """The commit that the pull request is at, by GitHub."""
    ours: str | None
    """The commit that we left the branch at."""
    people: tuple[str, ...]
    """Commits on the branch that are not ours."""
    record: RunRecord | None
    """Of the check of that commit, from the run that GitHub names; `None` where there is none."""
    failing: tuple[str, ...]
    """Checks of the commit that have not passed, or not ended."""
    refused_by: tuple[str, ...] = ()
    """Who asks for changes in a review."""
    why_none: str = ""
    """Why there is no record."""


def objections(facts: Facts) -> Iterator[str]:
    """Everything that speaks against merging; nothing where it may be."""
    if facts.people:
        yield "there are commits of people on the branch"
    if not facts.head == facts.proposed == facts.ours:
        yield "the branch is not at the commit that was pushed by a retraining"
    if facts.refused_by:
        yield f"`{facts.refused_by[0]}` asks for changes"
    if facts.failing:
        more = f" and {len(facts.failing) - 3} more" if len(facts.failing) > 3 else ""
        named = ", ".join(f"`{name}`" for name in facts.failing[:3])
        yield f"checks have not passed: {named}{more}"
    if facts.record is None:
        yield facts.why_none or "its check left no record"
        return
    yield from _of_record(facts, facts.record)


def _of_record(facts: Facts, record: RunRecord) -> Iterator[str]:
    if record.pushed != facts.proposed:
        yield "the record is of another commit"
    if record.base is None or record.base.sha != facts.base:
        yield "the default branch has moved since it was checked"
    found = verdict.decide(record)
    if found.outcome != "pass":
        yield f"the verdict is `{found.outcome}`: {found.headline.rstrip('.')}"
    gates = record.compare.gates if record.compare is not None else ()
    if not any(gate.rule == "superior" and gate.result == "passed" for gate in gates):
        yield "no gate asks whether it is `superior`, or none says so"
    open_ = [gate for gate in gates if gate.result != "passed"]
    if open_:
        more = f" (and {len(open_) - 1} more)" if len(open_) > 1 else ""
        yield f"a gate has not passed{more}: {open_[0].message.rstrip('.')}"


def look(api: Api, repository: str, workflow: str, sha: str) -> tuple[RunRecord | None, str]:
    """The record of the newest check of a commit, or why there is none.

    Args:
        api: The connection; its token needs `actions: read`.
        repository: `owner/name`.
        workflow: The file of the workflow that checks.
        sha: The commit.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    runs = tags.runs(api, repository, workflow, sha)
    if not runs:
        return None, f"`{workflow}` has not run for it"
    newest = max(runs, key=lambda run: run.number)
    if newest.conclusion != "success":
        return None, f"`{workflow}` ended in `{newest.conclusion or 'nothing yet'}`"
    found = reports.read(api, repository, source.find(api, repository, newest.id), ARTIFACT)
    if found.problem is not None:
        return None, found.problem.message.rstrip(".")
    return found.record, ""
