"""A suite that finds nothing must be able to: it notices predicates that are a little wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.contract.scan import builtin

from tests.differential.sweep import make, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    Given = dict[str, Any]
    Predicate = Callable[[Any], Any]
    Rows = Callable[[Given, Any], Predicate]

_LOOKED_AT = 300


def _strict(rows: Rows) -> Rows:
    return builtin._ROWS["greater_than"]


def _without_ends(rows: Rows) -> Rows:
    return lambda given, kind: rows({**given, "include_min": True, "include_max": True}, kind)


def _without_last(rows: Rows) -> Rows:
    def fewer(given: Given, kind: Any) -> Predicate:
        return rows({"allowed_values": list(given["allowed_values"])[:-1]}, kind)

    return fewer


def _all_hold(rows: Rows) -> Rows:
    return lambda given, kind: lambda column: column.isnull() & column.notnull()


def _with_nulls(rows: Rows) -> Rows:
    def filled(given: Given, kind: Any) -> Predicate:
        fails = rows(given, kind)
        return lambda column: fails(column).fill_null(True)

    return filled


@pytest.mark.parametrize(
    ("name", "written", "broken"),
    [
        ("greater_than_or_equal_to", "Check.ge(", _strict),
        ("in_range", "include_m", _without_ends),
        ("isin", "Check.isin(", _without_last),
        ("not_equal_to", "Check.ne(", _all_hold),
        ("less_than_or_equal_to", "Check.le(", _with_nulls),
    ],
)
def test_a_wrong_predicate(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str, broken: Callable[[Rows], Rows]
) -> None:
    monkeypatch.setitem(builtin._ROWS, name, broken(builtin._ROWS[name]))
    seeds = [seed for seed in range(_LOOKED_AT) if written in make("pandas", seed).schema_source]
    found = (verdict.problems for _, verdict in verdicts("pandas", seeds) if verdict is not None)
    assert any(f"{name}(" in problem for problems in found for problem in problems)
