"""2,000 schemas and tables: the scan says what Pandera says."""

from __future__ import annotations

import pytest

from tests.differential.sweep import Tally, sweep

_SHOWN = 3
_CASES = 100


def _agree(tally: Tally, *, scanned: float) -> None:
    shown = [difference.describe() for difference in tally.differences[:_SHOWN]]
    assert not shown, f"{tally}\n" + "\n\n".join(shown)
    # A suite in which Pandera looked at everything, or nothing failed, would prove nothing.
    assert tally.scanned >= scanned, tally
    assert tally.cases / 3 < tally.failed < tally.cases, tally


@pytest.mark.parametrize("first", range(0, 1300, _CASES))
def test_pandas(first: int) -> None:
    _agree(sweep("pandas", range(first, first + _CASES)), scanned=0.4)


@pytest.mark.parametrize("first", range(0, 600, _CASES))
def test_polars(first: int) -> None:
    _agree(sweep("polars", range(first, first + _CASES)), scanned=0.6)


@pytest.mark.parametrize("first", range(0, 100, _CASES))
def test_ibis(first: int) -> None:
    _agree(sweep("ibis", range(first, first + _CASES)), scanned=0.9)
