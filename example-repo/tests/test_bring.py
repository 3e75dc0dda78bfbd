from pathlib import Path

import pandas as pd
import pytest

from peakhour import params
from peakhour.prepare import PrepareParams
from peakhour.train import TrainParams
from scripts.bring import moved

PARAMS = Path(__file__).parents[1] / "params.yaml"


def test_the_newest_month_evaluates_and_those_before_it_train(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(moved(PARAMS.read_text(encoding="utf-8"), pd.Timestamp("2012-04-30")))

    assert params.read("prepare", PrepareParams, path).evaluate_from == "2012-04-01"
    assert params.read("train", TrainParams, path).since == "2012-01-01"


def test_what_a_peak_is_stays() -> None:
    text = PARAMS.read_text(encoding="utf-8")

    kept = 'peak_before: "2011-09-01"'
    assert kept in text
    assert kept in moved(text, pd.Timestamp("2012-04-30"))


def test_a_date_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="evaluate_from stands there 0 times"):
        moved("train:\n", pd.Timestamp("2012-04-30"))
