"""Data that Pandera's own strategies make for a schema: it passes, by the scan too."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandera.pandas as pa
import pytest
from hypothesis import HealthCheck, given, settings

from tests.differential import held

if TYPE_CHECKING:
    from pathlib import Path

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

SCHEMAS = {
    "numbers": pa.DataFrameSchema(
        {
            "whole": pa.Column(int, pa.Check.in_range(-5, 5)),
            "real": pa.Column(float, pa.Check.gt(0.5), nullable=True),
            "small": pa.Column("int8", pa.Check.ne(7), unique=True),
        }
    ),
    "texts": pa.DataFrameSchema(
        {
            "word": pa.Column(str, pa.Check.str_length(1, 4)),
            "code": pa.Column(str, pa.Check.str_matches("^[a-c]{2}$")),
            "kind": pa.Column(str, pa.Check.isin(["x", "y"])),
        }
    ),
    "others": pa.DataFrameSchema(
        {
            "day": pa.Column("datetime64[ns]", nullable=True),
            "yes": pa.Column(bool, pa.Check.eq(True)),
        },
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_panderas_strategy_makes_passes(tmp_path: Path, name: str) -> None:
    schema = SCHEMAS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pandera's strategies speak of themselves
        strategy = schema.strategy(size=4)

    @settings(max_examples=8, suppress_health_check=_SLOW)
    @given(frame=strategy)
    def passes(frame: object) -> None:
        assert held.failures(schema, frame, tmp_path) == []

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        passes()
