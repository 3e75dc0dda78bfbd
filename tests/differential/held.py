"""A frame of a test, held against a schema by Pandera and by the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract import schema as schemas

from tests.differential import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.differential.run import Answer


def failures(schema: Any, frame: Any, folder: Path) -> list[tuple[str, str | None, int]]:
    """What both of them say: checks, columns and counts, sorted by the text of the check."""
    answer = said(schema, frame, folder)
    assert answer.error is None, answer
    found = [(check, column, count) for check, column, count, _ in answer.failures.elements()]
    return sorted(found, key=lambda one: (one[0], str(one[1])))


def said(schema: Any, frame: Any, folder: Path) -> Answer:
    """The answer of both of them; a failed assertion where it is not one."""
    backend = schemas.kind_of(schema)
    path = folder / "data.parquet"
    if hasattr(frame, "write_parquet"):
        frame.write_parquet(path)
    else:
        frame.to_parquet(path)
    verdict = run.compare(path, schema.to_schema() if isinstance(schema, type) else schema, backend)
    assert not verdict.problems, verdict
    return verdict.expected
