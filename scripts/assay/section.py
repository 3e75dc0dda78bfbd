"""What every stage returns: a status, the reasons for it, and how long it took."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from assay.errors import AssayError


class Fact(BaseModel):
    """Base of everything in the record: immutable, and strict about what it holds."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),  # `model_bytes` is a size; older pydantics warn of the name
    )


Result = Literal["passed", "failed", "inconclusive", "not decided"]
"""Of a gate. `inconclusive`: there is a baseline and evidence, and too little of it.

`not decided`: there is nothing that the rule could be held against, as on a first run.
"""


class Status(StrEnum):
    """How a stage ended; see `SEVERITY` for their order."""

    PASS = "pass"  # noqa: S105 (not a password)
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"


SEVERITY = {Status.SKIPPED: 0, Status.PASS: 0, Status.WARN: 1, Status.FAIL: 2, Status.ERROR: 3}
"""Worse is higher. A skipped stage is no worse than one that passed."""


def worst(statuses: list[Status]) -> Status:
    """The worst of several statuses; `pass` of none."""
    return max(statuses, key=SEVERITY.__getitem__, default=Status.PASS)


class Reason(Fact):
    """Why a stage did not simply pass. Becomes an annotation on `file` and `line`."""

    message: str
    severity: Literal["note", "warning", "error"] = "error"
    file: str | None = None
    """Relative to the project folder, with `/`."""
    line: int | None = None
    key: tuple[str | int, ...] | None = None
    """The key of the configuration file that it is about; `pipeline` turns it into a line."""
    hint: str | None = None

    @classmethod
    def of(
        cls,
        error: AssayError,
        *,
        severity: Literal["note", "warning", "error"] = "error",
        prefix: str = "",
    ) -> Reason:
        """An error as the reason of a section."""
        return cls(
            message=f"{prefix}{error.message}",
            severity=severity,
            file=error.file,
            line=error.line,
            key=error.key,
            hint=error.hint,
        )


class Section(Fact):
    """What one stage found. Stages derive from it and add typed facts."""

    status: Status
    reasons: tuple[Reason, ...] = ()
    seconds: float = 0.0
    blocked_by: str | None = None
    """The stage that kept this one from running."""
    exit_code: int = 0
    """What the stage's command returns: 0, or one of the codes in `errors.py`, or 1 for a no."""
