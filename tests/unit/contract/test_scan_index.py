"""The index of a pandas table in the scan: what Pandera says of it, and how that was found."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pytest
from assay.contract import scan, sources
from assay.contract.sources.base import LEVEL, POSITION
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.pandas import Check, Index, MultiIndex

from tests.differential import run
from tests.unit.contract.scans import FrameSource, asked, hows, loaded, scanned

IDS = pd.Index([3, 1, 1, 7, 2], name="id")
WORDS = pd.Index(["a", "b", "b", None, None], name="id")
COUNTED = pd.RangeIndex(10, 60, 10, name="id")
PAIRS = pd.MultiIndex.from_arrays([list("aabbc"), [1, 2, 2, 2, 3]], names=["k", "n"])

SCANNED = {
    "numbers": (IDS, Index(int, [Check.lt(3), Check.isin([1, 2])], unique=True, name="id")),
    "only the last": (IDS, Index(int, unique=True, report_duplicates="exclude_first")),
    "texts": (WORDS, Index(str, Check.str_startswith("a"), unique=True, nullable=True)),
    "what is missing": (WORDS, Index(None, Check.ne("a"))),
    "all values": (IDS, Index(int, Check.unique_values_eq({1, 2}))),
    "another name": (IDS, Index(int, name="key")),
    "turned into what it is": (IDS, Index(int, Check.gt(1), coerce=True)),
    "made text": (COUNTED, Index(str, Check.ne("20"), coerce=True)),
    "counted": (COUNTED, Index(int, [Check.le(20), Check.ne(30)], unique=True, name="id")),
    "the first that fail": (COUNTED, Index(int, Check.le(20, n_failure_cases=2))),
    "a warning": (COUNTED, Index(int, Check.le(20, raise_warning=True))),
    "levels": (
        PAIRS,
        MultiIndex([Index(str, Check.ne("b"), name="k"), Index(int, Check.lt(2), name="n")]),
    ),
    "levels for one": (IDS, MultiIndex([Index(int, name="id"), Index(int, name="n")])),
    "one for levels": (PAIRS, Index(int, Check.lt(2), unique=True)),
}
LEFT = {
    "each value": ("batches", COUNTED, Index(int, Check(lambda x: x < 20, element_wise=True))),
    "all together": ("column", IDS, Index(int, Check(lambda s: s.sum() < 3))),
    "the wrong type": ("batches", IDS, Index(str)),
    "missing too": ("column", WORDS, Index(None, Check.ne("a", ignore_na=False))),
    "the first of some": ("column", IDS, Index(int, Check.lt(3, n_failure_cases=1))),
    "not to be turned": ("table", WORDS, Index(int, coerce=True)),
    "dropped": ("column", IDS, Index(int, Check.lt(3), drop_invalid_rows=True)),
    "parsed": ("column", IDS, Index(int, parsers=pa.Parser(lambda s: s + 1))),
    "unique levels": (
        "column",
        PAIRS,
        MultiIndex([Index(str, name="k"), Index(int, name="n", unique=True)]),
    ),
    "levels of other names": (
        "column",
        PAIRS,
        MultiIndex([Index(int, name="n"), Index(str, name="k")]),
    ),
    "levels and a check": (
        "column",
        PAIRS,
        MultiIndex([Index(str, name="k"), Index(int, Check(lambda s: s < 2), name="n")]),
    ),
}


def counted(found):
    return [(one.check, one.column, one.count, one.share) for one in found.failures]


def agree(schema, index):
    frame = pd.DataFrame({"v": [1, 2, 3, 4, 5]}).set_axis(index)
    ours, theirs = scanned(schema, frame), asked(schema, frame)
    assert counted(ours) == counted(theirs)
    assert sorted(ours.warnings) == sorted(theirs.warnings)
    for mine, of_pandera in zip(ours.positions, theirs.positions, strict=True):
        assert not of_pandera or mine == of_pandera
    return ours


@pytest.mark.parametrize("name", SCANNED)
def test_an_index_is_scanned_as_pandera_says(name):
    index, promised = SCANNED[name]
    found = agree(pa.DataFrameSchema({}, index=promised), index)
    assert found.failures or found.warnings or promised.coerce
    # Older pandas have no type for text, and older Panderas say something else of missing levels.
    old = {"column"} if name in {"made text", "levels for one"} else set()
    assert set(hows(found).values()) <= {"scan", *old}


@pytest.mark.parametrize("name", LEFT)
def test_what_of_an_index_is_left_to_pandera(name):
    how, index, promised = LEFT[name]
    found = agree(pa.DataFrameSchema({}, index=promised), index)
    assert how in hows(found).values()
    assert all(planned.why for planned in found.plan if planned.how != "scan")


def test_a_scanned_index_loads_no_row():
    schema = pa.DataFrameSchema({}, index=Index(int, Check.ge(1), unique=True))
    source = FrameSource(pd.DataFrame({"v": range(5)}, index=pd.Index([5, 4, 3, 2, 1])))
    assert not scan.findings(source, loaded(schema), root=None, sensitive=()).failures
    assert source.loaded == []


def test_an_index_without_numbered_rows_is_left_to_pandera():
    frame = pd.DataFrame({"v": [1, 2]})
    schema = pa.DataFrameSchema({}, index=Index(int, Check.lt(1)))
    found = scanned(schema, frame, numbered=False)
    assert counted(found) == counted(asked(schema, frame))
    assert set(hows(found).values()) == {"column"}


def test_labels_and_values_of_a_sensitive_index_are_in_nothing():
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["Köln", "Bonn"], name="city"))
    schema = pa.DataFrameSchema({}, index=Index(str, Check.ne("Köln"), name="city"))
    found = scanned(schema, frame, sensitive=("city",))
    assert [one.count for one in found.failures] == [1]
    assert "Köln" not in repr(found)


def test_a_stored_index_stands_beside_the_numbers_of_the_rows(tmp_path):
    path = tmp_path / "data.parquet"
    pd.DataFrame({"v": range(5)}, index=PAIRS).to_parquet(path)
    source = sources.open_source(path, shown="data.parquet", private=False)
    layout = source.layout("pandas", has_index=True)
    assert list(layout.table.columns) == ["v"]
    assert set(layout.numbered.columns) == {"v", POSITION, LEVEL.format(0), LEVEL.format(1)}
    assert layout.known[LEVEL.format(1)].least == 1
    source.close()


@settings(max_examples=6)
@given(
    start=st.integers(-5, 5),
    step=st.sampled_from([-3, -1, 1, 2]),
    bound=st.integers(-8, 8),
    rows=st.integers(1, 6),
)
def test_an_index_that_counts_follows_from_the_numbers_of_the_rows(start, step, bound, rows):
    index = pd.RangeIndex(start, start + step * rows, step)
    schema = pa.DataFrameSchema({}, index=Index(int, [Check.ge(bound), Check.ne(0)], unique=True))
    frame = pd.DataFrame({"v": range(rows)}, index=index)
    assert counted(scanned(schema, frame)) == counted(asked(schema, frame))


@pytest.mark.parametrize("index", [IDS, WORDS, COUNTED, PAIRS], ids=["ids", "words", "range", "2"])
def test_columns_beside_an_index(tmp_path, index):
    path = tmp_path / "data.parquet"
    frame = pd.DataFrame({"v": [1.0, None, None, 3.0, 3.0]}, index=index)
    frame.to_parquet(path)
    schema = pa.DataFrameSchema({"v": pa.Column(float, Check.lt(3), unique=True)})
    assert not run.compare(path, schema, "pandas").problems
