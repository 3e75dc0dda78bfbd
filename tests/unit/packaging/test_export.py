"""From a model's file to a bundle's, and whatever keeps it from getting there."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skops.io
from assay.config import PredictionsSpec
from assay.contract import usercode
from assay.errors import AssayError, ProjectEnvironmentError, UsageError
from assay.packaging import conversion, native, quantizing
from assay.packaging.__main__ import answered, main
from assay.packaging.export import export
from assay.packaging.facts import Parity, Signature, Tolerance
from assay.packaging.job import COLUMNS, ExportAnswer, ExportJob
from assay.packaging.parity.session import Session
from assay.packaging.profile import Profile
from assay.packaging.tested import NotTestedError
from assay.workspace.dvcfiles import DvcFiles, Output
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from tests.builders import write

if TYPE_CHECKING:
    from collections.abc import Iterator

RANDOM = np.random.default_rng(2)
ROWS = 80
TABLE = pd.DataFrame(
    {
        "id": range(ROWS),
        "size": RANDOM.normal(70, 30, size=ROWS).round(3),
        "age": RANDOM.integers(0, 90, size=ROWS),
        "town": RANDOM.choice(["Bonn", "Köln"], size=ROWS),
        "truth": RANDOM.integers(0, 2, size=ROWS),
    }
)
TABLE.loc[3, "size"] = np.nan
FEATURES = TABLE[["size", "age", "town"]]
NUMBERS = TABLE[["size", "age"]].fillna(0)
MIXED = make_pipeline(
    ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["size", "age"]),
            ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
        ]
    ),
    LogisticRegression(),
).fit(FEATURES, TABLE["truth"])
LINE = LinearRegression().fit(NUMBERS, TABLE["truth"])

OWN = """\
import sys

from sklearn.base import BaseEstimator, TransformerMixin


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, rows, truth=None):
        self.fitted_ = True
        return self

    def transform(self, rows):
        return rows * 2

    def get_feature_names_out(self, names=None):
        return names


class Leaving(BaseEstimator):
    def predict(self, rows):
        sys.exit(3)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a module of its own and a table."""
    folder = tmp_path / "project"
    write(folder, {"h8_own.py": OWN})
    TABLE.to_csv(folder / "features.csv", index=False)
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("h8_own", None)


def own(name: str) -> Any:
    import h8_own  # type: ignore[import-not-found]

    return getattr(h8_own, name)()


def job(root: Path, **options: Any) -> ExportJob:
    folder = root.parent / "out"
    folder.mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "root": str(root),
        "model": str(root / "model.joblib"),
        "shown": "model.joblib",
        "features": str(root / "features.csv"),
        "apart": ("id", "truth"),
        "folder": str(folder),
    }
    return ExportJob(**given | options)


def run(root: Path, estimator: Any, **options: Any) -> ExportAnswer:
    path = root / "model.joblib"
    joblib.dump(estimator, path)
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    files = DvcFiles(outputs=(Output("model.joblib", "out", digest, None),))
    with usercode.importable(root):
        return export(job(root, **options), files)


def written(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root.parent / "out").iterdir()}


class TestOnnx:
    def test_a_pipeline_over_columns_of_several_types(self, root: Path):
        answer = run(root, MIXED)
        found = answer.export
        assert (answer.exit_code, answer.reasons) == (0, ())
        assert found is not None
        assert (found.kind, found.file, found.why_native) == ("onnx", "model.onnx", None)
        assert found.estimator.startswith("Pipeline(ColumnTransformer(Pipeline(SimpleImputer")
        assert found.parity.passed
        # Missing towns are an unknown category for the encoder, so they are answered too.
        nullable = {one.name: one.nullable for one in found.signature.inputs}
        assert nullable == {"size": True, "age": False, "town": True}
        assert found.conversion is not None
        assert found.conversion.bytes == len(written(root)["model.onnx"])
        assert "scikit-learn" in found.packages
        profile = Profile.model_validate_json(written(root)["profile.json"])
        assert [one.name for one in profile.features] == ["size", "age", "town"]

    def test_the_file_gives_the_models_answers(self, root: Path):
        assert run(root, MIXED).exit_code == 0
        session = onnxruntime.InferenceSession(written(root)["model.onnx"])
        feeds = {
            "size": FEATURES[["size"]].to_numpy(np.float64),
            "age": FEATURES[["age"]].to_numpy(np.int64),
            "town": FEATURES[["town"]].to_numpy(object),
        }
        label, probabilities = session.run(["label", "probabilities"], feeds)
        assert label.tolist() == MIXED.predict(FEATURES).tolist()
        np.testing.assert_allclose(probabilities, MIXED.predict_proba(FEATURES), rtol=1e-12)

    def test_the_same_twice(self, root: Path):
        first, files = run(root, MIXED), written(root)
        assert (run(root, MIXED), written(root)) == (first, files)

    def test_a_model_that_was_fitted_without_names(self, root: Path):
        TABLE[["size", "age"]].fillna(0).to_csv(root / "features.csv", index=False)
        answer = run(root, LinearRegression().fit(NUMBERS.to_numpy(), TABLE["truth"]))
        assert answer.export is not None
        assert answer.export.signature.inputs[0].shape == (None, 2)

    def test_progress_is_told(self, root: Path, capsys: pytest.CaptureFixture[str]):
        run(root, MIXED)
        lines = [line.split(" s  ")[1] for line in capsys.readouterr().out.splitlines()]
        assert lines[0] == "Loading model.joblib"
        assert lines[1].startswith("Asking the model about 80 rows")
        assert lines[2] == "Converting to ONNX"
        assert lines[3].startswith("Asking the export about the same ")


def _keep_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers in skl2onnx is gone after it."""
    for module, name in (
        ("skl2onnx._supported_operators", "sklearn_operator_name_map"),
        ("skl2onnx.common._registration", "_converter_pool"),
        ("skl2onnx.common._registration", "_shape_calculator_pool"),
    ):
        found = importlib.import_module(module)
        monkeypatch.setattr(found, name, dict(getattr(found, name)))


class TestDisagreement:
    """A tree behind a scaler that is given float32, as the usual conversion is."""

    @pytest.fixture
    def answer(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> ExportAnswer:
        NUMBERS.to_csv(root / "features.csv", index=False)
        convert = conversion.convert

        def plain(estimator: Any, signature: Signature, sample: Any) -> conversion.Converted:
            inputs = [one.model_copy(update={"dtype": "float32"}) for one in signature.inputs]
            narrow = signature.model_copy(update={"inputs": tuple(inputs)})
            return convert(estimator, narrow, sample)

        monkeypatch.setattr(conversion, "convert", plain)
        model = make_pipeline(StandardScaler(), DecisionTreeRegressor(random_state=0))
        return run(root, model.fit(NUMBERS, NUMBERS["size"] * 3 + NUMBERS["age"]))

    def test_is_a_no_with_rows_and_the_cause(self, root: Path, answer: ExportAnswer):
        assert answer.exit_code == 1
        assert written(root) == {}
        assert answer.export is not None
        assert not answer.export.parity.passed
        first, second, *more = answer.reasons
        assert "rows of `thresholds`" in first.message
        assert first.message.startswith("model.joblib and model.onnx disagree: ")
        assert "float32" in first.message
        assert first.severity == "error"
        assert second.message.startswith("Row ")
        assert {one.severity for one in (second, *more)} == {"note"}
        assert " by the model and " in second.message
        assert len(more) <= 9
        orders = {tuple(one.inputs) for one in answer.export.parity.mismatches}
        assert len(orders) == 1

    def test_without_a_known_cause(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        parity = Parity(passed=False, tolerance=Tolerance(), rows=())
        monkeypatch.setattr("assay.packaging.parity.hold", lambda *_, **__: parity)
        NUMBERS.to_csv(root / "features.csv", index=False)
        (reason,) = run(root, LINE).reasons
        assert "None" not in reason.message


class TestNative:
    def test_where_it_is_asked_for(self, root: Path):
        found = run(root, MIXED, form="native").export
        assert found is not None
        assert (found.kind, found.file) == ("native", "model.skops")
        assert (found.conversion, found.parity.passed) == (None, True)
        assert found.why_native == "assay.yaml asks for a native bundle (`package.format`)."
        content = written(root)["model.skops"]
        named = skops.io.get_untrusted_types(data=content)
        again = skops.io.loads(content, trusted=named)
        assert (again.predict(FEATURES) == MIXED.predict(FEATURES)).all()

    def test_a_transformer_of_the_repositorys_own(self, root: Path):
        model = make_pipeline(own("Doubled"), LinearRegression()).fit(NUMBERS, TABLE["truth"])
        NUMBERS.to_csv(root / "features.csv", index=False)
        found = run(root, model).export
        assert found is not None
        assert found.kind == "native"
        assert "Doubled" in (found.why_native or "")
        assert "skl2onnx.update_registered_converter" in (found.native_hint or "")

    def test_the_converter_that_the_docs_register(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ):
        page = (Path(__file__).parents[3] / "docs" / "package.md").read_text(encoding="utf-8")
        (code,) = re.findall(r"```python\n# bikes/clipping.py\n(.*?)```", page, re.DOTALL)
        write(root, {"bikes/__init__.py": "", "bikes/clipping.py": code})
        _keep_registered(monkeypatch)
        with usercode.importable(root):
            clipped = importlib.import_module("bikes.clipping").Clipped(share=0.2)
        model = make_pipeline(clipped, LinearRegression()).fit(NUMBERS, TABLE["truth"])
        NUMBERS.to_csv(root / "features.csv", index=False)
        answer = run(root, model, form="onnx")
        assert answer.exit_code == 0
        assert answer.export is not None
        assert answer.export.conversion is not None
        assert "Clipped was converted by skl2onnx." in answer.export.conversion.changes

    def test_is_refused_where_onnx_is_asked_for(self, root: Path):
        model = make_pipeline(own("Doubled"), LinearRegression()).fit(NUMBERS, TABLE["truth"])
        NUMBERS.to_csv(root / "features.csv", index=False)
        with pytest.raises(conversion.NotConvertible) as caught:
            run(root, model, form="onnx")
        assert "Doubled" in caught.value.message
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize("error", [KeyError("no"), AssertionError(), RuntimeError("a\nb")])
    def test_a_converter_that_raises(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
    ):
        def broken(*_: object) -> None:
            raise error

        monkeypatch.setattr(conversion, "convert", broken)
        NUMBERS.to_csv(root / "features.csv", index=False)
        found = run(root, LINE).export
        assert found is not None
        assert (found.why_native or "").startswith(
            f"LinearRegression does not become ONNX: {type(error).__name__}: "
        )

    def test_a_graph_that_does_not_run(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        facts = {"opset": {"": 1}, "precision": "float32", "nodes": 1, "bytes": 3}
        broken = conversion.Converted(b"abc", conversion.Conversion(**facts))
        monkeypatch.setattr(conversion, "convert", lambda *_: broken)
        NUMBERS.to_csv(root / "features.csv", index=False)
        found = run(root, LINE).export
        assert found is not None
        assert "does not become ONNX: onnxruntime does not run the graph" in found.why_native

    def test_a_package_that_is_missing_is_no_reason_to_fall_back(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def missing(*_: object) -> None:
            raise ModuleNotFoundError("No module named 'onnx'", name="onnx")

        monkeypatch.setattr(conversion, "convert", missing)
        with pytest.raises(ProjectEnvironmentError) as caught:
            run(root, MIXED)
        assert caught.value.message == "Converting to ONNX needs `onnx`, which is not installed."
        assert "assay[onnx]" in (caught.value.hint or "")

    def test_the_same_model_gives_the_same_bytes(self, root: Path):
        joblib.dump(MIXED, root / "model.joblib")
        # Other objects, at other addresses.
        copies = [joblib.load(root / "model.joblib") for _ in range(2)]
        first, second = (native.dumped(copy, root=root) for copy in copies)
        assert first == second
        assert skops.io.dumps(copies[0]) != skops.io.dumps(copies[1])

    def test_what_skops_cannot_write(self, root: Path):
        model = LinearRegression().fit(NUMBERS, TABLE["truth"])
        model.rows = (row for row in ())
        with pytest.raises(UsageError) as caught:
            native.dumped(model, root=root)
        assert "generator" in caught.value.message  # older ones write it, and want it trusted

    def test_what_a_reader_could_not_trust(self, root: Path):
        model = make_pipeline(FunctionTransformer(json.loads), LINE)
        with pytest.raises(UsageError) as caught:
            native.dumped(model, root=root)
        assert "needs 'json.loads', which a reader of the bundle" in caught.value.message

    def test_without_skops(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "skops.io", None)
        with pytest.raises(ProjectEnvironmentError) as caught:
            native.dumped(MIXED, root=root)
        assert caught.value.message == "A native bundle needs skops, which is not installed."

    def test_what_does_not_come_back(self, tmp_path: Path):
        with pytest.raises(UsageError) as caught:
            native.loaded(b"PK", root=tmp_path)
        assert caught.value.message.startswith("The model is no file that skops wrote: BadZip")
        with zipfile.ZipFile(tmp_path / "m", "w") as archive:
            archive.writestr("schema.json", "{}")
        with pytest.raises(UsageError) as caught:
            native.loaded((tmp_path / "m").read_bytes(), root=tmp_path)
        assert caught.value.message.startswith("What skops wrote cannot be read again: ")


class TestQuantize:
    WIDE = Tolerance(absolute=0.2, relative=0.2)

    def test_within_a_wide_tolerance(self, root: Path):
        found = run(root, MIXED, quantize=True, tolerance=self.WIDE).export
        assert found is not None
        assert found.conversion is not None
        assert found.conversion.quantized
        assert "Weights of matrices are 8-bit integers." in found.conversion.changes
        assert found.parity.passed
        session = onnxruntime.InferenceSession(written(root)["model.onnx"])
        assert [one.name for one in session.get_inputs()] == ["size", "age", "town"]

    def test_not_within_the_usual_one(self, root: Path):
        answer = run(root, MIXED, quantize=True)
        assert answer.exit_code == 1
        assert (
            "Weights of 8 bits are too coarse for the tolerance (1e-05 + 1e-05 of the value)"
            in (answer.reasons[0].message)
        )
        assert "package.quantize: false" in (answer.reasons[0].hint or "")
        assert written(root) == {}

    @settings(max_examples=30)
    @given(arrays(np.float64, (4, 3), elements=st.floats(-1e6, 1e6)))
    def test_no_weight_is_off_by_more_than_half_a_step(self, weights: Any):
        values, scales = quantizing.rounded(weights)
        wide = scales.astype(np.float64)
        assert np.abs(values * wide - weights).max() <= 0.5001 * wide.max()

    def test_a_tree_has_no_weights(self, root: Path):
        NUMBERS.to_csv(root / "features.csv", index=False)
        tree = DecisionTreeRegressor(max_depth=2).fit(NUMBERS, TABLE["truth"])
        with pytest.raises(UsageError) as caught:
            run(root, tree, quantize=True)
        assert caught.value.message == (
            "There is nothing to quantize: the model multiplies by no matrix of weights."
        )


class TestTested:
    """That the model is the one whose predictions were evaluated."""

    SPEC = PredictionsSpec(
        path="said.csv",
        truth="truth",
        prediction="label",
        score="score",
        key=("id",),
        features="features.csv",
    )

    @pytest.fixture(autouse=True)
    def said(self, root: Path) -> None:
        """What MIXED said of the table, rounded, in another order."""
        score = MIXED.predict_proba(FEATURES)[:, 1].round(4)
        table = TABLE[["id", "truth"]].assign(score=score, label=(score >= 0.4).astype(int))
        table[::-1].to_csv(root / "said.csv", index=False)

    def test_it_gives_every_row(self, root: Path):
        answer = run(root, MIXED, predictions=self.SPEC)
        assert answer.export is not None
        assert (answer.export.tested, answer.reasons) == (ROWS, ())

    def test_another_model_is_no_bundle(self, root: Path):
        other = clone(MIXED).set_params(logisticregression__C=0.01).fit(FEATURES, TABLE["truth"])
        with pytest.raises(NotTestedError) as caught:
            run(root, other, predictions=self.SPEC)
        assert caught.value.exit_code == 1
        assert caught.value.message.startswith(
            "The model is not the one that was evaluated: model.joblib does not give said.csv from "
            "features.csv: "
        )
        assert "dvc repro" in (caught.value.hint or "")
        assert written(root) == {}

    def test_predictions_of_other_rows_are_told(self, root: Path):
        TABLE[10:].to_csv(root / "features.csv", index=False)
        answer = run(root, MIXED, predictions=self.SPEC)
        assert answer.export is not None
        assert (answer.exit_code, answer.export.tested) == (0, None)
        (reason,) = answer.reasons
        assert reason.severity == "warning"
        assert reason.message.startswith("That model.joblib gives said.csv could not be asked. ")

    def test_what_a_quantized_export_predicts(self, root: Path):
        wide = Tolerance(absolute=0.2, relative=0.2)
        answer = run(root, MIXED, predictions=self.SPEC, quantize=True, tolerance=wide)
        assert answer.columns == ("score", "label")
        with np.load(root.parent / "out" / COLUMNS) as arrays:
            score, label = arrays["arr_0"], arrays["arr_1"]
        session = Session(written(root)["model.onnx"], answer.export.signature)  # type: ignore[union-attr] # there is one
        expected = session.ask(FEATURES)["probabilities"][::-1, 1].round(4)
        assert np.array_equal(score, expected)
        assert np.array_equal(label, (expected >= 0.4).astype(int))
        assert not np.array_equal(score, pd.read_csv(root / "said.csv")["score"])


class TestTables:
    def problem(self, root: Path, estimator: Any, **options: Any) -> AssayError:
        with pytest.raises(AssayError) as caught:
            run(root, estimator, **options)
        assert written(root) == {}
        return caught.value

    def test_no_rows(self, root: Path):
        TABLE[:0].to_csv(root / "features.csv", index=False)
        assert self.problem(root, MIXED).message.startswith("features.csv has no rows")

    def test_a_column_less(self, root: Path):
        TABLE.drop(columns="town").to_csv(root / "features.csv", index=False)
        message = self.problem(root, MIXED).message
        assert message.startswith("model.joblib was fitted with the column 'town', which the table")

    def test_no_table(self, root: Path):
        (root / "features.csv").unlink()
        assert self.problem(root, MIXED).message == "features.csv does not exist."

    def test_sensitive_values_are_in_nothing(self, root: Path):
        TABLE.assign(town="Köln").to_csv(root / "features.csv", index=False)
        answer = run(root, MIXED, sensitive=("town",))
        assert answer.exit_code == 0
        assert "Köln" not in answer.model_dump_json()
        assert "Köln" not in written(root)["profile.json"].decode()


class TestProcess:
    """What the model's own code does wrong ends in an answer."""

    @pytest.fixture
    def repository(self, root: Path) -> Path:
        subprocess.run(["git", "init", "--quiet", str(root)], check=True)
        return root

    def tracked(self, root: Path, estimator: Any) -> None:
        joblib.dump(estimator, root / "model.joblib")
        content = (root / "model.joblib").read_bytes()
        digest = hashlib.md5(content).hexdigest()
        pointer = f"outs:\n- md5: {digest}\n  hash: md5\n  path: model.joblib\n"
        write(root, {"model.joblib.dvc": pointer})

    def test_a_process_of_its_own(self, repository: Path):
        self.tracked(repository, MIXED)
        asked, answer = repository.parent / "job.json", repository.parent / "answer.json"
        asked.write_text(job(repository).model_dump_json())
        argv = [sys.executable, "-P", "-m", "assay.packaging", str(asked), str(answer)]
        subprocess.run(argv, check=True, cwd=repository, capture_output=True)
        found = ExportAnswer.model_validate_json(answer.read_bytes())
        assert found.export is not None
        assert written(repository).keys() == {"model.onnx", "profile.json"}

    def test_a_model_that_ends_the_program(self, repository: Path):
        self.tracked(repository, own("Leaving"))
        found = answered(job(repository))
        assert (found.export, found.exit_code) == (None, 2)
        assert found.reasons[0].message == (
            "features.csv does not fit the model: it raises SystemExit: 3."
        )

    def test_a_file_that_dvc_does_not_track(self, repository: Path):
        joblib.dump(MIXED, repository / "model.joblib")
        found = answered(job(repository))
        assert found.exit_code == 2
        assert "is not tracked by DVC" in found.reasons[0].message

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (SystemExit(7), 2, "Code of the model ends the program (sys.exit: 7)."),
            (MemoryError(), 3, "The export needs more memory than there is."),
        ],
    )
    def test_what_nobody_expects(
        self,
        repository: Path,
        monkeypatch: pytest.MonkeyPatch,
        error: BaseException,
        code: int,
        message: str,
    ):
        def raising(*_: object) -> None:
            raise error

        monkeypatch.setattr("assay.packaging.__main__.export", raising)
        asked, answer = repository.parent / "job.json", repository.parent / "answer.json"
        asked.write_text(job(repository).model_dump_json())
        main(asked, answer)
        found = ExportAnswer.model_validate_json(answer.read_bytes())
        assert (found.exit_code, found.reasons[0].message) == (code, message)
