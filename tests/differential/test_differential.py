"""Schemas and data by the thousand: the scan says what Pandera says."""

from __future__ import annotations

import pytest

from tests.differential.sweep import Tally, sweep

_SHOWN = 3


def _agree(tally: Tally, *, scanned: float) -> None:
    shown = [difference.describe() for difference in tally.differences[:_SHOWN]]
    assert not shown, f"{tally}\n" + "\n\n".join(shown)
    # A suite in which Pandera looked at everything, or nothing failed, would prove nothing.
    assert tally.scanned >= scanned, tally
    assert tally.failed > tally.cases / 3, tally
    assert tally.fell_back < tally.cases / 10, tally


@pytest.mark.parametrize("first", range(0, 1400, 175))
def test_pandas(first: int) -> None:
    _agree(sweep("pandas", range(first, first + 175)), scanned=0.4)


@pytest.mark.parametrize("first", range(0, 600, 150))
def test_polars(first: int) -> None:
    _agree(sweep("polars", range(first, first + 150)), scanned=0.6)
