"""Base's predictions made anew with real estimators, in this process: no git, no DVC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
from assay.config import PredictionsSpec
from assay.errors import AssayError
from assay.rescoring import weigh
from assay.rescoring.facts import Job
from assay.rescoring.table import on_rows_of
from assay.rescoring.work import rescore
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RANDOM = np.random.default_rng(5)
TABLE = pd.DataFrame(
    {
        "shop": RANDOM.choice(["a", "b"], size=300),
        "day": range(300),
        "size": RANDOM.normal(size=300),
        "age": RANDOM.normal(size=300),
        "town": RANDOM.choice(["Bonn", "Ulm", "Köln"], size=300),
    }
)
SIGNAL = TABLE["size"] + 0.5 * TABLE["age"]
KIND = np.where(SIGNAL > 0.5, "high", np.where(SIGNAL < -0.5, "low", "middle"))
PRICE = (100 + 20 * SIGNAL + RANDOM.normal(size=300)).to_numpy()
HEAD_ROWS, BASE_ROWS = slice(100, 300), slice(0, 200)
COLUMNS = ["size", "age", "town"]


def pipeline(last: Any) -> Any:
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town"]), (StandardScaler(), ["size", "age"])
    )
    return make_pipeline(parts, last)


class Side:
    """The files of one revision."""

    def __init__(self, folder: Path, model: Any, rows: slice, write: Callable[..., Any]) -> None:
        folder.mkdir()
        table = TABLE.iloc[rows]
        table.sample(frac=1, random_state=1).to_csv(folder / "features.csv", index=False)
        joblib.dump(model, folder / "model.joblib")
        # What the model is given is what can be read back: a CSV file has its own types.
        again = pd.read_csv(folder / "features.csv").merge(table[["shop", "day"]], how="right")
        self.file = table[["shop", "day"]].reset_index(drop=True)
        self.file = self.file.assign(**write(model, again[COLUMNS], rows))
        self.file.to_csv(folder / "predictions.csv", index=False)
        self.folder, self.model, self.write = folder, model, write

    def predict(self, rows: slice) -> dict[str, Any]:
        """What this side's program would have written for other rows."""
        found: dict[str, Any] = self.write(self.model, TABLE.iloc[rows][COLUMNS], rows)
        return found


def job(head: Side, base: Side, **options: Any) -> Job:
    spec = PredictionsSpec(
        path="predictions.csv", features="features.csv", key=("shop", "day"), **options
    )
    return Job(
        task="rescore",
        root=str(head.folder),
        base_root=str(base.folder),
        model="model.joblib",
        base_model="model.joblib",
        predictions=spec,
        metric="accuracy",
    )


def classes(model: Any, table: pd.DataFrame, rows: slice) -> dict[str, Any]:
    shares = model.predict_proba(table).round(5)
    named = {f"p_{name}": shares[:, at] for at, name in enumerate(model.classes_)}
    return {"y_true": KIND[rows], "y_pred": model.predict(table), **named}


def test_several_classes_by_a_pipeline_and_a_search(tmp_path: Path):
    forest = RandomForestClassifier(10, random_state=0)
    search = GridSearchCV(pipeline(forest), {"randomforestclassifier__max_depth": [2, 3]}, cv=2)
    head = Side(tmp_path / "head", search.fit(TABLE[COLUMNS], KIND), HEAD_ROWS, classes)
    linear = pipeline(LogisticRegression()).fit(TABLE[COLUMNS], KIND)
    base = Side(tmp_path / "base", linear, BASE_ROWS, classes)
    names = {name: f"p_{name}" for name in ("high", "low", "middle")}
    asked = job(head, base, prediction="y_pred", score=names)
    fact, columns = rescore(asked)
    assert (fact.rows, fact.checked, fact.threshold) == (200, 100, None)
    expected = base.predict(HEAD_ROWS)
    assert (columns["y_pred"] == expected["y_pred"]).all()
    for name in names.values():
        np.testing.assert_allclose(columns[name], expected[name], atol=1e-9)
    found = weigh.importance(asked)
    assert {part.feature for part in found.features} == set(COLUMNS)
    assert found.features[0].feature in {"size", "age"}


def prices(model: Any, table: pd.DataFrame, rows: slice) -> dict[str, Any]:
    return {"y_true": PRICE[rows].round(2), "y_pred": model.predict(table).round(1)}


def test_a_regression_whose_file_is_rounded(tmp_path: Path):
    head = Side(
        tmp_path / "head",
        pipeline(LinearRegression()).fit(TABLE[COLUMNS], PRICE),
        HEAD_ROWS,
        prices,
    )
    base = Side(
        tmp_path / "base", pipeline(Ridge(50)).fit(TABLE[COLUMNS], PRICE), BASE_ROWS, prices
    )
    asked = job(head, base, prediction="y_pred", task="regression")
    _, columns = rescore(asked)
    np.testing.assert_allclose(columns["y_pred"], base.predict(HEAD_ROWS)["y_pred"], atol=1e-9)
    found = weigh.importance(asked.model_copy(update={"metric": "mae"}))
    assert [part.head is not None and part.head > 0 for part in found.features[:2]] == [True] * 2


def at_threshold(threshold: float) -> Callable[..., dict[str, Any]]:
    def write(model: Any, table: pd.DataFrame, rows: slice) -> dict[str, Any]:
        score = model.predict_proba(table)[:, 1].round(6)
        truth = np.where(SIGNAL[rows] > 0, "yes", "no")
        return {"y_true": truth, "y_pred": np.where(score >= threshold, "yes", "no"), "s": score}

    return write


@settings(deadline=None, max_examples=30)
@given(head=st.integers(30, 70), base=st.integers(30, 70))
def test_every_side_keeps_its_threshold(
    tmp_path_factory: pytest.TempPathFactory, head: int, base: int
):
    folder = tmp_path_factory.mktemp("sides")
    model = pipeline(LogisticRegression()).fit(TABLE[COLUMNS], SIGNAL > 0)
    now = Side(folder / "head", model, HEAD_ROWS, at_threshold(head / 100))
    then = Side(folder / "base", model, BASE_ROWS, at_threshold(base / 100))
    fact, columns = rescore(job(now, then, prediction="y_pred", score="s", positive="yes"))
    np.testing.assert_allclose(columns["s"], now.file["s"], atol=1e-9)
    expected = then.predict(HEAD_ROWS)["y_pred"]
    unsure = sum(
        int(note.message.split(" ")[0]) for note in fact.notes if "scores lie" in note.message
    )
    # Without a threshold the labels are those of `predict`, which no file tells from a near one.
    assert fact.threshold is None or (columns["y_pred"] != expected).sum() <= unsure
    if head == base and fact.threshold is not None:
        assert ((now.file["s"] >= fact.threshold) == (now.file["y_pred"] == "yes")).all()


def same(table: pd.DataFrame) -> pd.DataFrame:
    return table


def test_columns_that_only_bases_model_needs(tmp_path: Path):
    truth = (SIGNAL > 0).map({True: "yes", False: "no"})
    narrow = LogisticRegression().fit(TABLE[["size"]], truth)
    wide = LogisticRegression().fit(TABLE[["size", "age"]].rename(columns={"age": "years"}), truth)

    def write(model: Any, table: pd.DataFrame, rows: slice) -> dict[str, Any]:
        given = table.rename(columns={"age": "years"})[list(model.feature_names_in_)]
        return {"y_true": truth[rows].to_numpy(), "y_pred": model.predict(given)}

    head = Side(tmp_path / "head", narrow, HEAD_ROWS, write)
    base = Side(tmp_path / "base", wide, BASE_ROWS, write)
    with pytest.raises(AssayError, match=r"^Base's model\.joblib was fitted with the column 'y"):
        rescore(job(head, base, prediction="y_pred"))
    found = weigh.importance(job(head, base, prediction="y_pred"))
    assert not found.has_base
    assert found.notes[0].message.startswith("Importance at base is not known: Base's model.joblib")


def test_a_model_without_scores_and_without_names(tmp_path: Path):
    truth = np.where(SIGNAL > 0, "yes", "no")
    numbers = FunctionTransformer(same)

    def write(model: Any, table: pd.DataFrame, rows: slice) -> dict[str, Any]:
        return {"y_true": truth[rows], "y_pred": model.predict(table[["size", "age"]].to_numpy())}

    first = make_pipeline(numbers, DummyClassifier(strategy="most_frequent"))
    second = make_pipeline(numbers, LogisticRegression())
    values = TABLE[["size", "age"]].to_numpy()
    head = Side(tmp_path / "head", first.fit(values, truth), HEAD_ROWS, write)
    base = Side(tmp_path / "base", second.fit(values, truth), BASE_ROWS, write)
    for side in (head, base):
        file = side.folder / "features.csv"
        pd.read_csv(file).drop(columns="town").to_csv(file, index=False)
    _, columns = rescore(job(head, base, prediction="y_pred"))
    assert (columns["y_pred"] == second.predict(values[HEAD_ROWS])).all()


def test_a_slow_model_has_no_importance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = pipeline(LinearRegression()).fit(TABLE[COLUMNS], PRICE)
    head = Side(tmp_path / "head", model, HEAD_ROWS, prices)
    base = Side(tmp_path / "base", model, BASE_ROWS, prices)
    monkeypatch.setattr(weigh, "LIMIT_SECONDS", 0.0)
    with pytest.raises(AssayError, match=r"model\.joblib is too slow for the importance of feat"):
        weigh.importance(job(head, base, prediction="y_pred", task="regression"))


def test_columns_beyond_the_most_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = pipeline(LinearRegression()).fit(TABLE[COLUMNS], PRICE)
    head = Side(tmp_path / "head", model, HEAD_ROWS, prices)
    monkeypatch.setattr(weigh, "MOST_FEATURES", 2)
    asked = job(head, head, prediction="y_pred", task="regression")
    found = weigh.importance(asked.model_copy(update={"metric": "r2"}))
    assert (len(found.features), found.not_measured) == (2, 1)
    # One model, one set of shuffles: no change at all.
    assert all(part.change == 0 for part in found.features)


@pytest.mark.parametrize(
    ("task", "options", "metric"),
    [
        ("regression", {"task": "regression"}, "rmse"),
        ("labels", {}, "accuracy"),
        ("probabilities", {"score": "s", "positive": "yes"}, "log_loss"),
    ],
)
def test_where_no_metric_is_named_the_loss_of_the_task_is_taken(
    tmp_path: Path, task: str, options: dict[str, Any], metric: str
):
    if task == "regression":
        side = Side(
            tmp_path / "head", pipeline(Ridge()).fit(TABLE[COLUMNS], PRICE), HEAD_ROWS, prices
        )
    else:
        names = np.where(SIGNAL > 0, "yes", "no")
        model = pipeline(LogisticRegression()).fit(TABLE[COLUMNS], names)
        side = Side(tmp_path / "head", model, HEAD_ROWS, at_threshold(0.5))
    asked = job(side, side, prediction="y_pred", **options)
    found = weigh.importance(asked.model_copy(update={"metric": ""}))
    assert found.metric == metric
    assert max(part.head or 0 for part in found.features) > 0


def test_a_metric_that_has_no_value_here(tmp_path: Path):
    model = pipeline(LinearRegression()).fit(TABLE[COLUMNS], PRICE)
    head = Side(tmp_path / "head", model, HEAD_ROWS, prices)
    asked = job(head, head, prediction="y_pred", task="regression")
    with pytest.raises(AssayError, match=r"cannot be measured: accuracy is undefined here: it is"):
        weigh.importance(asked)


def test_keys_of_another_type_do_not_match():
    table = pd.DataFrame({"id": ["1", "2"], "x": [1, 2]})
    frame = pd.DataFrame({"id": [1, 2]})
    with pytest.raises(AssayError, match=r"t lacks 2 of the 2 rows of the predictions, by the key"):
        on_rows_of(table, frame, key=["id"], shown="t")


def test_rows_are_brought_into_the_order_of_the_predictions():
    table = pd.DataFrame({"id": [1, 2, 3, 4], "x": [10, 20, 30, 40]})
    found = on_rows_of(table, pd.DataFrame({"id": [3, 1]}), key=["id"], shown="t")
    assert found["x"].tolist() == [30, 10]
    assert found.index.tolist() == [0, 1]
