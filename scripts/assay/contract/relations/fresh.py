"""Freshness: the newest time of a column is recent, and none is in the future.

A date stands for its first moment. Text is read as ISO 8601; what names no zone is in the zone of
the promise.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from assay.configdata import duration
from assay.console import printable
from assay.contract.relations.side import dotted, whole
from assay.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datetime import date

    from assay.configdata import FreshSpec
    from assay.contract.relations.side import Found, KeyPath, Side

_DAY = r"^\d{4}-\d{2}-\d{2}"
_HOUR = r"[ T]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?"
_OFFSET = r" ?([zZ]|[+-]\d{2}(:?\d{2})?)"
LOCAL = f"{_DAY}({_HOUR})?$"
ZONED = f"{_DAY}{_HOUR}{_OFFSET}$"
_EXAMPLES = 3


def names(spec: FreshSpec) -> list[str]:
    """What reports call the promises."""
    return [f"fresh(within={spec.within!r})", f"not_in_future(ahead={spec.ahead!r})"]


def aggregates(side: Side, spec: FreshSpec, key: KeyPath) -> dict[str, Any]:
    """What is asked of the table: the newest time without and with a zone, and what is no time.

    Raises:
        ConfigError: The column is missing, or holds no times.
    """
    import ibis.expr.operations as ops

    side.require([spec.column], (*key, "column"))
    column, dtype = side.table[spec.column], side.table.schema()[spec.column]
    if dtype.is_timestamp() or dtype.is_date():
        zoned = dtype.is_timestamp() and dtype.timezone is not None
        return {f"fresh_{'zoned' if zoned else 'local'}": column.max()}
    if not dtype.is_string() or not side.table.get_backend().has_operation(ops.TryCast):
        raise ConfigError(
            f"`{dotted((*key, 'column'))}` is `{printable(spec.column)}`, which is {dtype} in"
            f" {side.shown}; expected a date, a time"
            f"{'' if dtype.is_string() else ', or text with one in ISO 8601'}.",
            hint="Name the column with the time of a row, or write it as a time.",
            key=(*key, "column"),
        )
    times = _times(column)
    return {
        "fresh_local": times["local"].max(),
        "fresh_zoned": times["zoned"].max(),
        "fresh_unread": _unread(column).sum().coalesce(0),
    }


def judge(
    side: Side,
    spec: FreshSpec,
    values: dict[str, Any],
    *,
    now: datetime,
    total: int,
    key: KeyPath,
) -> list[Found]:
    """Whether the newest row is recent, and which rows are in the future.

    Args:
        side: The table.
        spec: The promise.
        values: Of `aggregates`.
        now: With its zone.
        total: The rows of the table.
        key: Where the promise stands in `assay.yaml`.

    Raises:
        DataError: Some text is no time.
    """
    if values.get("fresh_unread"):
        raise _unreadable(side, spec, values["fresh_unread"], key)
    zone = ZoneInfo(spec.zone)
    newest = max(
        (
            _moment(value, zone)
            for value in (values.get("fresh_local"), values.get("fresh_zoned"))
            if value is not None
        ),
        default=None,
    )
    stale, future = names(spec)
    if newest is None:
        return [whole(stale, column=spec.column, found="no time in any row")]
    hidden = side.hides([spec.column])
    broken = []
    if now - newest > duration(spec.within):
        said = f"newest {newest.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {_age(now - newest)} old"
        broken.append(whole(stale, column=spec.column, found=None if hidden else said))
    limit = now + duration(spec.ahead)
    if newest > limit:
        broken.append(_ahead(side, spec, limit, check=future, total=total))
    return broken


def _ahead(side: Side, spec: FreshSpec, limit: datetime, *, check: str, total: int) -> Found:
    """The rows that are later than `limit`."""

    def later(table: Any) -> Any:
        return table.filter(_is_later(table[spec.column], limit, ZoneInfo(spec.zone)))

    (counted,) = side.rows(later(side.table).aggregate(rows=lambda t: t.count()))
    return side.failing(later, [spec.column], check=check, count=counted["rows"], total=total)


def _is_later(column: Any, limit: datetime, zone: ZoneInfo) -> Any:
    import ibis

    zoned = ibis.literal(limit.astimezone(UTC), type="timestamp('UTC')")
    wall = limit.astimezone(zone).replace(tzinfo=None)
    dtype = column.type()
    if dtype.is_string():
        times = _times(column)
        return (times["local"] > ibis.literal(wall)) | (times["zoned"] > zoned)
    if dtype.is_date():
        # A day that begins later than the limit: a literal date would lose the time of day.
        return column.cast("timestamp") > ibis.literal(wall)
    return column > (zoned if dtype.timezone is not None else ibis.literal(wall))


def _times(column: Any) -> dict[str, Any]:
    """Text as times: those without a zone, and those with one; null where it is the other."""
    import ibis

    text = column.strip()
    return {
        "local": ibis.ifelse(text.re_search(LOCAL), text.try_cast("timestamp"), None),
        # DuckDB 2 takes a time with an offset for a local one if it is told to.
        "zoned": ibis.ifelse(text.re_search(ZONED), text.try_cast("timestamp('UTC')"), None),
    }


def _unread(column: Any) -> Any:
    """Whether text is there that is no time."""
    times = _times(column)
    return column.notnull() & times["local"].isnull() & times["zoned"].isnull()


def _unreadable(side: Side, spec: FreshSpec, count: int, key: KeyPath) -> DataError:
    """Text that is no time: what is newest cannot be told."""
    first = side.failing(
        lambda table: table.filter(_unread(table[spec.column])),
        [spec.column],
        check="iso8601",
        count=count,
        total=count,
    )
    examples = "; ".join(first.failure.examples[:_EXAMPLES])
    rows = "row has" if count == 1 else "rows have"
    return DataError(
        f"`{dotted((*key, 'column'))}`: {count:,} {rows} a `{printable(spec.column)}` in"
        f" {side.shown} that is no time in ISO 8601{f' ({examples})' if examples else ''}.",
        hint="Write times as 2026-01-31T18:30:00+01:00, or correct these rows.",
        key=(*key, "column"),
    )


def _moment(value: datetime | date, zone: ZoneInfo) -> datetime:
    """A value of the data as a moment."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 (the zone comes below)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _age(span: timedelta) -> str:
    """A time span in its largest unit."""
    for seconds, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if (number := int(span.total_seconds() // seconds)) > 0:
            return f"{number:,} {unit}{'s' if number > 1 else ''}"
    return "less than a second"
