"""The rows of `monitor:`, opened: files of any place and form, or a table of a database, by time.

A clock may be wrong: rows that are dated after now, or not at all, are counted and belong to no
window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from assay.console import printable
from assay.errors import ConfigError
from assay.monitor import listing, scan
from assay.monitor.filerows import Files, Odd
from assay.monitor.moments import after, moment, no_time, utc, within

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from assay.configmonitor import TableSpec
    from assay.contract.sources.base import Source
    from assay.monitor.filerows import Duck
    from assay.monitor.windows import Span


class Rows(Protocol):
    """Rows of one place."""

    notes: tuple[str, ...]
    """What people should know of it."""
    unreadable: bool
    """Whether there is something, and none of it can be read."""
    first: datetime | None
    """When the first row was; `None` where there is none."""

    def of(self, span: Span | None) -> Any:
        """An `ibis.Table` of a window's rows, or of all; `None` where there are none for sure."""

    def odd(self, span: Span, limit: datetime) -> Odd:
        """Rows near a window that belong to none."""

    def drop_damaged(self, span: Span) -> tuple[str, ...]:
        """Leave out what of a window cannot be read; returns a note for each file."""

    def close(self) -> None:
        """Let go of it."""


def opened(
    duck: Duck,
    spec: TableSpec,
    *,
    root: Path,
    environ: Mapping[str, str],
    time: str | None,
    key: tuple[str, ...],
    since: datetime | None = None,
    texts: Collection[str] = (),
    private: bool = False,
) -> Rows:
    """Open what `assay.yaml` names.

    Args:
        duck: Reads files.
        spec: Where the rows are.
        root: What paths are relative to.
        environ: Has the URL of a database.
        time: The column that says when a row was.
        key: Of `assay.yaml`, for errors.
        since: Rows before it need not be read.
        texts: Columns that hold text also where all values look like numbers.
        private: Whether values must not appear in messages.

    Raises:
        DataError: There is no such folder or table, or it has no such column.
        ConfigError: The variable with the URL is not set.
        OutsideError: A remote or a database does not answer.
    """
    if spec.connection is not None and spec.table is not None:
        url = environ.get(spec.connection)
        if not url:
            raise ConfigError(
                f"The environment variable {spec.connection} is not set.",
                hint="Pass it to the step, from a secret: it holds the URL of the database.",
                key=(*key, "connection"),
            )
        from assay.contract.sources import open_table

        shown = printable(spec.table)
        table = open_table(url, spec.table, shown=shown, private=private)
        return _Table(table, time=time, key=key, private=private)
    if spec.engine == "spark":
        from assay.contract.sources.spark import open_spark

        paths = sorted(root.glob(spec.path)) or root / spec.path
        table = open_spark(paths, shown=printable(spec.path), private=private)
        return _Table(table, time=time, key=key, private=private)
    found = listing.listed(spec.path, root, key=(*key, "path"))
    rows = Files(
        duck, found, time=time, key=key, since=since, texts=frozenset(texts), private=private
    )
    if not found:
        rows.notes += (f"There is no file yet at {listing.without_credentials(spec.path)}.",)
    return rows


class _Table:
    """A table of another engine, a database or Spark; what is asked of it runs there."""

    notes: tuple[str, ...] = ()
    unreadable = False

    def __init__(
        self, source: Source, *, time: str | None, key: tuple[str, ...], private: bool
    ) -> None:
        self._source = source
        self._rows = self._source.layout("ibis", has_index=False).table
        self._time, self._private = time, private
        self.first: datetime | None = None
        try:
            if time is not None:
                self.first = self._first(time, key)
        except BaseException:
            self.close()
            raise

    def _first(self, time: str, key: tuple[str, ...]) -> datetime | None:
        if time not in self._rows.columns:
            raise no_time(time, self._rows.columns, key)
        asked = self._rows.aggregate(first=moment(self._rows, time).min())
        return utc(scan.answer(asked, private=self._private)["first"])

    def of(self, span: Span | None) -> Any:
        """See `Rows`."""
        if span is None or self._time is None:
            return self._rows
        return within(self._rows, self._time, span)

    def odd(self, span: Span, limit: datetime) -> Odd:  # noqa: ARG002 (rows without a time are near none)
        """See `Rows`."""
        if self._time is None:
            return Odd()
        late = self._rows.filter(after(self._rows, self._time, limit))
        none = self._rows.filter(moment(self._rows, self._time).isnull())
        counts = [
            scan.answer(rows.aggregate(n=rows.count()), private=self._private)["n"]
            for rows in (late, none)
        ]
        return Odd(*counts)

    def drop_damaged(self, span: Span) -> tuple[str, ...]:  # noqa: ARG002 (it has no files of ours)
        """See `Rows`."""
        return ()

    def close(self) -> None:
        """See `Rows`."""
        self._source.close()
