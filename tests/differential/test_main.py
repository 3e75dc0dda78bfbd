"""The longer command: its last line and its exit code say whether anything differs."""

from __future__ import annotations

import sys

import pytest

from tests.differential import __main__ as command
from tests.differential.sweep import Difference, Tally


@pytest.mark.parametrize("seeds", [(), (3,)])
def test_what_differs_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seeds: tuple[int, ...]
) -> None:
    found = [Difference("polars", seed, "the scan misses", ("a problem",)) for seed in seeds]
    tally = Tally(cases=10, differences=found)
    monkeypatch.setattr(command, "_sweep", lambda *_: tally)
    monkeypatch.setattr(Difference, "describe", lambda _: "its case")
    monkeypatch.setattr(sys, "argv", ["differential", "polars"])
    assert command.main() == len(seeds)
    said = capsys.readouterr().out
    assert ("== 1 x the scan misses\nits case" in said) == bool(seeds)
    assert said.splitlines()[-1] == f"10 cases, {len(seeds)} differences, 0 minutes"


def test_a_flavour_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["differential", "pyspark"])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 2
    assert "'pyspark' is none of pandas, polars, ibis" in capsys.readouterr().err
