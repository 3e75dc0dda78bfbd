"""Foreign keys and disjoint files, against pandas."""

from __future__ import annotations

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from assay.contract.relations import meeting
from assay.errors import AssayError, ConfigError, DataError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contract.tables import Table, look, told

COUNTRIES = "data/countries.csv"
REFERS = f"references: [{{columns: country, to: {COUNTRIES}, to_columns: code}}]"
ORDERS = pd.DataFrame({"id": range(5), "country": ["de", "fr", None, "xx", "de"]})
CODES = pd.DataFrame({"code": ["de", "fr", "it"], "name": ["a", "b", "b"]})


def test_a_value_that_the_other_table_does_not_have() -> None:
    found = look(ORDERS, REFERS, others={COUNTRIES: CODES})
    (failure,) = found.failures
    assert failure.check == f"references('{COUNTRIES}', 'code')"
    assert (failure.column, failure.count, failure.share) == ("country", 1, 0.2)
    assert failure.examples == ("row 3: 'xx'",)
    assert found.positions == ((3,),)
    assert [(one.check, one.column, one.how) for one in found.plan] == [
        (failure.check, "country", "scan")
    ]


def test_null_is_forbidden_on_request() -> None:
    promise = f"references: [{{columns: country, to: {COUNTRIES}, to_columns: code, nulls: false}}]"
    found = look(ORDERS, promise, others={COUNTRIES: CODES})
    assert found.failures[0].examples == ("row 2: null", "row 3: 'xx'")


def test_all_references_hold() -> None:
    found = look(ORDERS.drop(3), REFERS, others={COUNTRIES: CODES})
    assert (found.failures, found.positions, found.warnings) == ((), (), ())


def test_rows_without_numbers_are_counted_too() -> None:
    found = look(Table(ORDERS, numbered=False), REFERS, others={COUNTRIES: CODES})
    assert found.failures[0].examples == ("'xx'",)
    assert found.positions == ((),)


def test_tables_of_one_database_stay_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(meeting, "_copied")
    backend = ibis.duckdb.from_connection(duckdb.connect())
    orders, codes = (Table(frame, backend=backend) for frame in (ORDERS, CODES))
    assert told(look(orders, REFERS, others={COUNTRIES: codes}))[0][2] == 1


def test_other_tables_are_closed_and_this_one_is_looked_at_for_changes() -> None:
    orders, codes = Table(ORDERS), Table(CODES)
    look(orders, REFERS, others={COUNTRIES: codes})
    assert (orders.checked, orders.closed, codes.closed) == (True, False, True)


@pytest.mark.parametrize("hidden", ["country", "[country, code]"])
def test_sensitive_values_are_hidden(hidden: str) -> None:
    promises = f"{{sensitive: {hidden}, {REFERS}}}"
    found = look(ORDERS, promises, others={COUNTRIES: CODES})
    assert found.failures[0].examples == ()
    assert found.positions == ((3,),)
    with pytest.raises(DataError) as caught:
        look(ORDERS, promises, others={COUNTRIES: pd.concat([CODES, CODES])})
    assert "'de'" not in caught.value.message


def test_several_columns_are_one_key() -> None:
    left = pd.DataFrame({"a": [1, 1, 2, None], "b": ["x", "y", "x", "q"]})
    right = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    found = look(left, "references: [{columns: [a, b], to: r}]", others={"r": right})
    (failure,) = found.failures
    assert failure.check == "references(['a', 'b'], 'r')"
    assert (failure.column, failure.count) == (None, 2)
    assert failure.examples == ("row 1: a=1.0, b='y'", "row 2: a=2.0, b='x'")


def test_a_key_that_stands_twice_is_fine_in_a_set() -> None:
    twice = pd.concat([CODES, CODES])
    promise = (
        f"references: [{{columns: country, to: {COUNTRIES}, to_columns: code, unique: false}}]"
    )
    assert told(look(ORDERS, promise, others={COUNTRIES: twice}))[0][2] == 1


WRONG: dict[str, tuple[str, pd.DataFrame, str, str]] = {
    "no such column": (
        "references: [{columns: contry, to: data/countries.csv, to_columns: code}]",
        CODES,
        (
            "`data.0.references.0.columns` names the column `contry`, which data/orders.parquet"
            " does not have."
        ),
        "Did you mean `country`? Correct the name, or add the column to the file.",
    ),
    "no such column there": (
        "references: [{columns: country, to: data/countries.csv}]",
        CODES,
        (
            "`data.0.references.0.to` names the column `country`, which data/countries.csv does not"
            " have."
        ),
        "Correct the name, or add the column to the file.",
    ),
    "other types": (
        "references: [{columns: id, to: data/countries.csv, to_columns: code}]",
        CODES,
        (
            "`data.0.references.0.columns` compares `id`, which is int64 in data/orders.parquet,"
            " with `code`, which is string in data/countries.csv: no value could be equal."
        ),
        "Write both files with the same type.",
    ),
    "no rows": (
        REFERS,
        CODES.head(0).astype("string"),
        "`data.0.references.0.to`: data/countries.csv has no row with a value of `code`.",
        "Nothing could refer to it: is it the right file, and was it written whole?",
    ),
    "only nulls": (
        REFERS.replace("}", ", unique: false}"),
        pd.DataFrame({"code": pd.array([None], dtype="string")}),
        "`data.0.references.0.to`: data/countries.csv has no row with a value of `code`.",
        "Nothing could refer to it: is it the right file, and was it written whole?",
    ),
    "a key twice": (
        REFERS,
        pd.DataFrame({"code": ["de", "fr", "de", "fr", "it"]}),
        (
            "`data.0.references.0.to`: 2 keys of data/countries.csv (`code`) stand in more than one"
            " row ('de')."
        ),
        "Remove the duplicates, or write `unique: false` for a set of allowed values.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_referred_to_is_an_error(case: str) -> None:
    promises, other, message, hint = WRONG[case]
    with pytest.raises(AssayError) as caught:
        look(ORDERS, promises, others={COUNTRIES: other})
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.exit_code == 2
    assert caught.value.key is not None
    assert caught.value.key[:3] == ("data", 0, "references")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"`data.0.references.0.to`: .* does not exist"):
        look(ORDERS, REFERS)


def test_a_file_with_only_a_header_is_told_as_such() -> None:
    empty = CODES.iloc[:0].astype({"code": "int64"})  # what a reader may guess
    with pytest.raises(DataError, match=r"data/countries.csv has no row with a value of `code`\."):
        look(ORDERS, REFERS, others={COUNTRIES: empty})


def test_a_header_in_doubt_is_not_quoted() -> None:
    data = pd.DataFrame({"anna@example.org": ["x"], "countri": ["y"]})
    with pytest.raises(ConfigError) as caught:
        look(data, f"{{sensitive: email, {REFERS}}}", others={COUNTRIES: CODES})
    assert "countri`" not in f"{caught.value.message} {caught.value.hint}"


_KEYS = st.sampled_from([None, *range(6)])


@settings(max_examples=8)
@given(
    st.lists(st.tuples(_KEYS, _KEYS), min_size=1, max_size=40),
    st.lists(st.tuples(_KEYS, _KEYS), min_size=1, max_size=40),
)
def test_as_many_dangle_as_pandas_says(
    left: list[tuple[int | None, int | None]], right: list[tuple[int | None, int | None]]
) -> None:
    head, other = (
        pd.DataFrame(rows, columns=["a", "b"], dtype="float64") for rows in (left, right)
    )
    keys = other.dropna().drop_duplicates()
    if keys.empty:
        return
    merged = head.dropna().merge(keys, how="left", on=["a", "b"], indicator=True)
    missing = int((merged["_merge"] == "left_only").sum())
    promise = "references: [{columns: [a, b], to: r, unique: false}]"
    found = look(head, promise, others={"r": other})
    assert sum(one.count for one in found.failures) == missing
    shared = look(head, "{disjoint_from: r, disjoint_on: [a, b]}", others={"r": other})
    assert sum(one.count for one in shared.failures) == len(merged) - missing
    whole = head.notna().all(axis=1)
    known = head.apply(tuple, axis=1).isin(set(keys.apply(tuple, axis=1)))
    assert sum(found.positions, ()) == tuple(np.flatnonzero(whole & ~known))
    assert sum(shared.positions, ()) == tuple(np.flatnonzero(whole & known))


def test_a_customer_in_both_files() -> None:
    train = pd.DataFrame({"country": ["fr", "it"]})
    promise = "{disjoint_from: train.csv, disjoint_on: country}"
    found = look(ORDERS, promise, others={"train.csv": train})
    assert told(found) == [("disjoint_on('country', 'train.csv')", "country", 1)]
    assert found.failures[0].examples == ("row 1: 'fr'",)
    some = promise.replace("}", ", max_shared: 0.2}")
    assert told(look(ORDERS, some, others={"train.csv": train})) == [], "exactly the share"


def test_nothing_to_be_disjoint_from_is_an_error() -> None:
    promise = "{disjoint_from: train.csv, disjoint_on: country}"
    empty = pd.DataFrame({"country": pd.array([], dtype="string")})
    with pytest.raises(DataError, match=r"`data.0.disjoint_on`: train.csv has no row with a value"):
        look(ORDERS, promise, others={"train.csv": empty})
    with pytest.raises(ConfigError, match=r"names the column `country`, which train.csv does not"):
        look(ORDERS, promise, others={"train.csv": CODES})
