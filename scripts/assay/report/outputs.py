"""The outputs of the action, and the file through which GitHub takes them."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING

from assay.errors import OutsideError
from assay.report import comparison
from assay.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from assay.record import RunRecord
    from assay.verdict import Verdict

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def of(record: RunRecord, verdict: Verdict | None = None) -> dict[str, str]:
    """The outputs by name, as text: `verdict` is one word that a workflow can compare with."""
    verdict = verdict or decide(record)
    return {
        "verdict": verdict.outcome.replace(" ", "-"),
        "outcome": "success" if verdict.exit_code == 0 else "failure",
        "headline": verdict.headline,
        "decided-by": verdict.decided_by,
        "metrics": json.dumps(_metrics(record), ensure_ascii=True),
    }


def write(
    path: Path, outputs: Mapping[str, str], *, token: Callable[[], str] | None = None
) -> None:
    """Append outputs to the file that `GITHUB_OUTPUT` names.

    Each value stands between delimiters that nobody can guess, so that a value of several lines
    cannot set another output.
    https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings

    Args:
        path: The file.
        outputs: Values by name.
        token: Where delimiters come from, for tests.

    Raises:
        OutsideError: The file cannot be written.
        ValueError: A name is none, or a value holds its delimiter.
    """
    text = "".join(_entry(name, value, token or _token) for name, value in outputs.items())
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}.") from error


def _entry(name: str, value: str, token: Callable[[], str]) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an output")
    delimiter = f"assay_{token()}"
    if delimiter in value:
        raise ValueError(f"the value of {name} holds its own delimiter")
    # What is no text (a lone half of a surrogate pair) is spelled out.
    safe = value.encode("utf-8", errors="backslashreplace").decode("utf-8")
    return f"{name}<<{delimiter}\n{safe}\n{delimiter}\n"


def _token() -> str:
    return secrets.token_hex(16)


def _metrics(record: RunRecord) -> dict[str, dict[str, object]]:
    compare = record.compare
    changes = compare.metrics if compare and compare.metrics else comparison.evaluated(record)
    return {
        change.name: {
            "head": change.head,
            "base": change.base,
            "difference": change.difference,
            "change": change.change,
        }
        for change in changes
    }
