from typing import Any

import pandera.errors
import pytest

from schema import Schema
from tests.build import raw_hours


def test_good_hours_pass() -> None:
    Schema.validate(raw_hours(48), lazy=True)


@pytest.mark.parametrize(
    ("check", "columns"),
    [
        ("rentals_add_up", {"cnt": 5}),
        ("calendar_agrees", {"weekday": 0}),
        ("calendar_agrees", {"holiday": 1}),
        ("season_fits_the_date", {"season": "summer"}),
        ("in_time_order", {"instant": range(24, 0, -1)}),
        ("rentals_add_up", {"cnt": 5, "weathersit": [None] * 3 + ["clear"] * 21}),
        ("weather_mostly_recorded", {"weathersit": [None] * 6 + ["clear"] * 18}),
        ("field_uniqueness", {"instant": 1}),
        ("multiple_fields_uniqueness", {"hr": 1}),
        ("isin", {"weathersit": "sunny"}),
        ("in_range", {"hum": 101}),
        ("column_in_schema", {"surprise": 1}),
    ],
)
def test_broken_hours_fail(check: str, columns: dict[str, Any]) -> None:
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        Schema.validate(raw_hours(24, **columns), lazy=True)

    assert any(check in str(failed) for failed in caught.value.failure_cases["check"])
