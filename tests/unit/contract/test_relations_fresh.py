"""Freshness and numbers of rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd
import pandera.pandas as pa
import pytest
from assay import configdata
from assay.contract import relations
from assay.contract.job import JobSpec, Table
from assay.contract.judge import Judge
from assay.contract.relations import BaseFacts
from assay.contract.schema import LoadedSchema
from assay.errors import ConfigError, DataError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contract.tables import NOW, look, spec, told

if TYPE_CHECKING:
    from pathlib import Path

FRESH = "fresh: {column: t, within: 2 days}"
STALE = "fresh(within='2 days')"
FUTURE = "not_in_future(ahead='5 min')"


def times(*values: object) -> pd.DataFrame:
    return pd.DataFrame({"t": list(values)})


@pytest.mark.parametrize(
    ("newest", "broken"),
    [
        (NOW - timedelta(days=2), []),
        (NOW - timedelta(days=2, seconds=1), [STALE]),
        (NOW + timedelta(minutes=5), []),
        (NOW + timedelta(minutes=5, seconds=1), [FUTURE]),
    ],
)
def test_bounds_are_kept_exactly(newest: datetime, broken: list[str]) -> None:
    frame = times(newest - timedelta(days=900), newest)
    local = frame.assign(t=frame.t.dt.tz_localize(None))
    text = frame.assign(t=frame.t.map(datetime.isoformat))
    plain = local.assign(t=local.t.map(datetime.isoformat))
    elsewhere = frame.assign(t=frame.t.dt.tz_convert("Asia/Kolkata"))
    offset = frame.assign(
        t=[t.astimezone(timezone(timedelta(hours=-8))).isoformat() for t in frame.t]
    )
    for one in (frame, local, text, plain, elsewhere, offset):
        found = look(one, FRESH)
        assert [failure.check for failure in found.failures] == broken, str(one)
        if broken == [FUTURE]:
            assert (found.failures[0].count, found.positions) == (1, ((1,),))


def test_what_is_said_of_old_data() -> None:
    found = look(times("2026-11-20T08:00:00+01:00", None), FRESH)
    assert found.failures[0].column == "t"
    assert found.failures[0].examples == ("newest 2026-11-20 07:00:00 UTC, 3 days old",)
    hidden = look(times("2026-11-20T08:00:00+01:00"), f"{{sensitive: t, {FRESH}}}")
    assert hidden.failures[0].examples == ()
    assert [one.check for one in hidden.plan] == [STALE, FUTURE]


def test_a_zone_for_what_names_none() -> None:
    promise = "fresh: {column: t, within: 1 h, zone: Europe/Berlin}"
    assert told(look(times("2026-11-23 12:30"), promise)) == [], "11:30 in UTC"
    assert told(look(times(datetime(2026, 11, 23, 12, 30)), promise)) == []  # noqa: DTZ001
    assert [c for c, _, _ in told(look(times("2026-11-23 11:30"), promise))] == [
        "fresh(within='1 h')"
    ]
    mixed = times("2026-11-23T10:59:59", "2026-11-23T11:30:00Z")
    assert told(look(mixed, promise)) == [], "one with a zone, one without"


def test_a_date_is_its_first_moment() -> None:
    assert told(look(times(date(2026, 11, 22)), "fresh: {column: t, within: 36 h}")) == []
    assert len(told(look(times(date(2026, 11, 22)), "fresh: {column: t, within: 35 h}"))) == 1
    assert told(look(times(date(2026, 11, 24)), FRESH)) == [(FUTURE, "t", 1)]


def test_no_time_at_all_is_not_fresh() -> None:
    found = look(times(None).astype("datetime64[us]"), FRESH)
    assert [(one.check, one.examples) for one in found.failures] == [
        (STALE, ("no time in any row",))
    ]


@pytest.mark.parametrize(
    "bad", ["23/11/2026", "yesterday", "2026-13-01", "2026-11-23 10:00:00 Europe/Berlin", "1732"]
)
def test_text_that_is_no_time(bad: str) -> None:
    with pytest.raises(DataError) as caught:
        look(times("2026-11-23", bad, None), FRESH)
    assert caught.value.message == (
        "`data.0.fresh.column`: 1 row has a `t` in data/orders.parquet that is no time in ISO 8601"
        f" (row 1: {bad!r})."
    )
    assert caught.value.exit_code == 2
    with pytest.raises(DataError) as caught:
        look(times("2026-11-23", bad), f"{{sensitive: t, {FRESH}}}")
    assert bad not in caught.value.message


def test_a_column_of_the_wrong_type_or_none() -> None:
    with pytest.raises(ConfigError) as caught:
        look(times(1, 2), FRESH)
    assert caught.value.key == ("data", 0, "fresh", "column")
    assert "which is int64" in caught.value.message
    with pytest.raises(ConfigError, match=r"`data.0.fresh.column` names the column `t`"):
        look(pd.DataFrame({"u": [1]}), FRESH)


@settings(max_examples=4)
@given(
    st.lists(
        st.datetimes(datetime(2026, 11, 20), datetime(2026, 11, 24), timezones=st.just(UTC)),  # noqa: DTZ001
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_every_spelling_of_a_time_gives_the_same(moments: list[datetime], zone: str) -> None:
    there = [moment.replace(microsecond=0).astimezone(ZoneInfo(zone)) for moment in moments]
    expected = [STALE] if NOW - max(there) > timedelta(days=2) else []
    late = sum(moment > NOW + timedelta(minutes=5) for moment in there)
    expected += [FUTURE] if late else []
    promise = f"fresh: {{column: t, within: 2 days, zone: {zone}}}"
    local = [moment.replace(tzinfo=None) for moment in there]
    for spelled in (
        pd.to_datetime(pd.Series(moments)).dt.floor("s"),
        pd.Series(local),
        pd.Series([moment.isoformat() for moment in there]),
        pd.Series([moment.isoformat(sep=" ") for moment in local]),
    ):
        found = look(pd.DataFrame({"t": spelled}), promise)
        assert [one.check for one in found.failures] == expected
        assert sum(one.count for one in found.failures if one.check == FUTURE) == late


def test_spans_of_time() -> None:
    assert configdata.duration("36 h") == timedelta(hours=36)
    assert configdata.duration("1 day 12h") == timedelta(hours=36)
    assert configdata.duration("1.5 Weeks") == timedelta(days=10.5)
    assert configdata.duration("90 minutes 30 sec") == timedelta(minutes=90.5)
    for wrong in (
        "",
        "2",
        "days",
        "2 months",
        "-1 day",
        "1 day or so",
        "2 dayz",
        "9e9 w",
        "99999999999 w",
    ):
        with pytest.raises(ValueError, match="is "):
            configdata.duration(wrong)


ROWS = "rows: {min: 2, max: 4, max_drop: 0.1, max_growth: 0.5}"


@pytest.mark.parametrize(
    ("rows", "base", "broken"),
    [
        (1, 1, ["rows(min=2)"]),
        (5, 5, ["rows(max=4)"]),
        (2, 2, []),
        (4, 4, []),
        (3, 4, ["rows(max_drop=0.1)"]),
        (3, 2, []),
        (4, 2, ["rows(max_growth=0.5)"]),
    ],
)
def test_numbers_of_rows(rows: int, base: int, broken: list[str]) -> None:
    found = look(times(*range(rows)), ROWS, base=BaseFacts(rows=base))
    assert [one.check for one in found.failures] == broken
    assert found.warnings == ()


def test_a_tenth_is_a_tenth() -> None:
    for rows in (10, 30, 70, 90, 1000):
        frame = times(*range(rows - rows // 10))
        assert look(frame, "rows: {max_drop: 0.1}", base=BaseFacts(rows=rows)).failures == ()
        found = look(frame.iloc[1:], "rows: {max_drop: 0.1}", base=BaseFacts(rows=rows))
        assert found.failures[0].examples == (f"{len(frame) - 1:,} rows, base has {rows:,}",)


@pytest.mark.parametrize(
    ("base", "why"),
    [
        (None, "there is no base to compare with"),
        (BaseFacts(why="base's file was not fetched"), "base's file was not fetched"),
        (BaseFacts(rows=0), "base has no rows"),
    ],
)
def test_without_base_what_is_relative_is_not_judged_and_said_so(
    base: BaseFacts | None, why: str
) -> None:
    found = look(times(1, 2, 3), ROWS, base=base)
    assert found.failures == ()
    assert found.warnings == (
        f"`data.0.rows.max_drop` and `data.0.rows.max_growth` are not judged: {why}.",
    )


def test_an_empty_table_breaks_its_bounds() -> None:
    frame = times("x").head(0)
    assert told(look(frame, ROWS, base=BaseFacts(rows=4))) == [
        ("rows(min=2)", None, 1),
        ("rows(max_drop=0.1)", None, 1),
    ]


@pytest.mark.parametrize("rows", range(6))
def test_bounds_alone_need_no_query(rows: int) -> None:
    promise = "rows: {min: 2, max: 4}"
    asked = look(times(*range(rows)), promise)
    assert relations.counted(spec(promise), rows) == asked
    assert bool(asked.failures) == (rows not in {2, 3, 4})


@pytest.mark.parametrize("promise", [ROWS, f"{{rows: {{min: 2}}, {FRESH}}}", FRESH])
def test_what_needs_more_than_a_count_is_asked(promise: str) -> None:
    assert relations.counted(spec(promise), 3) is None


def test_a_small_file_with_bounds_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = spec("rows: {min: 4}")
    told_of = JobSpec(number=0, reference="s.py:S", tables=(), more=entry.model_dump(by_alias=True))
    loaded = LoadedSchema("S", pa.DataFrameSchema({"t": pa.Column(int)}), "pandas")
    judge = Judge(spec=told_of, loaded=loaded, root=tmp_path, state=tmp_path, now=NOW)
    times(1, 2, 3).to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.delattr("assay.contract.sources.open_source")
    (failure,) = judge.judge(Table(path="a.csv")).findings.failures
    assert (failure.check, failure.examples, failure.line) == ("rows(min=4)", ("3 rows",), None)
    (tmp_path / "assay.yaml").write_text("data:\n  - path: a.csv\n    rows: {min: 4}\n")
    (failure,) = judge.judge(Table(path="a.csv")).findings.failures
    assert (failure.file, failure.line) == ("assay.yaml", 3)
