"""A rebuilt bundle held against the one that was released."""

from __future__ import annotations

from assay.packaging.facts import ParityOutput
from assay.packaging.manifest import MetricValue, Tracked
from assay.release import likeness

from tests.unit.packaging.bundles import manifest

FAR = ParityOutput(output="probabilities", mismatches=3, max_absolute=0.25, max_relative=1.0)
NEAR = ParityOutput(output="probabilities", mismatches=0, max_absolute=2e-7, max_relative=1e-6)
LABELS = ParityOutput(output="label", mismatches=0)


def test_equal_bundles_are_identical_and_no_model_is_asked() -> None:
    found = likeness.judge(manifest(), manifest(), rows=0, outputs=())
    assert (found.outcome, found.findings) == ("identical", ())
    assert found.released == found.rebuilt == manifest().digest


def test_equal_answers_of_another_file_are_equivalent() -> None:
    rebuilt = manifest(estimator="Another")
    found = likeness.judge(manifest(), rebuilt, rows=100, outputs=(LABELS, NEAR))
    assert (found.outcome, found.rows, found.mismatches) == ("equivalent", 100, 0)
    assert found.findings == (
        "probabilities: 0 rows beyond the tolerance, at most 2e-07 apart.",
        "Files of the bundle with other bytes: manifest.json.",
    )


def test_answers_beyond_the_tolerance_are_different() -> None:
    found = likeness.judge(
        manifest(), manifest(estimator="Another"), rows=100, outputs=(LABELS, FAR)
    )
    assert (found.outcome, found.mismatches) == ("different", 3)


def test_what_cannot_be_asked_is_not_called_equivalent() -> None:
    found = likeness.judge(manifest(), manifest(estimator="Another"), rows=0, outputs=())
    assert found.outcome == "different"


def test_every_cause_is_named_before_its_effects() -> None:
    old = manifest(metrics=(MetricValue(name="f1", value=0.5), MetricValue(name="auc", value=0.9)))
    source = old.source.model_copy(
        update={
            "model": Tracked(path=old.source.model.path, md5="b" * 32),
            "data": (Tracked(path="data/new.csv", md5="c" * 32),),
            "parameters": {"params.yaml:train.depth": "4"},
        }
    )
    added = {"onnxruntime": "1.0", **{f"other-{n}": "1.0" for n in range(4)}}
    environment = old.environment.model_copy(
        update={
            "python": "3.9.0",
            "packages": {**old.environment.packages, **added},
        }
    )
    new = old.model_copy(
        update={
            "source": source,
            "environment": environment,
            "metrics": (MetricValue(name="f1", value=0.25),),
        }
    )
    found = likeness.judge(old, new, rows=9, outputs=(FAR,)).findings
    said = "\n".join(found)
    for part in (
        "The data data/new.csv was not there and is " + "c" * 32,
        "The parameter params.yaml:train.depth was ",
        "and is 3.9.0.",
        "The package onnxruntime was not there and is 1.0.",
        "Other packages that differ: 4 (other-0, other-1, other-2, …).",
        f"{old.source.model.path} had the MD5",
        "probabilities: 3 rows beyond the tolerance, at most 0.25 apart.",
        "f1 was 0.5 and is 0.25.",
        "auc was 0.9 and is gone.",
    ):
        assert part in said, said
    assert said.index("data/new.csv") < said.index("MD5") < said.index("f1 was")


def test_findings_of_one_kind_are_bounded() -> None:
    old = manifest()
    many = old.source.model_copy(update={"parameters": {f"p:{n}": "1" for n in range(50)}})
    found = likeness.judge(old, old.model_copy(update={"source": many}), rows=1, outputs=(NEAR,))
    assert sum(line.startswith("The parameter") for line in found.findings) == 20
    assert any(line.startswith("And ") and "more." in line for line in found.findings)
