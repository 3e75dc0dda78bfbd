"""Bars of text: they never say another thing than the numbers."""

import itertools

import pytest
from assay.report import bars
from assay.report.bars import Span
from hypothesis import given, settings
from hypothesis import strategies as st


def span(low: float, middle: float, high: float, unit: str = "share") -> Span:
    return Span(low=low, middle=middle, high=high, unit=unit)


def test_a_table() -> None:
    rows = [
        span(0.0041, 0.0122, 0.0203),
        span(-0.04, -0.03, -0.02),
        span(-0.01, 0.02, 0.04),
        None,
        span(2.0, 4.0, 6.0, "seconds"),
    ]
    assert bars.draw(rows, 13) == (
        "──────┼├●┤───",
        "─├●┤──┼──────",
        "─────├┿━━●━┤─",
        "",
        "─┼──├━━━●━━┤─",
    )


def test_nothing_changed_at_all() -> None:
    assert bars.draw([span(0.0, 0.0, 0.0)]) == ("─●─────────",)


@pytest.mark.parametrize(
    "odd", [span(float("nan"), 0, 1), span(0, 1, float("inf")), span(1, 0, 2), span(0, 3, 2)]
)
def test_what_is_no_interval_is_not_drawn(odd: Span) -> None:
    assert bars.draw([odd, span(-1, 0, 1)]) == ("", "─├━━━●━━━┤─")


def test_a_bar_has_room() -> None:
    with pytest.raises(ValueError, match="5 are needed"):
        bars.draw([], 4)


number = st.floats(allow_nan=False, allow_infinity=False)
spans = st.tuples(number, number, number).map(lambda found: span(*sorted(found)))


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.lists(spans, min_size=1, max_size=5), st.integers(5, 40))
def test_each_end_is_on_its_side_of_zero(rows: list[Span], width: int) -> None:
    drawn = bars.draw(rows, width)
    # Zero is where it is in a row of the same scale that shows nothing else.
    zero = bars.draw([*rows, span(0.0, 0.0, 0.0)], width)[-1].index("●")
    for row, bar in zip(rows, drawn, strict=True):
        assert len(bar) == width
        assert set(bar) <= set("─┼━┿├┤●")
        assert bar.count("●") == 1
        point = bar.index("●")
        assert (point > zero) == (row.middle > 0)
        assert (point < zero) == (row.middle < 0)
        ends = [at for at, char in enumerate(bar) if char in "├┤●"]
        for value, at in ((row.low, ends[0]), (row.high, ends[-1])):
            assert (at > zero) == (value > 0) or value == 0 == at - zero
        assert bar[0] == bar[-1] == "─"


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.lists(spans, min_size=2, max_size=6))
def test_a_larger_difference_is_no_further_left(rows: list[Span]) -> None:
    order = sorted(rows, key=lambda row: row.middle)
    points = [bar.index("●") for bar in bars.draw(order)]
    assert all(a <= b for a, b in itertools.pairwise(points))
