"""One table held against its schema, and against what stands beside the schema in `assay.yaml`.

A small file is read and given to Pandera as the user would do it: nothing is faster. Whatever is
larger, or no such file, is scanned; both ways give the same answer.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import check, failing, promised, reader, spread
from assay.contract.privacy import Sight
from assay.contract.sources import packed
from assay.errors import AssayError, ConfigError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from assay.configdata import DataSpec
    from assay.contract.check import Findings
    from assay.contract.failing import Rows
    from assay.contract.job import JobSpec, Table
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Source
    from assay.stages.validate import CheckFailure

SMALL = 16_000_000
"""Bytes of a file that Pandera has checked before a query would be compiled."""
_READ = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")
"""What `reader.read` reads."""


@dataclass(frozen=True)
class Judged:
    """What a table is found to be."""

    findings: Findings
    failing_rows: str | None
    """See `FileResult.failing_rows`."""
    problem: AssayError | None = None
    """Why what the entry promises beside its schema could not be looked at."""


@dataclass(frozen=True)
class Judge:
    """What one schema is held against, and how.

    Args:
        spec: The entry of `data:`.
        loaded: Its schema.
        root: The project folder.
        state: The folder of the record, for the file with failing rows.
        now: The time by which data is fresh or not.
    """

    spec: JobSpec
    loaded: LoadedSchema
    root: Path
    state: Path
    now: datetime

    def judge(self, table: Table) -> Judged:
        """Look at one table.

        Raises:
            AssayError: It cannot be read, or the schema cannot be applied.
        """
        with contextlib.ExitStack() as opened:
            source = None if self._is_small(table) else self._opened(table, opened)
            if source is None:
                found, rows = self._by_pandera(table)
            else:
                found, rows = self._by_scan(source)
            found = replace(found, failures=self._placed(found.failures))
            problem = None
            try:
                if self.spec.more is not None:
                    found = joined(found, self._more(table, source, opened, rows=found.rows))
            except AssayError as error:  # what the schema says is no less true
                problem = error
            name = failing.file_name(table.path, self.spec.number)
            written = None
            if any(found.positions) and (known := rows()) is not None:
                sensitive = self.spec.sensitive
                written = failing.write(known, found, self.state, sensitive=sensitive, name=name)
            return Judged(found, written, problem)

    def _placed(self, failures: tuple[CheckFailure, ...]) -> tuple[CheckFailure, ...]:
        """Failures with the lines of the schema that promise what is not so."""
        if not failures:
            return ()
        from assay.contract import promises  # parses YAML and Python, for what fails alone

        places = promises.lines_of(self.spec.reference, promises.inside(self.root))
        return promises.placed(failures, places, self.loaded.schema)

    def size(self, table: Table) -> int:
        """The bytes of a table on this disk."""
        if self.spec.connection is not None or self.spec.remote:
            return 0
        path = self.root / table.path
        parts = path.rglob("*") if path.is_dir() else [path]
        return sum(reader.size_of(part) for part in parts if not part.is_dir())

    def _is_small(self, table: Table) -> bool:
        spec, path = self.spec, self.root / table.path
        reads_it = self.loaded.backend in {"pandas", "polars"} and spec.engine == "duckdb"
        return (
            reads_it
            and spec.connection is None
            and not spec.remote
            and (not path.exists() or (path.is_file() and _is_small(path)))
            and (table.path.lower().endswith(_READ) or not path.exists())
        )

    def _by_pandera(self, table: Table) -> tuple[Findings, Callable[[], Rows | None]]:
        sensitive = self.spec.sensitive
        frame = reader.read(
            self.root / table.path,
            backend=self.loaded.backend,
            shown=printable(table.path),
            has_index=self._has_index,
            private=bool(sensitive),
        )
        found = check.check(frame, self.loaded, root=self.root, sensitive=sensitive)
        sight = Sight.on(frame, self.loaded, sensitive)
        columns = list(map(str, frame.columns))
        failures = self._spread(found.failures, partial(spread.of_frame, frame), columns)
        plan = promised.of(self.loaded.schema, columns, sight)
        found = replace(found, failures=failures, plan=plan)
        return found, lambda: failing.of_frame(frame, sensitive=sensitive)

    def _by_scan(self, source: Source) -> tuple[Findings, Callable[[], Rows | None]]:
        from assay.contract import scan

        spec, loaded = self.spec, self.loaded
        found = scan.findings(source, loaded, root=self.root, sensitive=spec.sensitive)
        layout = partial(source.layout, loaded.backend, has_index=self._has_index)
        # A database, a remote and Spark are not asked more than they must.
        near = spec.connection is None and not spec.remote and loaded.backend != "pyspark"
        if found.failures and near and spec.engine == "duckdb":
            table = layout()
            look = partial(spread.of_layout, table)
            names = [] if table.table is None else table.table.columns
            found = replace(found, failures=self._spread(found.failures, look, names))
        return found, lambda: failing.of_layout(layout(), source)

    def _spread(
        self, failures: tuple[CheckFailure, ...], look: spread.Look, names: Collection[str]
    ) -> tuple[CheckFailure, ...]:
        """Failures of bounds, with how the values are spread."""
        return spread.added(failures, self.loaded, look, names=names, sensitive=self.spec.sensitive)

    @property
    def _has_index(self) -> bool:
        return getattr(self.loaded.schema, "index", None) is not None

    def _opened(self, table: Table, opened: contextlib.ExitStack) -> Source:
        """The table as a source, until `opened` is closed."""
        from assay.contract import sources

        spec, private = self.spec, bool(self.spec.sensitive)
        shown = printable(table.path)
        if spec.connection is not None:
            url = os.environ.get(spec.connection)
            if not url:
                raise ConfigError(
                    f"The environment variable {spec.connection} is not set.",
                    hint="It holds the URL of the database: pass it to the step by `env:`.",
                    key=("data", spec.number, "connection"),
                )
            source = sources.open_table(url, table.path, shown=shown, private=private)
        elif spec.remote:
            source = sources.open_remote(self.root, table.path, shown=shown, private=private)
        elif spec.engine == "spark" or self.loaded.backend == "pyspark":
            from assay.contract.sources import spark

            source = spark.open_spark(self.root / table.path, shown=shown, private=private)
        else:
            source = sources.open_source(self.root / table.path, shown=shown, private=private)
        opened.callback(source.close)
        return source

    def _more(
        self,
        table: Table,
        source: Source | None,
        opened: contextlib.ExitStack,
        *,
        rows: int | None,
    ) -> Findings:
        """What the entry promises beside its schema.

        Args:
            table: The table.
            source: The same, if it is open: DuckDB lets a process open a database once.
            opened: What is closed in the end.
            rows: How many it has, as far as that is known.
        """
        from assay.configdata import DataSpec
        from assay.contract import relations

        entry = DataSpec.model_validate(self.spec.more)
        found = None if rows is None else relations.counted(entry, rows)
        if found is None:
            found = relations.findings(
                source or self._opened(table, opened),
                entry,
                number=self.spec.number,
                backend=self.loaded.backend,
                others=self._other,
                base=self._base(table, opened),
                now=self.now,
                sensitive=self.spec.sensitive,
            )
        return replace(found, failures=self._placed_beside(found.failures, entry))

    def _placed_beside(
        self, failures: tuple[CheckFailure, ...], entry: DataSpec
    ) -> tuple[CheckFailure, ...]:
        """Failures with the lines of `assay.yaml` that promise what is not so."""
        if not failures:
            return ()
        from assay.contract import beside, promises

        file, number = self.spec.config, self.spec.number
        content = promises.text(promises.inside(self.root), file)
        document = None if content is None else promises.document(content, file)
        return beside.placed(failures, entry, number=number, document=document, file=file)

    def _other(self, path: str) -> Source:
        from assay.contract import sources

        found: Any = self.root / path
        if not found.exists():
            found = sorted(one for one in self.root.glob(path) if one.is_file()) or found
        return sources.open_source(found, shown=printable(path), private=bool(self.spec.sensitive))

    def _base(self, table: Table, opened: contextlib.ExitStack) -> Any:
        from assay.contract import sources
        from assay.contract.relations import BaseFacts

        if not table.base:
            return BaseFacts(why=self.spec.no_base)
        names, paths = zip(*table.base, strict=True)
        source = sources.open_source(
            [Path(path) for path in paths],
            shown=f"base's {printable(table.path)}",
            name=names[0],
            private=bool(self.spec.sensitive),
        )
        opened.callback(source.close)
        try:
            layout = source.layout(self.loaded.backend, has_index=False)
            rows = int(layout.table.count().to_pyarrow().as_py())
        except OutsideError as error:
            return BaseFacts(why=error.message.rstrip("."))
        return BaseFacts(rows=rows, source=source)


def _is_small(path: Path) -> bool:
    """Whether a file is small, and what is in it too: a packed one may hold a thousand times more.

    One that cannot be read says so to whoever reads it.
    """
    if path.stat().st_size > SMALL:
        return False
    if path.suffix.lower() == ".gz":
        return packed.holds_at_most(path, ".gz", SMALL)
    if path.suffix.lower() in {".parquet", ".pq"}:
        return _cells(path) <= SMALL
    return True


def _cells(path: Path) -> int:
    """The values in a Parquet file: repeated ones take no room in it."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:  # polars needs none
        return 0
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError):
        return 0
    return int(footer.num_rows * footer.num_columns)


def joined(first: Findings, second: Findings) -> Findings:
    """Both, one after the other."""
    # What a schema finds may come without positions, and then the others must not move up.
    positions = (*first.positions, *[()] * (len(first.failures) - len(first.positions)))
    return replace(
        first,
        failures=(*first.failures, *second.failures),
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
        positions=(*positions, *second.positions),
        plan=(*first.plan, *second.plan),
    )
