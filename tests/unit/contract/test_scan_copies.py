"""Schemas are copied such that the user's stays as it is, in every version of Pandera."""

from __future__ import annotations

import pandera.pandas as pa
from assay.contract.scan.copies import copied


def test_a_change_of_a_copy_does_not_reach_the_schema():
    schema = pa.DataFrameSchema({"n": pa.Column(int, pa.Check.ge(0))})
    other, column = copied(schema), copied(schema.columns["n"])
    column.checks, column.dtype = [], None
    other.columns = {"n": column}
    assert type(other) is type(schema)
    assert len(schema.columns["n"].checks) == 1
    assert schema.columns["n"].dtype == pa.DataFrameSchema({"n": pa.Column(int)}).columns["n"].dtype
