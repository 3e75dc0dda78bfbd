"""Conversion and parity together: rows that are hard to get right, through the whole of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from assay.packaging import parity
from assay.packaging.facts import Parity, Tolerance
from assay.packaging.parity.answers import Answers, Original
from assay.packaging.parity.deciding import beside
from assay.packaging.parity.session import Session
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, SplineTransformer, StandardScaler

from tests.unit.packaging.conversions import converted, table, target

COLUMNS = ["age", "income", "change"]


class Single:
    """An export that reads its inputs as float32."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def ask(self, frame: Any) -> Answers:
        return self.session.ask(frame.astype(np.float32).astype(np.float64))


def held(model: Any, *, single: bool = False) -> Parity:
    frame = table()[COLUMNS]
    model.fit(frame, target(table()))
    made, signed = converted(model, frame)
    original = Original(model, None, ("value",))
    asked = parity.questions(original, frame, signed)
    session = Session(made.model, signed)
    export = Single(session) if single else session
    return parity.hold(asked, original, export, Tolerance(), graph=made.model)


class TestThresholdsBehindFormulas:
    """The last bit of a logarithm or a sum is nobody's: the tree's side is not either."""

    @pytest.mark.parametrize(
        "model",
        [
            make_pipeline(PowerTransformer(), HistGradientBoostingRegressor(max_iter=3)),
            make_pipeline(
                SimpleImputer(), SplineTransformer(), RandomForestRegressor(3, random_state=0)
            ),
        ],
        ids=["power", "spline"],
    )
    def test_they_agree(self, model):
        found = held(model)
        assert found.passed, found.cause
        assert {one.name for one in found.rows} >= {"evaluation", "thresholds", "extremes"}

    def test_float32_is_no_matter_of_the_last_bit(self):
        forest = RandomForestRegressor(3, random_state=0)
        found = held(make_pipeline(SimpleImputer(), StandardScaler(), forest), single=True)
        assert not found.passed
        assert found.mismatches[0].rows == "thresholds"

    def test_any_two_columns_go_the_same_way_and_each_its_own(self):
        frame = table(8)[["income", "change"]].assign(more=1.0, last=2.0).fillna(1.0)
        seen: list[np.ndarray[Any, Any]] = []

        class Watched:
            steps = ("something", "a model behind it")

            def predict(self, rows: Any) -> Any:
                seen.append((rows > frame).to_numpy()[0])
                return np.zeros(len(rows))

        list(beside(Original(Watched(), None, ("value",)), frame, "value"))
        ways = np.array(seen)
        for first in range(4):
            for second in range(first + 1, 4):
                assert len(np.unique(ways[:, [first, second]], axis=0)) == 4
