"""What a scan refuses: checks that memory cannot hold, and what an engine cannot do."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pytest
from assay.contract.scan import memory, query
from assay.errors import DataError, OutsideError

from tests.unit.contract.scans import FrameSource, asked, scanned

DATA = {"hour": [1, 2, 30], "city": ["Bonn", "Köln", "Ulm"]}
OWN = pa.DataFrameSchema({"hour": pa.Column(int, pa.Check(lambda s: s.mean() < 8, name="mild"))})


def test_a_check_that_memory_cannot_hold_is_refused_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 50)
    with pytest.raises(DataError) as caught:
        scanned(OWN, DATA)
    assert caught.value.exit_code == 2
    assert caught.value.message == (
        "The check `mild` of column `hour` needs its columns in memory: about 0.1 MB, where "
        "0.1 MB are free (the check is the user's own, and not element_wise)."
    )
    assert "element_wise=True" in str(caught.value.hint)
    whole = pa.DataFrameSchema({}, checks=pa.Check(lambda df: df["hour"] < 3, name="early"))
    with pytest.raises(DataError, match="The check `early` needs the table in memory"):
        scanned(whole, DATA)


@pytest.mark.parametrize(
    ("index", "size"),
    [
        (pd.Index(["x" * 1_000_000] * 3, name="id"), "18."),
        (pd.Index([1, 5, 3], name="id"), "0.1"),
        (pd.RangeIndex(3, name="id"), "0.1"),
    ],
    ids=["text", "stored numbers", "numbers of rows"],
)
def test_an_index_that_memory_cannot_hold_is_refused(index, size, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 200)
    frame = pd.DataFrame({"hour": [1, 2, 3]}, index=index)
    many = pa.Check(lambda s: s.nunique() > 1, name="many")
    schema = pa.DataFrameSchema({}, index=pa.Index(None, many, name="id"))
    with pytest.raises(DataError, match=f"needs the index in memory: about {size}"):
        scanned(schema, frame)
    monkeypatch.setattr(memory, "available", lambda: 30_000_000)
    assert scanned(schema, frame).failures == asked(schema, frame).failures


def test_checks_of_batches_and_of_the_scan_need_no_such_memory(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 0)
    checks = [pa.Check.lt(8), pa.Check(lambda x: x < 8, element_wise=True)]
    schema = pa.DataFrameSchema({"hour": pa.Column(int, checks, unique=True)})
    assert [f.count for f in scanned(schema, DATA).failures] == [1, 1]


def test_memory_is_not_refused_where_nothing_tells_how_much_there_is(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: None)
    assert scanned(OWN, DATA).failures == asked(OWN, DATA).failures


def test_width_is_that_of_the_types_and_of_a_sample_of_text():
    frame = pd.DataFrame(
        {"a": [1, 5], "b": ["x" * 99, "x" * 101], "c": pd.Series([1.5, 2], dtype="float32")}
    )
    layout = FrameSource(frame).layout("pandas", has_index=False)
    assert memory.width(layout, ["a", "c"]) == 12
    assert 100 <= memory.width(layout, ["b"]) <= 200
    assert memory.width(layout, ["a"], numbers=True) == 16
    keyed = FrameSource(frame.set_axis(frame["a"] * 7)).layout("pandas", has_index=True)
    assert memory.width(keyed, ["c"]) == 12


def test_available_is_the_least_that_is_told(tmp_path, monkeypatch):
    limit, used = tmp_path / "max", tmp_path / "current"
    limit.write_text("1000\n"), used.write_text("400\n")
    monkeypatch.setattr(memory, "_LIMITS", ((str(limit), str(used)),))
    assert memory.available() == 600
    limit.write_text("max\n")
    assert (memory.available() or 1) > 1000 or memory.available() is None
    monkeypatch.setattr(memory, "_LIMITS", ((str(tmp_path / "none"), str(used)),))
    monkeypatch.setattr(memory, "_proc_available", lambda: None)
    assert memory.available() is None


def test_a_table_that_must_be_read_whole_is_refused_by_its_size(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    memory.refuse_whole(10**6)
    with pytest.raises(DataError, match=r"takes about 12\.0 GB of memory, where 1\.0 GB are free"):
        memory.refuse_whole(10**9)


class OutOfMemoryException(Exception):  # noqa: N818 (DuckDB's name)
    pass


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (OutOfMemoryException("could not allocate"), OutsideError, "memory or disk space ran out"),
        (OSError("No space left on device"), OutsideError, "memory or disk space ran out"),
        (ValueError("Could not convert 'Bonn'\nmore"), DataError, "Could not convert 'Bonn'."),
    ],
)
def test_what_engines_say_is_translated(error, kind, text):
    class Failing:
        def to_pyarrow(self):
            raise error

    with pytest.raises(kind, match=text):
        query.fetch(Failing(), private=False)
    with pytest.raises(kind) as caught:
        query.fetch(Failing(), private=True)
    assert "Bonn" not in caught.value.message
