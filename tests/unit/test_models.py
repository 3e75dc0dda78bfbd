"""Model files: what can be loaded and asked, and what is said of those that cannot."""

from __future__ import annotations

import gzip
import pickle
import sys
import types
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from assay import models
from assay.contract import usercode
from assay.models import Model, ModelError
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "id": range(90),
        "size": RANDOM.normal(size=90),
        "age": RANDOM.normal(size=90),
        "town": RANDOM.choice(["Bonn", "Ulm"], size=90),
    }
)
NUMBERS = TABLE[["size", "age"]]
BINARY = (NUMBERS["size"] > 0).astype(int)
MULTI = np.where(NUMBERS["size"] > 0, "a", np.where(NUMBERS["age"] > 0, "b", "c"))


def load(path: Path) -> Model:
    with usercode.importable(path.parent):
        return models.load(path, shown=path.name, root=path.parent)


def problem(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(path)
    return caught.value


class TestLoad:
    @pytest.mark.parametrize("name", ["m.joblib", "m.pkl", "m.pickle", "m.PKL"])
    def test_what_joblib_and_pickle_write(self, tmp_path: Path, name: str):
        model = LogisticRegression().fit(NUMBERS, BINARY)
        path = tmp_path / name
        if "joblib" in name:
            joblib.dump(model, path, compress=3)
        else:
            path.write_bytes(pickle.dumps(model))
        found = load(path)
        assert (found.estimator.coef_ == model.coef_).all()
        assert found.notes == ()

    def test_without_joblib_pickles_are_read_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        path = tmp_path / "m.pkl"
        path.write_bytes(pickle.dumps(LinearRegression()))
        monkeypatch.setitem(sys.modules, "joblib", None)
        assert isinstance(load(path).estimator, LinearRegression)

    def test_skops_is_used_where_it_is_installed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        path = write(tmp_path, {"m.skops": "zip"}) / "m.skops"
        monkeypatch.setitem(sys.modules, "skops.io", None)
        assert "needs the module `skops" in problem(path).message
        stand_in: Any = types.ModuleType("skops.io")
        stand_in.get_untrusted_types = lambda *, file: [file]
        stand_in.load = lambda file, *, trusted: LinearRegression() if trusted == [file] else None
        monkeypatch.setitem(sys.modules, "skops", types.ModuleType("skops"))
        monkeypatch.setitem(sys.modules, "skops.io", stand_in)
        assert isinstance(load(path).estimator, LinearRegression)

    def test_missing(self, tmp_path: Path):
        assert problem(tmp_path / "m.pkl").message == "m.pkl is missing."

    def test_a_folder(self, tmp_path: Path):
        (tmp_path / "m.pkl").mkdir()
        assert problem(tmp_path / "m.pkl").message == "m.pkl is a folder, not a file."

    def test_another_format(self, tmp_path: Path):
        path = write(tmp_path, {"m.onnx": b"x"}) / "m.onnx"
        assert problem(path).message == (
            "m.onnx cannot be loaded: its name ends in none of .joblib, .pkl, .pickle, .skops."
        )

    @pytest.mark.parametrize(
        "content",
        [b"", b"nonsense", pickle.dumps(LinearRegression())[:40], gzip.compress(b"x" * 50)[:30]],
        ids=["empty", "nonsense", "cut off", "damaged gzip"],
    )
    @pytest.mark.parametrize("name", ["m.pkl", "m.joblib"])
    def test_damaged(self, tmp_path: Path, name: str, content: bytes):
        error = problem(write(tmp_path, {name: content}) / name)
        assert error.message.startswith(f"{name} cannot be loaded: ")
        assert "\n" not in error.message

    def test_what_is_no_estimator(self, tmp_path: Path):
        joblib.dump({"model": LinearRegression()}, tmp_path / "m.joblib")
        error = problem(tmp_path / "m.joblib")
        assert error.message == "m.joblib holds a dict, which has no `predict`."
        assert error.hint is not None

    def test_a_module_that_is_gone(self, tmp_path: Path):
        path = write(tmp_path, {"m.pkl": b"cgone_module.part\nThing\n."}) / "m.pkl"
        error = problem(path)
        assert error.message == "m.pkl needs the module `gone_module`, which is not there."
        assert "removed or renamed" in (error.hint or "")

    def test_a_class_that_is_gone(self, tmp_path: Path):
        pickled = b"ch7_own\nGone\n."
        files = {"h7_own.py": "kept = 1\n", "m.pkl": pickled, "new.pkl": b"\x80\x04" + pickled}
        write(tmp_path, files)
        for name in ("m.pkl", "new.pkl"):
            error = problem(tmp_path / name)
            assert error.message == f"{name} needs `Gone` of `h7_own`, which is not there."

    def test_a_class_of_a_script(self, tmp_path: Path):
        error = problem(write(tmp_path, {"m.pkl": b"c__main__\nMine\n."}) / "m.pkl")
        assert error.message == "m.pkl needs `Mine` of `__main__`, which is not there."
        assert (
            error.hint
            == "Define `Mine` in a module that training imports, not in the script itself."
        )

    def test_a_module_of_the_project_that_cannot_be_imported(self, tmp_path: Path):
        files = {"h7_bad.py": "a = 1\nraise ValueError('no\\nway')\n", "m.pkl": b"ch7_bad\nX\n."}
        error = problem(write(tmp_path, files) / "m.pkl")
        assert error.message == "m.pkl cannot be loaded: ValueError: no."
        assert (error.file, error.line) == ("h7_bad.py", 2)

    def test_a_module_that_ends_the_program(self, tmp_path: Path):
        files = {"h7_exit.py": "import sys\nsys.exit(0)\n", "m.pkl": b"ch7_exit\nX\n."}
        assert "SystemExit" in problem(write(tmp_path, files) / "m.pkl").message

    def test_the_projects_own_classes_are_found_and_nothing_is_left_behind(self, tmp_path: Path):
        code = "class Own:\n    def predict(self, table):\n        return table['size'] * 2\n"
        pickled = b"ch7_mine\nOwn\n)R."
        path = write(tmp_path, {"src/h7_mine.py": code, "m.pkl": pickled}) / "m.pkl"
        before = list(sys.path)
        found = load(path)
        assert (found.say(NUMBERS).labels == NUMBERS["size"] * 2).all()
        assert sys.path == before
        assert not list(tmp_path.rglob("__pycache__"))

    def test_another_version_of_scikit_learn_is_a_note(self, tmp_path: Path):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, BINARY)
        text = pickle.dumps(model, protocol=0)
        here = sklearn.__version__.encode()
        path = write(tmp_path, {"m.pkl": text.replace(b"V" + here, b"V1.2.0")}) / "m.pkl"
        (note,) = load(path).notes
        assert note.message == (
            f"m.pkl was written by scikit-learn 1.2.0 and is read by {sklearn.__version__}."
        )
        assert note.severity == "note"


class TestColumns:
    def test_by_the_names_that_it_was_fitted_with(self):
        model = Model(LogisticRegression().fit(NUMBERS[["age", "size"]], BINARY), "m")
        assert model.columns(TABLE, apart=[]) == ["age", "size"]

    def test_of_a_pipeline(self):
        columns = make_column_transformer((OneHotEncoder(), ["town"]), (StandardScaler(), ["age"]))
        pipeline = make_pipeline(columns, LogisticRegression()).fit(TABLE, BINARY)
        model = Model(pipeline, "m")
        names = model.columns(TABLE, apart=["id"])
        assert names == ["id", "size", "age", "town"]
        assert model.say(TABLE[names]).labels is not None

    def test_names_with_spaces_of_which_lightgbm_made_underscores(self):
        table = TABLE.rename(columns={"age": "age in years"})
        fitted = types.SimpleNamespace(feature_names_in_=["size", "age_in_years"])
        assert Model(fitted, "m").columns(table, apart=[]) == ["size", "age in years"]

    def test_without_names_all_but_key_and_truth(self):
        model = Model(LogisticRegression().fit(NUMBERS.to_numpy(), BINARY), "m")
        assert model.columns(TABLE, apart=["id", "town"]) == ["size", "age"]

    def test_another_number_of_columns_without_names(self):
        model = Model(LogisticRegression().fit(NUMBERS.to_numpy(), BINARY), "m")
        with pytest.raises(ModelError, match=r"m was fitted with 2 columns without names, and the"):
            model.columns(TABLE, apart=["id"])

    def test_columns_that_the_table_lacks(self):
        model = Model(LogisticRegression().fit(NUMBERS, BINARY), "m")
        with pytest.raises(ModelError, match=r"fitted with the column 'age', which the table"):
            model.columns(TABLE.drop(columns="age"), apart=[])

    @pytest.mark.parametrize(
        ("attribute", "names", "found"),
        [
            ("feature_names_", ["size"], ["size"]),
            ("feature_name_", ["age"], ["age"]),
            ("feature_name_", ["Column_0", "Column_1"], ["id", "size", "age", "town"]),
            ("feature_names_in_", property(lambda _: 1 / 0), ["id", "size", "age", "town"]),
        ],
    )
    def test_as_other_libraries_name_them(self, attribute: str, names: object, found: list[str]):
        estimator = type("Other", (), {attribute: names, "predict": lambda *_: None})()
        assert Model(estimator, "m").columns(TABLE, apart=[]) == found

    @pytest.mark.parametrize(
        ("names", "found"),
        [(["size", "age"], ["size", "age"]), (["0", "1"], ["id", "size", "age", "town"])],
        ids=["named", "numbered"],
    )
    def test_of_a_pipeline_of_catboost_alone(self, names: list[str], found: list[str]):
        step = types.SimpleNamespace(feature_names_=names)
        loaded = types.SimpleNamespace(steps=[("model", step)], n_features_in_=0)
        assert Model(loaded, "m").columns(TABLE, apart=[]) == found


class TestSay:
    def test_a_classifier(self):
        estimator = RandomForestClassifier(5, random_state=0).fit(NUMBERS, MULTI)
        said = Model(estimator, "m").say(NUMBERS)
        assert said.classes == ("a", "b", "c")
        assert (said.labels == estimator.predict(NUMBERS)).all()
        assert (said.scores == estimator.predict_proba(NUMBERS)).all()
        assert said.probability

    def test_decisions_of_two_classes_are_one_for_and_one_against(self):
        estimator = RidgeClassifier().fit(NUMBERS, BINARY)
        said = Model(estimator, "m").say(NUMBERS)
        assert not said.probability
        assert said.scores is not None
        assert (said.scores[:, 1] == estimator.decision_function(NUMBERS)).all()
        assert (said.scores[:, 0] == -said.scores[:, 1]).all()

    def test_a_regressor(self):
        estimator = LinearRegression().fit(NUMBERS, NUMBERS[["age"]])
        said = Model(estimator, "m").say(NUMBERS)
        assert said.labels is not None
        assert said.labels.shape == (90,)
        assert (said.scores, said.classes) == (None, ())

    def test_only_what_is_asked_for(self):
        model = Model(LogisticRegression().fit(NUMBERS, BINARY), "m")
        assert model.say(NUMBERS, labels=False).labels is None
        assert model.say(NUMBERS, scores=False).scores is None

    def test_several_answers_a_row(self):
        estimator = MultiOutputRegressor(LinearRegression()).fit(NUMBERS, NUMBERS)
        with pytest.raises(ModelError, match=r"`predict` of 90 rows is of shape \(90, 2\), which"):
            Model(estimator, "m").say(NUMBERS)

    def test_a_model_that_raises(self):
        with pytest.raises(ModelError, match=r"^m: `predict` raises ValueError: X has 1 features"):
            Model(LogisticRegression().fit(NUMBERS.to_numpy(), BINARY), "m").say(NUMBERS[["age"]])

    def test_a_model_that_was_never_fitted(self):
        with pytest.raises(ModelError, match=r"m: `predict` raises NotFittedError: This Logistic"):
            Model(LogisticRegression(), "m").say(NUMBERS)
