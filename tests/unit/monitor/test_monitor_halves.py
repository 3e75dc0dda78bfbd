"""Two halves of the example's 2011 are alike, and nothing may say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml
from assay.monitor import multivariate, performance, reference, scan
from assay.monitor.comparing import compared
from assay.monitor.scan import Table
from assay.monitor.verdict import judge, of_column
from assay.stats.difference import Settings
from assay.stats.predictions import from_frame

from tests.workflows.scratch import EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from assay.monitor.verdict import Answer, Judgement, Question
    from numpy.typing import NDArray

FEATURES = [
    "hour",
    "working_day",
    "temperature",
    "humidity",
    "windspeed",
    "severity",
    "wet_lately",
]
METRICS = {"brier": 0.0, "roc_auc": 0.0}
"""What may be lost: nothing, which is the hardest that can be asked of equal halves."""
SPLITS = 12


def stored(path: str) -> pd.DataFrame:
    """An output of the example's pipeline, as DVC's remote has it."""
    lock = yaml.safe_load((EXAMPLE / "dvc.lock").read_text(encoding="utf-8"))
    (digest,) = (
        out["md5"]
        for stage in lock["stages"].values()
        for out in stage["outs"]
        if out["path"] == path
    )
    return pd.read_csv(EXAMPLE / "dvc-storage/files/md5" / digest[:2] / digest[2:])


@pytest.fixture(scope="module")
def hours() -> pd.DataFrame:
    """All hours of 2011; those that were evaluated with what the model said of them."""
    whole = pd.concat([stored(f"data/features/{part}.csv") for part in ("train", "evaluation")])
    said = stored("reports/predictions.csv")[["instant", "y_true", "y_score"]]
    return whole.merge(said, on="instant", how="left")


def _table(folder: Path, side: pd.DataFrame) -> Table:
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    side[FEATURES].to_parquet(path)
    return Table(ibis.duckdb.connect().read_parquet(str(path)))


def judged(
    folder: Path, hours: pd.DataFrame, is_window: NDArray[np.bool_], *, together: bool
) -> Judgement:
    """One half held against the other."""
    sides = [hours[mask].reset_index(drop=True) for mask in (~is_window, is_window)]
    tables = [_table(folder, side) for side in sides]
    base = reference.of_table(tables[0], features=FEATURES)
    window = scan.profile(tables[1], base)
    columns = [
        compared(one, other, role="feature", bound=0.1)
        for one, other in zip(base.features, window.features, strict=True)
    ]
    questions = [of_column(one) for one in columns if one is not None]
    questions += _performance(*sides)
    if together:
        found = multivariate.separation(sides[0][FEATURES], sides[1][FEATURES])
        assert found is not None
        questions.append(found.question())
    return judge(questions, rows=window.rows)


def _performance(base: pd.DataFrame, window: pd.DataFrame) -> list[Question]:
    """Of the hours that were evaluated; where these are all in one half there is nothing to ask."""
    base, window = (side.dropna(subset=["y_score"]) for side in (base, window))
    if base.empty or window.empty:
        return []
    own, other = (
        from_frame(side, truth="y_true", score="y_score", positive=1) for side in (window, base)
    )
    asked, without = performance.questions(own, other, allowed=METRICS, settings=Settings())
    assert not without
    return asked


def said(judgement: Judgement) -> list[str]:
    return [f"{one.question.name}: {one.outcome}" for one in judgement.answers if _is_odd(one)]


def _is_odd(answer: Answer) -> bool:
    """Of a metric that may lose nothing, half of all halves lose a little."""
    may_look_worse = answer.question.about == "performance" and answer.outcome == "inconclusive"
    return answer.outcome != "quiet" and not may_look_worse


def test_every_other_day_is_like_those_between(hours: pd.DataFrame, tmp_path: Path) -> None:
    day = pd.to_datetime(hours["time"]).dt.day_of_year.to_numpy()

    judgement = judged(tmp_path, hours, day % 2 == 1, together=True)

    assert said(judgement) == []
    assert judgement.outcome != "drift"


def test_random_halves_never_drift(hours: pd.DataFrame, tmp_path: Path) -> None:
    chance = np.random.default_rng(2011)
    for _ in range(SPLITS):
        judgement = judged(tmp_path, hours, chance.random(len(hours)) < 0.5, together=False)

        assert said(judgement) == []
        assert judgement.outcome != "drift"


def test_halves_of_the_year_do_drift(hours: pd.DataFrame, tmp_path: Path) -> None:
    """So the tests above can fail: from July on it is warmer than before, on the whole."""
    judgement = judged(tmp_path, hours, np.arange(len(hours)) >= len(hours) // 2, together=False)

    drifting = {one.question.name for one in judgement.answers if one.outcome == "drift"}
    assert judgement.outcome == "drift"
    assert "temperature" in drifting
    assert not drifting & {"hour", "working_day"}
