"""A schema held against data of any size: one query, and Pandera for what no query can tell."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from assay.contract.scan.execute import by_pandera, execute
from assay.contract.scan.query import QueryError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from assay.contract.check import Findings
    from assay.contract.scan.plan import Semantics
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Source


def findings(
    source: Source, loaded: LoadedSchema, *, root: Path, sensitive: Collection[str]
) -> Findings:
    """What `check.check` says of the whole table as a data frame, without making that.

    Args:
        source: The data.
        loaded: The schema.
        root: The project folder, to point at the user's code when it raises.
        sensitive: The columns whose values must not appear in what is returned.

    Raises:
        DataError: The data cannot be read, or a check needs more memory than there is.
        OutsideError: Memory or disk space ran out.
        SchemaError: The schema cannot be applied.
    """
    has_index = getattr(loaded.schema, "index", None) is not None
    layout = source.layout(loaded.backend, has_index=has_index)
    semantics: Semantics = importlib.import_module(f"assay.contract.scan.{loaded.backend}")
    plan = semantics.plan(layout, loaded, root=root, private=bool(sensitive))
    try:
        found = execute(plan, source, layout, loaded, root=root, sensitive=sensitive)
    except QueryError:
        if loaded.backend != "ibis":
            raise
        # One expression of the user's that cannot be computed ends the whole query. Pandera asks
        # for one after the other.
        found = by_pandera(plan, layout, loaded, root=root, sensitive=sensitive)
    source.check_unchanged()
    return found
