"""The stage: from a run's record and an export to a bundle. The export is a stand-in here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay import extras
from assay.configdata import DataSpec
from assay.console import Console
from assay.errors import DataError, OutsideError, ProjectEnvironmentError, UsageError
from assay.evaluation import Evaluation, Metric
from assay.evidence import FairnessFact, SliceEvidence
from assay.packaging import archive, asking, bundle, skopsfile
from assay.packaging.facts import Conversion, Export, Parity, Tolerance
from assay.packaging.job import COLUMNS, ExportAnswer, ExportJob
from assay.packaging.profile import Profile
from assay.packaging.section import Mismatch
from assay.section import Reason, Status
from assay.stages import package
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection
from sklearn.metrics import roc_auc_score

from tests.records import metric_gate
from tests.unit.packaging.bundles import PARITY, SIGNATURE
from tests.unit.packaging.projects import git, project

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.context import Context

CONFIG = """\
predictions:
  path: predictions.csv
  score: score
  key: id
  features: features.csv
  slices: [season]
metrics:
  roc_auc: {min: 0.6}
package:
  license: mit
"""
MODEL = b"a model" * 100


def predictions() -> str:
    rng = np.random.default_rng(3)
    lines = ["id,y_true,score,season"]
    for row in range(300):
        truth = row % 2
        score = min(max(0.5 + (truth - 0.5) * 0.3 + rng.normal() * 0.2, 0.01), 0.99)
        lines.append(f"{row},{truth},{score:.4f},{'spring' if row % 3 else 'summer'}")
    return "\n".join(lines) + "\n"


def exported(**update: Any) -> Export:
    whole = Export(
        kind="onnx",
        file="model.onnx",
        estimator="SVC",
        signature=SIGNATURE,
        conversion=Conversion(opset={"": 21}, precision="float64", nodes=7, bytes=len(MODEL)),
        parity=PARITY,
        packages={"numpy": "2.4.0"},
        python="3.12.4",
    )
    return whole.model_copy(update=update)


class Child:
    """What stands in for the process that loads the model."""

    def __init__(self, answer: ExportAnswer, before: Callable[[Path], None] | None = None) -> None:
        self.answer, self.before = answer, before
        self.jobs: list[ExportJob] = []

    def __call__(self, job: ExportJob, scratch: Path, **given: object) -> ExportAnswer:
        self.jobs.append(job)
        out = Path(job.folder)
        assert out.parent == scratch
        assert not list(out.iterdir())
        export = self.answer.export
        if export is not None and export.parity.passed:
            (out / export.file).write_bytes(MODEL)
            profile = Profile(rows=300, features=(), predictions=())
            (out / "profile.json").write_text(profile.model_dump_json() + "\n")
            (out / "left").write_bytes(b"by the model's own code")
        if self.before is not None:
            self.before(out)
        return self.answer


@pytest.fixture
def context(tmp_path: Path) -> Context:
    made = project(tmp_path / "project", CONFIG, {"LICENSE": "the terms"})
    (made.workspace.root / "predictions.csv").write_text(predictions())
    return measured(made)


def measured(context: Context) -> Context:
    """After a check that passed."""
    values = {"roc_auc": 0.8, "f1": 0.7, "rides": 12.0}
    head = Evaluation(
        metrics=tuple(
            Metric(name=name, value=value, source="x", recomputed=name != "rides")
            for name, value in values.items()
        ),
        task="binary",
        rows=300,
    )
    slices = [
        SliceEvidence(name=f"season = {one}", rows=100, units=100, judged=True, head=values)
        for one in ("spring", "summer")
    ]
    fairness = FairnessFact(
        column="season",
        measure="demographic_parity_difference",
        head=0.1,
        apart=("spring", "summer"),
    )
    gate = metric_gate("roc_auc", "min", 0.6, 0.8, passed=True, message="roc_auc is 0.8.")
    return context.with_record(
        context.record.model_copy(
            update={
                "evaluate": EvaluateSection(
                    status=Status.PASS, head=head, slices=tuple(slices), fairness=(fairness,)
                ),
                "compare": CompareSection(status=Status.PASS, gates=(gate,)),
            }
        )
    )


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    made = Child(ExportAnswer(export=exported()))
    monkeypatch.setattr(asking, "export", made)
    return made


def bundles(context: Context) -> Path:
    return context.workspace.state / "bundles"


def test_a_bundle_with_everything_that_is_known(context: Context, child: Child) -> None:
    section = package.run(context)
    assert section.status is Status.PASS
    assert (section.exit_code, section.name, section.kind) == (0, "peak", "onnx")
    assert section.folder == f".assay/bundles/peak-{(section.digest or '')[:12]}"
    assert section.archive == ".assay/bundles/bundle.tar.zst"
    assert section.rows == sum(rows.count for rows in PARITY.rows)
    found = bundle.read(context.workspace.root / section.folder)
    assert list(bundle.damage(found)) == []
    manifest = found.manifest
    assert (manifest.license, manifest.description) == ("MIT", "Probability of a peak")
    assert manifest.verdict == "pass"
    (gate,) = manifest.gates
    assert (gate.name, gate.result) == ("metrics.roc_auc.min: 0.6", "passed")
    paths = {entry.path for entry in manifest.files}
    assert {"model.onnx", "profile.json", "parity.json", "README.md", "bom.cdx.json"} <= paths
    assert "monitoring.json" in paths
    assert "licenses/LICENSE" in paths
    assert "left" not in paths
    assert Parity.model_validate_json((found.folder / "parity.json").read_bytes()) == PARITY
    assert "| slice | rows | ROC AUC | F1 |" in (found.folder / "README.md").read_text()
    digest = hashlib.sha256(MODEL).hexdigest()
    bom = json.loads((found.folder / "bom.cdx.json").read_bytes())
    assert bom["metadata"]["component"]["hashes"][0]["content"] == digest
    assert {path.name for path in bundles(context).iterdir()} == {
        "bundle.tar.zst",
        found.folder.name,
    }


def test_a_licence_that_nobody_stated_is_a_note(context: Context, child: Child) -> None:
    spec = context.config.package.model_copy(update={"license": None})
    config = context.config.model_copy(update={"package": spec})
    section = package.run(replace(context, config=config))
    assert section.status is Status.PASS
    (note,) = section.reasons
    assert (note.severity, note.hint) == (
        "note",
        "Set `package.license` in assay.yaml, as `Apache-2.0`.",
    )


def test_a_bundle_that_nobody_will_release_is_told_of(context: Context, child: Child) -> None:
    """Nothing was judged: it can be made, and `assay sign` will refuse it."""
    record = context.record.model_copy(update={"compare": CompareSection(status=Status.PASS)})
    section = package.run(context.with_record(record))
    assert (section.status, section.exit_code) == (Status.WARN, 0)
    (warning,) = section.reasons
    assert warning.message == "The check of this commit came to `no gate`: nobody will release it."


def test_what_dvc_yaml_labels_a_model_is_in_its_card(context: Context, child: Child) -> None:
    root = context.workspace.root
    with (root / "dvc.yaml").open("a") as file:
        file.write("    labels: [bikes, hourly]\n")
    git(root, "commit", "--quiet", "--all", "--message=labels")
    section = package.run(replace(context, workspace=type(context.workspace)(root, os.environ)))
    text = (root / (section.folder or "") / "README.md").read_text()
    assert "- bikes\n- hourly\n" in text


def test_what_is_not_installed_is_said_before_the_model_is_loaded(
    context: Context, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "onnx" else 1)
    with pytest.raises(ProjectEnvironmentError) as caught:
        package.run(context)
    assert caught.value.message == "Bundles need onnx, not installed here."
    assert re.search(r"`\S+ -m pip install 'assay\[package\] @ \S+'`", caught.value.hint or "")
    assert caught.value.exit_code == 2
    assert child.jobs == []


@pytest.mark.parametrize(
    ("noted", "requirement"),
    [
        (
            '{"url": "https://forge/a", "vcs_info": {"vcs": "git", "requested_revision": "v1"}}',
            "assay[onnx] @ git+https://forge/a@v1",
        ),
        (
            '{"url": "https://forge/a", "vcs_info": {"vcs": "git", "commit_id": "4be1"}}',
            "assay[onnx] @ git+https://forge/a@4be1",
        ),
        ('{"url": "file:///assay.whl", "archive_info": {}}', "assay[onnx] @ file:///assay.whl"),
        (None, "assay[onnx]"),
    ],
)
def test_an_extra_is_installed_from_where_assay_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noted: str | None, requirement: str
) -> None:
    found = SimpleNamespace(read_text=lambda name: noted)
    monkeypatch.setattr(extras, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(metadata, "distribution", lambda name: found)
    assert f"'{requirement}'" in extras.hint("onnx")


def test_metrics_of_predictions_have_intervals(context: Context, child: Child) -> None:
    section = package.run(context)
    manifest = bundle.read(context.workspace.root / (section.folder or "")).manifest
    metrics = {one.name: one for one in manifest.metrics}
    assert manifest.confidence == 0.95
    for name in ("roc_auc", "f1"):
        low, high = metrics[name].low, metrics[name].high
        assert low is not None
        assert high is not None
        assert 0.5 < low < high < 1
    assert metrics["roc_auc"].configured
    assert (metrics["rides"].low, metrics["rides"].configured) == (None, False)


def test_what_the_child_is_asked(context: Context, child: Child) -> None:
    package.run(context)
    (job,) = child.jobs
    root = context.workspace.root
    assert job.model == str(root / "model.joblib")
    assert job.features == str(root / "features.csv")
    assert job.apart == ("id", "y_true")
    assert (job.form, job.quantize, job.tolerance) == ("auto", False, Tolerance())


def test_same_inputs_same_bytes(
    context: Context, child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = package.run(context)
    content = (bundles(context) / "bundle.tar.zst").read_bytes()
    shutil.copytree(context.workspace.root, tmp_path / "elsewhere" / "copy")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    other = replace(
        context, workspace=type(context.workspace)(tmp_path / "elsewhere" / "copy", os.environ)
    )
    # The run before, whatever it came to, is no part of what is known.
    failed = first.model_copy(update={"status": Status.ERROR})
    other = other.with_record(context.record.model_copy(update={"package": failed}))
    before = os.umask(0o077)
    try:
        second = package.run(other)
    finally:
        os.umask(before)
    assert second.digest == first.digest
    assert (bundles(other) / "bundle.tar.zst").read_bytes() == content


def test_values_of_sensitive_columns_are_told_nowhere(context: Context, child: Child) -> None:
    data = DataSpec(path="data/raw.csv", schema="schema.py:Schema", sensitive=("season",))
    config = context.record.config.model_copy(update={"data": (data,)})
    assert context.record.compare is not None
    gate = context.record.compare.gates[0].model_copy(
        update={"slice": "season = spring", "message": "roc_auc on season = spring is low"}
    )
    compare = context.record.compare.model_copy(update={"gates": (gate,)})
    hidden = context.with_record(
        context.record.model_copy(update={"config": config, "compare": compare})
    )
    section = package.run(hidden)
    assert child.jobs[0].sensitive == ("season",)
    folder = context.workspace.root / (section.folder or "")
    for path in folder.rglob("*.*"):
        # `season` itself may be told, and its categories are the child's to leave out.
        assert b"season = spring" not in path.read_bytes(), path
        assert b"`spring` and `summer`" not in path.read_bytes(), path


def test_an_older_bundle_is_forgotten_before_anything_is_known(
    context: Context, child: Child
) -> None:
    (bundles(context) / "old-0123").mkdir(parents=True)
    (bundles(context) / "old.tar.zst").write_bytes(b"")
    empty = context.with_record(context.record.model_copy(update={"evaluate": None}))
    with pytest.raises(UsageError):
        package.run(empty)
    assert not bundles(context).exists()


def test_what_was_made_is_said(context: Context, child: Child) -> None:
    out = io.StringIO()
    section = package.run(replace(context, console=Console(out=out)))
    said = out.getvalue()
    assert f"bundle  {section.folder}: ONNX, the same answers on {section.rows:,} rows\n" in said
    assert "archive .assay/bundles/bundle.tar.zst: " in said
    assert f"digest  {section.digest}\n" in said


def test_a_check_that_failed_is_told(context: Context, child: Child) -> None:
    gate = metric_gate("roc_auc", "min", 0.9, 0.8, passed=False, message="roc_auc is 0.8.")
    failed = CompareSection(status=Status.FAIL, gates=(gate,))
    section = package.run(
        context.with_record(context.record.model_copy(update={"compare": failed}))
    )
    assert section.status is Status.WARN
    assert section.reasons[0].message == (
        "The check of this commit came to `fail`: nobody will release it."
    )


class Quantized:
    """A child whose export predicts `score` otherwise than the project's file."""

    def __init__(self, child: Child, score: Callable[[pd.Series], Any]) -> None:
        conversion = exported().conversion
        assert conversion is not None
        export = exported(conversion=conversion.model_copy(update={"quantized": True}))
        child.answer = ExportAnswer(export=export, columns=("score",))
        child.before = self.write
        self.score = score

    def write(self, out: Path) -> None:
        scores = pd.read_csv(io.StringIO(predictions()))["score"]
        np.savez(out / COLUMNS, self.score(scores))


def test_the_metrics_and_gates_of_a_quantized_model_are_its_own(
    context: Context, child: Child
) -> None:
    Quantized(child, lambda score: score.round(1))
    section = package.run(context)
    assert section.status is Status.PASS, section.reasons
    manifest = bundle.read(context.workspace.root / (section.folder or "")).manifest
    (found,) = (one for one in manifest.metrics if one.name == "roc_auc")
    table = pd.read_csv(io.StringIO(predictions()))
    expected = roc_auc_score(table["y_true"], table["score"].round(1))
    assert found.value == pytest.approx(expected)
    assert found.value != pytest.approx(roc_auc_score(table["y_true"], table["score"]))
    assert found.low is not None
    assert found.low < expected
    (gate,) = manifest.gates
    assert (gate.name, gate.result) == ("metrics.roc_auc.min: 0.6", "passed")


def test_a_quantized_model_that_is_too_much_worse_is_no_bundle(
    context: Context, child: Child
) -> None:
    Quantized(child, lambda score: 1 - score)
    section = package.run(context)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    (reason,) = section.reasons
    assert reason.message.startswith("Quantized: ")
    assert "is below its minimum 0.6" in reason.message
    assert reason.hint is not None
    assert "package.quantize: false" in reason.hint
    assert list(bundles(context).iterdir()) == []


@pytest.mark.parametrize("columns", [(), ("score",)])
def test_a_quantized_model_whose_predictions_are_not_known(
    context: Context, child: Child, columns: tuple[str, ...]
) -> None:
    Quantized(child, lambda score: score[:10])
    child.answer = child.answer.model_copy(update={"columns": columns})
    with pytest.raises((UsageError, DataError)) as caught:
        package.run(context)
    expected = "is of other rows" if columns else "could not be made"
    assert expected in caught.value.message


def test_a_native_bundle_is_a_warning_where_nobody_asked_for_it(
    context: Context, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ["bikes.clipping.Clipped", "numpy.ndarray", "sklearn.svm._classes.SVC"]
    monkeypatch.setattr(skopsfile, "needed", lambda path: named)
    native = exported(
        kind="native",
        file="model.skops",
        conversion=None,
        why_native="No `Own`.",
        native_hint="Register it.",
    )
    child.answer = ExportAnswer(export=native)
    section = package.run(context)
    assert section.status is Status.WARN
    why = Reason(message="No `Own`.", severity="warning", hint="Register it.")
    assert section.reasons == (why,)
    made = context.workspace.root / (section.folder or "")
    text = (made / "README.md").read_text()
    assert "It is not ONNX: No `Own`. Register it." in text
    assert "to be imported as `bikes.clipping`: commit" in text
    wanted = context.config.package.model_copy(update={"format": "native"})
    asked = replace(context, config=context.config.model_copy(update={"package": wanted}))
    assert package.run(asked).status is Status.PASS


def test_an_export_that_says_something_else_is_no_bundle(context: Context, child: Child) -> None:
    wrong = Mismatch(rows="nulls", row=3, output="label", expected="1", got="0")
    parity = PARITY.model_copy(update={"passed": False, "mismatches": (wrong,)})
    reason = Reason(message="They disagree.")
    child.answer = ExportAnswer(export=exported(parity=parity), reasons=(reason,), exit_code=1)
    section = package.run(context)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    assert section.mismatches == (wrong,)
    assert section.reasons == (reason,)
    assert list(bundles(context).iterdir()) == []


@pytest.mark.parametrize("code", [2, 3])
def test_an_export_that_could_not_be(context: Context, child: Child, code: int) -> None:
    child.answer = ExportAnswer(reasons=(Reason(message="No."),), exit_code=code)
    section = package.run(context)
    assert (section.status, section.exit_code) == (Status.ERROR, code)
    assert list(bundles(context).iterdir()) == []


def test_nothing_was_evaluated(context: Context, child: Child) -> None:
    empty = context.with_record(context.record.model_copy(update={"evaluate": None}))
    with pytest.raises(UsageError, match="not evaluated here") as caught:
        package.run(empty)
    assert "assay check" in (caught.value.hint or "")
    assert child.jobs == []


def test_no_table_to_ask_about(tmp_path: Path, child: Child) -> None:
    made = measured(project(tmp_path, "metrics: {roc_auc: {min: 0.6}}\n"))
    with pytest.raises(UsageError, match="no export can be proved") as caught:
        package.run(made)
    assert caught.value.key == ("package", "features")
    assert list(bundles(made).iterdir()) == []


def test_a_licence_that_is_none(context: Context, child: Child) -> None:
    spec = context.config.package.model_copy(update={"license": "free for all"})
    other = replace(context, config=context.config.model_copy(update={"package": spec}))
    with pytest.raises(UsageError, match="no SPDX licence expression"):
        package.run(other)
    assert child.jobs == []


def test_metrics_without_predictions_have_no_interval(tmp_path: Path, child: Child) -> None:
    made = measured(project(tmp_path, "package: {features: features.csv}\n"))
    section = package.run(made)
    manifest = bundle.read(tmp_path / (section.folder or "")).manifest
    assert manifest.confidence is None
    assert {one.low for one in manifest.metrics} == {None}


def test_rows_without_a_group_are_an_error(context: Context, child: Child) -> None:
    assert context.config.predictions is not None
    spec = context.config.predictions.model_copy(update={"group": "customer"})
    other = replace(context, config=context.config.model_copy(update={"predictions": spec}))
    with pytest.raises(DataError, match="customer"):
        package.run(other)
    assert list(bundles(other).iterdir()) == []


@pytest.mark.parametrize("name", ["model.onnx", "profile.json"])
def test_what_code_of_the_model_s_put_in_place_of_a_file(
    context: Context, child: Child, name: str
) -> None:
    def swap(out: Path) -> None:
        (out / name).unlink()
        (out / name).symlink_to("/etc/hostname")

    child.before = swap
    with pytest.raises(OutsideError, match=f"did not write '{name}'"):
        package.run(context)


def test_a_model_that_lies_elsewhere(context: Context, child: Child) -> None:
    child.answer = ExportAnswer(export=exported(file="../model.onnx"))
    with pytest.raises(OutsideError, match="did not write"):
        package.run(context)


def test_a_full_disk_leaves_nothing(
    context: Context, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OutsideError, match="No space left on device") as caught:
        package.run(context)
    assert caught.value.exit_code == 3
    assert list(bundles(context).iterdir()) == []


def test_nowhere_to_write(context: Context, child: Child) -> None:
    context.workspace.state.mkdir(exist_ok=True)
    bundles(context).write_bytes(b"a file")
    with pytest.raises(OutsideError, match="cannot be written"):
        package.run(context)


def test_the_archive_holds_the_bundle(context: Context, child: Child, tmp_path: Path) -> None:
    section = package.run(context)
    target = tmp_path / "target"
    target.mkdir()
    found = archive.unpack(context.workspace.root / (section.archive or ""), target)
    assert found.digest == section.digest
    assert section.bytes == (bundles(context) / "bundle.tar.zst").stat().st_size
