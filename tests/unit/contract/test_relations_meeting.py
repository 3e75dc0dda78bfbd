"""Tables of different engines in one query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pandas as pd
import pytest
from assay.contract.relations import meeting
from assay.contract.relations.side import Side
from assay.contract.sources.base import POSITION, Layout
from assay.errors import DataError, OutsideError

from tests.unit.contract.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LEFT = pd.DataFrame({"a b": ["x", None, "z"], "n": [1, 2, 3]})
RIGHT = pd.DataFrame({"k": ["z", "q"], "other": [1.5, None]})


def duck(frame: pd.DataFrame) -> Side:
    table = Table(frame, backend=ibis.duckdb.from_connection(duckdb.connect()))
    return Side(table, table.layout("pandas", has_index=False))


def elsewhere(frame: pd.DataFrame) -> Side:
    """A table of a database that is not DuckDB, whose rows have no numbers."""
    database = ibis.sqlite.connect(":memory:")
    frame.to_sql("t", database.con, index=False)
    return Side(Table(frame), Layout(empty=frame.head(0), table=database.table("t")))


def tables(side: Side) -> list[Any]:
    found = side.table.get_backend().con.execute("SELECT table_name FROM duckdb_tables()")
    return [name for (name,) in found.fetchall() if name.startswith("assay")]


@pytest.mark.parametrize("left", [duck, elsewhere])
@pytest.mark.parametrize("right", [duck, elsewhere])
def test_one_query_sees_both(left: Any, right: Any) -> None:
    sides = left(LEFT), right(RIGHT)
    with meeting.together(*sides, ["a b"], ["k"]) as (first, second):
        joined = first.table.semi_join(second.table, [("a b", "k")])
        assert joined.select("a b").to_pyarrow().to_pylist() == [{"a b": "z"}]
        if left is duck:
            assert first is sides[0], "it is not copied"
            numbers = first.layout.numbered.semi_join(second.table, [("a b", "k")])
            assert numbers.to_pyarrow().to_pylist()[0][POSITION] == 2
        else:
            assert first.layout.numbered is None
            assert list(first.table.columns) == ["a b"], "nothing else is copied"
    for side in sides:
        if side.layout.numbered is not None:
            assert tables(side) == [], "what was copied is gone"


def test_numbers_are_copied_too() -> None:
    with meeting.together(duck(RIGHT), duck(LEFT), ["k"], ["n"]) as (_, second):
        rows = second.layout.numbered.order_by(POSITION).to_pyarrow().to_pylist()
    assert rows == [{"n": n + 1, POSITION: n} for n in range(3)]


@pytest.mark.parametrize("private", [True, False])
def test_what_an_engine_says_is_told_without_the_data(
    monkeypatch: pytest.MonkeyPatch, private: bool
) -> None:
    def broken(_: object) -> Iterator[object]:
        raise duckdb.ConversionException("Could not convert 'secret' to INT")
        yield

    monkeypatch.setattr(meeting, "_batches", broken)
    right = duck(RIGHT)
    right = Side(right.source, right.layout, frozenset({"k"} if private else ()))
    with (
        pytest.raises(DataError) as caught,
        meeting.together(duck(LEFT), right, ["a b"], ["k"]),
    ):
        pass
    assert caught.value.message.startswith("data/orders.parquet cannot be scanned: Co")
    assert ("secret" in caught.value.message) is not private


def test_memory_that_runs_out_is_no_fault_of_the_data() -> None:
    class Greedy:
        def to_pyarrow(self) -> None:
            raise duckdb.OutOfMemoryException("failed to pin block")

    with pytest.raises(OutsideError, match="memory or disk space ran out"):
        duck(LEFT).arrow(Greedy())
