"""Release notes, as golden files; and names that would be Markdown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from assay.packaging.facts import Parity, Tolerance
from assay.packaging.manifest import (
    Environment,
    GateResult,
    Manifest,
    MetricValue,
    Source,
    Tracked,
)
from assay.release import notes
from assay.release.notes import Subject
from assay.release.versions import Next

from tests.golden import assert_golden
from tests.unit.packaging.bundles import SIGNATURE, manifest

HOSTILE = "x|y`<img src=x onerror=alert(1)>` @team #1 [a](https://evil.example) </details>"


def source(**update: Any) -> Source:
    return manifest().source.model_copy(update=update)


NEW = manifest(
    source=source(
        commit="d" * 40,
        model=Tracked(path="models/model.joblib", md5="f" * 32),
        data=(
            Tracked(path="data/evaluation.csv", md5="e" * 32, bytes=812_004),
            Tracked(path="data/raw", md5="c" * 32 + ".dir"),
            Tracked(path="data/holidays.csv", md5="7" * 32),
        ),
        parameters={"params.yaml:train.depth": "10", "params.yaml:features": '["hour"]'},
    ),
    environment=Environment(
        python="3.12.4", packages={"numpy": "2.4.1", "scikit-learn": "1.9.1", "skops": "0.16"}
    ),
    signature=SIGNATURE.model_copy(
        update={
            "inputs": (
                SIGNATURE.inputs[0].model_copy(update={"nullable": True}),
                SIGNATURE.inputs[1],
                SIGNATURE.inputs[2].model_copy(
                    update={"categories": ("autumn", "spring", "summer", "winter")}
                ),
            )
        }
    ),
    metrics=(
        MetricValue(name="roc_auc", value=0.9101, low=0.9012, high=0.9185, configured=True),
        MetricValue(name="log_loss", value=0.3402, low=0.33, high=0.35),
        MetricValue(name="f1", value=0.71, configured=True),
        MetricValue(name="riders", value=12_345.6, low=12_000.0, high=12_700.0),
    ),
    gates=(
        GateResult(name="roc_auc min", result="passed", message="`roc_auc` is 0.9101."),
        GateResult(name="f1 non_inferior", result="inconclusive", message="Too few rows."),
    ),
    verdict="warn",
)
OLD = manifest(
    metrics=(
        MetricValue(name="roc_auc", value=0.8795, low=0.8701, high=0.8889, configured=True),
        MetricValue(name="log_loss", value=0.3501, low=0.34, high=0.36),
        MetricValue(name="recall", value=0.5),
        MetricValue(name="riders", value=9_000.0, low=8_800.0, high=9_200.0),
    )
)


def subject(**update: Any) -> Subject:
    whole: dict[str, Any] = {
        "tag": "peak-hour@v1.3.0",
        "manifest": NEW,
        "archive": "peak-hour-v1.3.0.tar.zst",
        "old": OLD,
        "next": Next("v1.3.0", "minor", "v1.2.0", ("The model was trained again.",)),
    }
    return Subject(**(whole | update))


CASES = {
    "next": subject(words="Winter is a season now.\n\nThanks to everybody who measured."),
    "first": subject(
        tag="peak-hour@v1.0.0",
        archive="peak-hour-v1.0.0.tar.zst",
        old=None,
        manifest=manifest(why_native="`Odd` has no converter.", kind="native", model="model.skops"),
        next=Next("v1.0.0", None, None, ("It is the first version.",)),
        verify=("--unsigned",),
    ),
    "hostile": subject(
        manifest=NEW.model_copy(
            update={
                "estimator": HOSTILE,
                "metrics": (MetricValue(name=HOSTILE, value=1.0),),
                "gates": (GateResult(name=HOSTILE, result="passed", message=HOSTILE),),
                "source": source(
                    parameters={HOSTILE: HOSTILE}, data=(Tracked(path=HOSTILE, md5=HOSTILE),)
                ),
                "environment": Environment(python=HOSTILE, packages={HOSTILE: HOSTILE}),
                "signature": SIGNATURE.model_copy(
                    update={"inputs": (SIGNATURE.inputs[0].model_copy(update={"name": HOSTILE}),)}
                ),
            }
        ),
        next=Next("v1.3.0", None, "v1.2.0", (HOSTILE,)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_notes_are_as_they_are_meant_to_be(name: str) -> None:
    assert_golden(f"release-notes/{name}.md", notes.markdown(CASES[name]))


def test_nothing_that_a_name_says_is_alive() -> None:
    text = notes.markdown(CASES["hostile"])
    # Code is inert; what is left is prose and what we write ourselves.
    fence = re.compile(r"```.*?```|(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)|<code>.*?</code>", re.DOTALL)
    prose = fence.sub("", text)
    assert "<img" not in prose
    assert "](https" not in prose
    assert "@team" not in prose
    assert "evil.example" in text
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.endswith(" |")


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.20, 0.30, "better"), (0.40, 0.50, "worse"), (0.30, 0.40, "intervals overlap")],
)
def test_a_metric_moved_where_its_intervals_do_not_meet(low: float, high: float, word: str) -> None:
    def of(manifest: Manifest, low: float, high: float) -> Manifest:
        loss = MetricValue(name="log_loss", value=(low + high) / 2, low=low, high=high)
        return manifest.model_copy(update={"metrics": (loss,)})

    text = notes.markdown(subject(old=of(OLD, 0.34, 0.36), manifest=of(NEW, low, high)))
    (row,) = [line for line in text.splitlines() if line.startswith("| Log loss")]
    assert row.endswith(f"| {word} |")
    assert "where the intervals of the two versions do not meet" in text
    assert "no evidence" not in text


def test_which_way_is_better_is_as_assay_yaml_says() -> None:
    def word(**update: Any) -> str:
        text = notes.markdown(subject(**update))
        return next(line for line in text.splitlines() if line.startswith("| riders"))

    assert word().endswith("| higher |")
    assert word(directions={"riders": "lower"}).endswith("| worse |")
    assert word(directions={"riders": "higher"}).endswith("| better |")


def test_a_long_table_is_folded_away() -> None:
    packages = {f"package-{n}": "1.0" for n in range(40)}
    new = NEW.model_copy(update={"environment": Environment(python="3.12.4", packages=packages)})
    text = notes.markdown(subject(manifest=new))
    assert "<details><summary>42 packages</summary>" in text


def test_an_export_that_was_not_proved_says_so() -> None:
    parity = Parity(passed=False, tolerance=Tolerance(), rows=())
    text = notes.markdown(subject(manifest=NEW.model_copy(update={"parity": parity})))
    assert "does not give the same answers" in text
