"""The word for a change: of two numbers, of two numbers with evidence, of many slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.changes import change_of, metric_changes, slice_changes
from assay.config import Config, MetricSpec
from assay.evaluation import Evaluation, Metric
from assay.evidence import Evidence, SliceEvidence
from assay.section import Status
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection

if TYPE_CHECKING:
    from assay.config import Direction


def _evidence(p_value: float, *, base: float = 0.7, head: float = 0.6, **facts: Any) -> Evidence:
    return Evidence(
        **{
            "metric": "f1",
            "base": base,
            "head": head,
            "low": -0.2,
            "high": 0.0,
            "confidence": 0.95,
            "standard_error": 0.05,
            "p_value": p_value,
            "method": "multinomial",
            "units": 100,
            **facts,
        }
    )


def _evaluation(
    value: float, name: str = "f1", direction: Direction = "higher", *, of_rows: bool = True
) -> Evaluation:
    metric = Metric(name=name, value=value, source="p", recomputed=of_rows, direction=direction)
    return Evaluation(metrics=(metric,))


def _slice(p_value: float, name: str = "s = 1", **facts: Any) -> SliceEvidence:
    values: dict[str, Any] = {"rows": 100, "units": 100, "judged": True, "head": {"f1": 0.6}}
    values |= {"base": {"f1": 0.7}, "evidence": (_evidence(p_value),)}
    return SliceEvidence(name=name, **(values | facts))


def _words(*slices: SliceEvidence, config: Config | None = None) -> list[str]:
    section = EvaluateSection(status=Status.PASS, slices=slices)
    return [part.change for part in slice_changes(section, config or Config())]


@pytest.mark.parametrize(
    ("head", "base", "direction", "sure", "word"),
    [
        (0.7, 0.6, "higher", None, "better"),
        (0.7, 0.6, "lower", None, "worse"),
        (0.7, 0.6, None, None, "changed"),
        (0.1 + 0.2, 0.3, "higher", None, "equal"),
        (0.1 + 0.2, 0.3, "higher", False, "equal"),
        (0.7, 0.6, "higher", True, "better"),
        (0.7, 0.6, "higher", False, "no evidence"),
        (0.7, 0.6, None, False, "no evidence"),
        (0.7, 0.6, None, True, "changed"),
        (None, 0.6, "higher", None, "removed"),
        (0.7, None, "higher", None, "added"),
        (None, None, "higher", None, "changed"),
    ],
)
def test_the_word(
    head: float | None, base: float | None, direction: Any, sure: bool | None, word: str
) -> None:
    assert change_of(head, base, direction, sure=sure) == word


@pytest.mark.parametrize(
    ("p_value", "word"), [(0.049, "worse"), (0.05, "no evidence"), (0.5, "no evidence")]
)
def test_a_metric_with_evidence(p_value: float, word: str) -> None:
    section = EvaluateSection(
        status=Status.PASS,
        head=_evaluation(0.6),
        base=_evaluation(0.7),
        evidence=(_evidence(p_value),),
    )
    (change,) = metric_changes(section, Config())
    assert (change.change, change.evidence) == (word, section.evidence[0])


def test_a_metric_of_a_file_has_a_direction_without_evidence() -> None:
    section = EvaluateSection(
        status=Status.PASS, head=_evaluation(0.6, of_rows=False), base=_evaluation(0.7)
    )
    assert metric_changes(section, Config())[0].change == "worse"
    assert metric_changes(None, Config()) == ()


def test_rows_that_could_not_be_tested_show_nothing_better_or_worse() -> None:
    section = EvaluateSection(status=Status.PASS, head=_evaluation(0.6), base=_evaluation(0.7))
    assert metric_changes(section, Config())[0].change == "not tested"
    assert _words(_slice(0.5, evidence=())) == ["not tested"]
    assert _words(_slice(0.5, evidence=(), judged=False)) == ["not judged"]


def test_what_rests_on_few_rows_is_called_neither_better_nor_worse() -> None:
    section = EvaluateSection(
        status=Status.PASS,
        head=_evaluation(0.6),
        base=_evaluation(0.7),
        evidence=(_evidence(0.001, units=29),),
    )
    assert metric_changes(section, Config())[0].change == "not judged"
    assert _words(_slice(0.5, evidence=(_evidence(0.001, units=29),))) == ["not judged"]


def test_slices_are_corrected_for_having_looked_at_many() -> None:
    assert _words(_slice(0.02)) == ["worse"]
    others = [_slice(0.5, f"s = {i}") for i in range(2, 6)]
    assert _words(_slice(0.02), *others) == ["no evidence"] * 5
    assert _words(_slice(0.001), *others) == ["worse"] + ["no evidence"] * 4


def test_a_slice_that_is_too_small_is_not_judged_and_costs_the_others_nothing() -> None:
    small = [_slice(1e-9, f"s = {i}", judged=False) for i in range(2, 6)]
    assert _words(_slice(0.02), *small) == ["worse"] + ["not judged"] * 4


def test_slices_of_the_same_name_are_two() -> None:
    found = slice_changes(
        EvaluateSection(status=Status.PASS, slices=(_slice(0.02), _slice(0.5))), Config()
    )
    assert [part.adjusted for part in found] == pytest.approx([0.04, 0.5])


def test_a_slice_without_base_or_without_head() -> None:
    assert _words(_slice(1, base={}, evidence=())) == ["added"]
    assert _words(_slice(1, head={}, evidence=(), rows=0)) == ["removed"]


def test_the_direction_of_a_slice_is_the_one_that_was_said() -> None:
    config = Config(metrics={"f1": MetricSpec(direction="lower")})
    assert _words(_slice(0.02), config=config) == ["better"]


def test_slices_are_counted_whatever_their_metrics() -> None:
    two = _slice(0.0001, head={"f1": 0.6, "recall": 0.2}, base={"f1": 0.7, "recall": 0.1})
    section = EvaluateSection(status=Status.PASS, slices=(_slice(0.001, "s = 0"), two))
    compared = CompareSection(status=Status.PASS, slices=slice_changes(section, Config()))
    assert (compared.sliced, compared.worse_on) == (2, 2)
    assert compared.worse_slices == ("s = 1", "s = 0"), "the surest first"
