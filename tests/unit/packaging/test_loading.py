"""Which model files are loaded, and what is said of those that are not."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import zipfile
from typing import TYPE_CHECKING

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
from assay.contract import usercode
from assay.errors import AssayError
from assay.packaging import loading
from assay.workspace.dvcfiles import DvcFiles, Output
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path

    from assay.models import Model

X = np.arange(12.0).reshape(6, 2)
MODEL = LinearRegression().fit(X, X[:, 0])


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def tracked(path: str, digest: str | None, *, legacy: bool = False) -> DvcFiles:
    out = Output(path, "out", digest, None, stage="train", legacy=legacy)
    return DvcFiles(outputs=(out,))


def load(path: Path, root: Path, files: DvcFiles | None = None) -> Model:
    if files is None:
        files = tracked(path.relative_to(root).as_posix(), md5(path))
    with usercode.importable(root):
        return loading.load(path, shown=path.name, root=root, files=files)


def problem(path: Path, root: Path, files: DvcFiles | None = None) -> AssayError:
    with pytest.raises(AssayError) as caught:
        load(path, root, files)
    return caught.value


@pytest.fixture
def model(tmp_path: Path) -> Path:
    joblib.dump(MODEL, tmp_path / "model.joblib")
    return tmp_path / "model.joblib"


class TestWhoseItIs:
    def test_a_tracked_file_with_its_digest(self, model: Path):
        assert (load(model, model.parent).estimator.coef_ == MODEL.coef_).all()

    def test_one_that_dvc_does_not_know(self, model: Path):
        error = problem(model, model.parent, DvcFiles())
        assert error.message == (
            "model.joblib is not tracked by DVC, and is not loaded: nothing says whose code is in "
            "it."
        )
        assert "dvc.yaml" in (error.hint or "")
        assert error.exit_code == 2

    def test_one_with_other_content_is_not_even_opened(self, tmp_path: Path):
        # A pickle that would leave a trace.
        write(tmp_path, {"m.pkl": b"cpathlib\nPath\n(S'loaded'\ntR."})
        error = problem(tmp_path / "m.pkl", tmp_path, tracked("m.pkl", "0" * 32))
        assert error.message == (
            f"m.pkl has another content than DVC's files say (MD5 {'0' * 32}), and is not loaded."
        )
        assert "dvc pull" in (error.hint or "")

    def test_no_digest_was_written_yet(self, model: Path):
        error = problem(model, model.parent, tracked("model.joblib", None))
        assert error.message == "DVC's files do not say which content model.joblib has."

    def test_one_outside_of_the_project(self, model: Path):
        (root := model.parent / "project").mkdir()
        for path in (model, root / ".." / model.name):
            error = problem(path, root, tracked(f"../{model.name}", md5(model)))
            assert error.message == ("model.joblib lies outside of the project, and is not loaded.")

    def test_a_link_that_leads_out(self, model: Path):
        (root := model.parent / "project").mkdir()
        (root / "m.joblib").symlink_to(model)
        error = problem(root / "m.joblib", root, tracked("m.joblib", md5(model)))
        assert error.message == (
            "m.joblib is a link that leads out of the project, and is not loaded."
        )

    def test_a_folder_that_is_a_link(self, model: Path):
        (root := model.parent / "project").mkdir()
        (root / "models").symlink_to(model.parent)
        path = root / "models" / model.name
        assert (
            "leads out" in problem(path, root, tracked("models/model.joblib", md5(model))).message
        )

    def test_a_link_into_a_shared_cache_of_dvc(self, model: Path):
        (root := model.parent / "project").mkdir()
        digest = md5(model)
        place = model.parent / "cache" / "files" / "md5" / digest[:2] / digest[2:]
        place.parent.mkdir(parents=True)
        model.rename(place)
        (root / "m.joblib").symlink_to(place)
        assert load(root / "m.joblib", root, tracked("m.joblib", digest)).shown == "m.joblib"
        place.write_bytes(b"other")
        assert "another content" in (
            problem(root / "m.joblib", root, tracked("m.joblib", digest)).message
        )

    def test_missing(self, tmp_path: Path):
        error = problem(tmp_path / "m.pkl", tmp_path, tracked("m.pkl", "0" * 32))
        assert (error.message, error.hint) == (
            "m.pkl is missing.",
            "Run `dvc pull`, or `dvc repro`.",
        )

    def test_text_as_dvc_2_hashed_it(self, tmp_path: Path):
        content = pickle.dumps(MODEL, protocol=0).replace(b"\n", b"\r\n")
        write(tmp_path, {"m.pkl": content})
        digest = hashlib.md5(content.replace(b"\r\n", b"\n")).hexdigest()
        files = tracked("m.pkl", digest, legacy=True)
        assert "another content" not in problem(tmp_path / "m.pkl", tmp_path, files).message
        files = tracked("m.pkl", digest)
        assert "another content" in problem(tmp_path / "m.pkl", tmp_path, files).message


class TestInAFolder:
    # What `dvc add models` wrote for these two files.
    DIGEST = "b0d13e434063c73f18b11339aa8cfb4f.dir"

    def test_the_digest_is_as_dvc_computes_it(self, tmp_path: Path):
        write(tmp_path, {"models/m.pkl": "1\n", "models/b é/x": "2\n"})
        error = problem(tmp_path / "models/m.pkl", tmp_path, tracked("models", self.DIGEST))
        assert error.message.startswith("m.pkl cannot be loaded: ")  # the digest was right

    def test_a_file_more(self, tmp_path: Path):
        write(tmp_path, {"models/m.pkl": "1\n", "models/b é/x": "2\n", "models/y": ""})
        error = problem(tmp_path / "models/m.pkl", tmp_path, tracked("models", self.DIGEST))
        assert error.message.startswith("models has another content than DVC's files say")


class TestSkops:
    def test_needs_no_dvc(self, tmp_path: Path):
        skops.io.dump(DecisionTreeRegressor().fit(X, X[:, 0]), tmp_path / "m.skops")
        assert load(tmp_path / "m.skops", tmp_path, DvcFiles()).estimator.predict(X[:1]) == [0]

    def test_a_tracked_one_is_held_to_its_digest(self, tmp_path: Path):
        skops.io.dump(MODEL, tmp_path / "m.skops")
        error = problem(tmp_path / "m.skops", tmp_path, tracked("m.skops", "0" * 32))
        assert "another content" in error.message

    def test_the_repositorys_own_classes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        write(tmp_path, {"h8_steps.py": "def double(x):\n    return 2 * x\n"})
        monkeypatch.syspath_prepend(tmp_path)
        import h8_steps  # type: ignore[import-not-found]

        skops.io.dump(
            make_pipeline(FunctionTransformer(h8_steps.double), MODEL), tmp_path / "m.skops"
        )
        assert load(tmp_path / "m.skops", tmp_path, DvcFiles()).shown == "m.skops"

    def test_anything_else_is_refused(self, tmp_path: Path):
        skops.io.dump(make_pipeline(FunctionTransformer(json.loads), MODEL), tmp_path / "m.skops")
        error = problem(tmp_path / "m.skops", tmp_path, DvcFiles())
        assert error.message == (
            "m.skops needs 'json.loads', which nobody here vouches for, and is not loaded."
        )

    @pytest.mark.parametrize(
        ("name", "strange"),
        [
            ("sklearn.tree._tree.Tree", False),
            ("numpy.log1p", False),
            ("collections.OrderedDict", False),
            ("sklearn.utils.fixes.np", True),  # a module
            ("sklearn.utils._testing.check_output", True),
            ("sklearn.no_such.Thing", True),
            ("os.system", True),
            ("functools.partial", True),
            ("numpy.testing._private.utils.measure", True),  # runs a text
            ("numpy.DataSource", True),  # removes a folder when it is forgotten
            ("scipy.stats._distn_infrastructure.rv_continuous", True),  # so does its state
            ("sklearn.metrics.pairwise.laplacian_kernel", False),
            ("sklearn.metrics.pairwise.no_such_kernel", True),
            ("sklearn.metrics._classification.f1_score", False),
            ("", True),
            ("builtins.eval", True),
        ],
    )
    def test_what_is_vouched_for(self, tmp_path: Path, name: str, strange: bool):
        assert loading.strange_types([name], tmp_path) == ([name] if strange else [])

    def test_what_a_module_of_the_repository_imports_is_not_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        write(tmp_path, {"h8_reach.py": "from os import system\ndef own(): pass\n"})
        monkeypatch.syspath_prepend(tmp_path)
        named = ["h8_reach.own", "h8_reach.system"]
        assert loading.strange_types(named, tmp_path) == ["h8_reach.system"]

    def test_an_environment_inside_of_the_project_is_not_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        site = tmp_path / ".venv/lib/site-packages"
        write(site, {"h8_foreign.py": "class Thing: pass\n"})
        monkeypatch.syspath_prepend(site)
        assert loading.strange_types(["h8_foreign.Thing"], tmp_path) == ["h8_foreign.Thing"]

    def test_a_damaged_one(self, tmp_path: Path):
        write(tmp_path, {"m.skops": b"PK\x03\x04 not a zip"})
        error = problem(tmp_path / "m.skops", tmp_path, DvcFiles())
        assert error.message.startswith("m.skops cannot be loaded: BadZipFile")

    def test_one_whose_names_cannot_be_read_is_not_loaded_with_trust(self, tmp_path: Path):
        skops.io.dump(MODEL, tmp_path / "m.skops")
        with zipfile.ZipFile(tmp_path / "m.skops") as archive:
            schema = archive.read("schema.json")
        with zipfile.ZipFile(tmp_path / "m.skops", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("schema.json", schema + b" " * 50_000_000)
        error = problem(tmp_path / "m.skops", tmp_path, DvcFiles())
        assert "its schema is larger than one can be" in error.message


class TestVersions:
    """A model that does not unpickle names the versions it was written with, and those here."""

    HERE = f"Python {sys.version_info.major}.{sys.version_info.minor}"

    def of_another_version(self) -> LinearRegression:
        model = LinearRegression().fit(X, X[:, 0])
        model.part = Gone()
        return model

    @pytest.mark.parametrize("protocol", range(6))
    def test_of_a_pickle(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int):
        monkeypatch.setattr("sklearn.base.__version__", "1.2.2")
        content = pickle.dumps(self.of_another_version(), protocol=protocol)
        write(tmp_path, {"m.pkl": content})
        monkeypatch.delattr(f"{__name__}.Gone")
        error = problem(tmp_path / "m.pkl", tmp_path)
        assert "which is not there" in error.message
        assert "It was written with scikit-learn 1.2.2; here are " in (error.hint or "")
        assert self.HERE in (error.hint or "")

    @pytest.mark.parametrize("compress", [("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3)])
    def test_of_one_that_joblib_compressed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: tuple[str, int]
    ):
        monkeypatch.setattr("sklearn.base.__version__", "1.2.2")
        joblib.dump(self.of_another_version(), tmp_path / "m.joblib", compress=compress)
        monkeypatch.delattr(f"{__name__}.Gone")
        assert "scikit-learn 1.2.2;" in (problem(tmp_path / "m.joblib", tmp_path).hint or "")

    def test_of_skops(self, tmp_path: Path):
        skops.io.dump(make_pipeline(StandardScaler().fit(X), MODEL), tmp_path / "m.skops")
        with zipfile.ZipFile(tmp_path / "m.skops") as archive:
            schema = archive.read("schema.json")
        with zipfile.ZipFile(tmp_path / "m.skops", "w") as archive:
            archive.writestr("schema.json", schema)  # and no arrays
        hint = problem(tmp_path / "m.skops", tmp_path, DvcFiles()).hint or ""
        assert f"It was written with scikit-learn {sklearn.__version__}; here are" in hint

    def test_where_nothing_is_known(self, tmp_path: Path):
        write(tmp_path, {"m.pkl": b"nonsense"})
        hint = problem(tmp_path / "m.pkl", tmp_path).hint or ""
        assert hint.startswith(f"Here are {self.HERE}")

    def test_nothing_is_said_of_versions_where_the_file_loads_and_is_no_model(self, model: Path):
        joblib.dump({"no": "model"}, model)
        assert "which has no `predict`" in problem(model, model.parent).message


class Gone:
    """Part of a model, until a test takes it away."""
