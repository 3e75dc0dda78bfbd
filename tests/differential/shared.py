"""One DuckDB for all cases: to open and to close one takes as long as a third of a case.

What the sources lock in theirs (files, network, memory) is tested with the sources.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
from assay.contract.sources.duck import BLIND_TO_NAN, Duck
from assay.datadiff import engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.contract.sources.files import Part


class Shared(Duck):
    """Of one source at a time, which finds it empty."""

    def close(self) -> None:
        """Drop what the source made."""
        made = self.connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables"
        ).fetchall()
        for name, kind in made:
            what = "VIEW" if kind == "VIEW" else "TABLE"
            self.connection.execute(f"DROP {what} {engine.quoted(name)}")
        shutil.rmtree(self.folder)


def opened(
    parts: Sequence[Part], suffix: str, *, ordered: bool = False, stored: bool = False
) -> Shared:
    """In place of `duck.opened`."""
    home = _home()
    home.con.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
    # Links of other names each time: DuckDB keeps parts of files, by name.
    folder = Path(tempfile.mkdtemp(prefix="assay-contract-"))
    links = engine.linked(folder, "part", [part.path for part in parts], suffix)
    return Shared(connection=home.con, ibis=home, folder=folder, links=tuple(links))


@cache
def _home() -> Any:
    home = ibis.duckdb.connect()
    home.raw_sql(f"SET disabled_optimizers = '{BLIND_TO_NAN}'")
    home.raw_sql("SET python_enable_replacements = false")
    return home
