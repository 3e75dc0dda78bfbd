"""The record of an untrusted run: from bytes to a model, or a sentence on why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay import __version__
from assay.forks import UntrustedError, quoted, strictjson
from assay.record import RunRecord
from assay.section import Reason, Status
from assay.stages.compare import CompareSection

if TYPE_CHECKING:
    from datetime import datetime


def parse(content: bytes) -> tuple[RunRecord, tuple[str, ...]]:
    """The record, and what was cut from it; nothing in it is true yet.

    Raises:
        UntrustedError: It is no record, or is beyond the limits.
    """
    document, cuts = strictjson.parse(content)
    try:
        return RunRecord.model_validate(document), cuts
    except ValidationError as error:
        raise _unreadable(document, error) from error


def _unreadable(document: object, error: ValidationError) -> UntrustedError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the document"
    version = document.get("assay") if isinstance(document, dict) else None
    other = isinstance(version, str) and version != __version__
    hint = "Let both workflows use the same version of Assay."
    return UntrustedError(
        f"The record cannot be read by Assay {__version__}: {quoted(place)}: "
        f"{quoted(first['msg'])}.",
        hint=f"It says it is by Assay {quoted(version)}. {hint}" if other else None,
    )


def nothing(created: datetime) -> RunRecord:
    """A record in which nothing is said, for a run that left none that can be used."""
    return RunRecord(created=created)


def refused(record: RunRecord, error: UntrustedError) -> RunRecord:
    """A record whose one finding is why there is nothing else."""
    return record.model_copy(
        update={
            "compare": CompareSection(
                status=Status.ERROR,
                exit_code=error.exit_code,
                reasons=(Reason(message=error.message, hint=error.hint),),
            )
        }
    )
