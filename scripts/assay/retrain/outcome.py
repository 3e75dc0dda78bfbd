"""What a retraining came to, step by step: the documents that one step leaves to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import ValidationError

from assay.errors import UsageError
from assay.retrain.changes import Arrival
from assay.retrain.decision import Decision
from assay.section import Fact, Reason
from assay.stages.train import StageRun
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from assay.workspace import Workspace

Ending = Literal[
    "opened",
    "updated",
    "unchanged",
    "merged",
    "would retrain",
    "not now",
    "given up",
    "nothing new",
    "failed",
    "left to people",
]
EXIT_CODES: dict[Ending, int] = {"failed": 1}
"""Every other ending is none to wake anybody for."""
LARGEST = 10_000_000
"""Bytes of a document: a training may write there."""


class Trained(Fact):
    """The pipeline, run on new data."""

    ending: Literal["trained", "nothing new", "failed"]
    commit: str
    """The one that is checked out, and that all of it comes on top of."""
    reasons: tuple[Reason, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    stages: tuple[StageRun, ...] = ()
    remote: str | None = None
    """The DVC remote that has the data now."""


class Outcome(Fact):
    """What a run of `assay retrain` came to."""

    ending: Ending
    reason: str
    """In a sentence or two."""
    hint: str | None = None
    notes: tuple[str, ...] = ()
    number: int | None = None
    """Of the pull request."""
    url: str | None = None
    decision: Decision | None = None
    trained: Trained | None = None

    @property
    def exit_code(self) -> int:
        """0, or 1 where the pipeline failed."""
        return EXIT_CODES.get(self.ending, 0)


Document = TypeVar("Document", Decision, Trained, Outcome)
_FILES: dict[type[Fact], str] = {
    Decision: "retrain-decision.json",
    Trained: "retrain-trained.json",
    Outcome: "retrain-outcome.json",
}


def save(workspace: Workspace, document: Decision | Trained | Outcome) -> None:
    """Leave a document to the next step."""
    path = workspace.state / _FILES[type(document)]
    write_atomically(path, document.model_dump_json(indent=1) + "\n")


def clear(workspace: Workspace) -> None:
    """Remove what an earlier run left."""
    for name in _FILES.values():
        (workspace.state / name).unlink(missing_ok=True)


def ended(workspace: Workspace) -> Outcome | None:
    """What it came to already in a step before, if it did."""
    there = (workspace.state / _FILES[Outcome]).is_file()
    return load(workspace, Outcome) if there else None


def load(workspace: Workspace, kind: type[Document]) -> Document:
    """What the step before left.

    Raises:
        UsageError: It has not run, or left something else.
    """
    path = workspace.state / _FILES[kind]
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UsageError(f"{path.name} is larger than any that Assay writes.")
        return kind.model_validate_json(content)
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"There is no `.assay/{path.name}` that can be read.",
            hint="The step before leaves it: run all steps in one job, or `assay retrain`.",
        ) from error
