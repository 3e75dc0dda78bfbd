"""When a row was: a column of times, of whatever type it came in, held against moments of UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection

    from assay.monitor.windows import Span


def within(rows: Any, time: str, span: Span) -> Any:
    """The rows of a window.

    Raises:
        DataError: The column holds no times.
    """
    return rows.filter(
        moment(rows, time) >= _literal(rows, time, span.start),
        moment(rows, time) < _literal(rows, time, span.end),
    )


def after(rows: Any, time: str, limit: datetime) -> Any:
    """Whether a row is later than that."""
    return moment(rows, time) > _literal(rows, time, limit)


def moment(rows: Any, time: str) -> Any:
    """When a row was. A plain column stays one, so that an engine can skip what it need not read.

    Raises:
        DataError: The column holds no times.
    """
    column = rows[time]
    type_ = column.type()
    if type_.is_timestamp():
        return column
    if type_.is_string() or type_.is_date():
        return (
            column.try_cast("timestamp('UTC')") if type_.is_string() else column.cast("timestamp")
        )
    raise DataError(
        f"The column {printable(time)!r} holds {type_} and no times.",
        hint="Make it a timestamp, or text as `2026-11-23T23:36:17Z`: a view can do that.",
    )


def _literal(rows: Any, time: str, value: datetime) -> Any:
    import ibis

    type_ = rows[time].type()
    if type_.is_string() or (type_.is_timestamp() and type_.timezone is not None):
        return ibis.literal(value, type="timestamp('UTC')")
    return ibis.literal(value.replace(tzinfo=None), type="timestamp")


def no_time(time: str, columns: Collection[str], key: tuple[str, ...]) -> DataError:
    """The log, or the reference, has another column for that; `key` is that of the table."""
    listed = ", ".join(repr(printable(str(one))) for one in list(columns)[:20])
    return DataError(
        f"The {key[-1]} has no column {printable(time)!r} that says when a row was.",
        hint=f"Name it as `{'.'.join(key)}.time`. There: {listed}.",
        key=(*key, "time"),
    )


def utc(value: Any) -> datetime | None:
    """A moment in UTC; without a zone it is one of UTC. `None` of what is no moment."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    if hasattr(value, "to_pydatetime"):  # of nanoseconds
        plain: datetime = value.to_pydatetime(warn=False)
        return utc(plain)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
