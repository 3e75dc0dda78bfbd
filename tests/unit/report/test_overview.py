"""The forest plot: which differences, in which order, on which side of the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.report import charts, figures, overview
from assay.stages.compare import CompareSection

from tests import evidence_records, records
from tests.evidence_records import evidence
from tests.records import change, metric_gate, slice_change

if TYPE_CHECKING:
    from assay.record import RunRecord


def with_compare(**update: Any) -> RunRecord:
    record = records.good()
    assert isinstance(record.compare, CompareSection)
    compare = record.compare.model_copy(update={"gates": (), "slices": (), **update})
    return record.model_copy(update={"compare": compare})


def test_gated_metrics_then_the_slices_that_got_worse() -> None:
    rows = overview.rows(evidence_records.sure())
    assert [row.label for row in rows] == ["F1", "ROC AUC", "F1 on workingday = 0"]
    assert [row.word for row in rows] == ["better", "better", "worse"]
    assert rows[0].numbers == "+0.0122 (+0.0041 to +0.0203)"
    assert (rows[0].low, rows[0].high) == pytest.approx((0.0041, 0.0203))
    assert all(row.sure for row in rows)


def test_its_words_say_the_numbers() -> None:
    chart = overview.of(evidence_records.sure())
    assert chart is not None
    assert chart.description == (
        "Differences between this change and base, with 95 % intervals: "
        "F1 +0.0122 (+0.0041 to +0.0203), better; "
        "ROC AUC +0.0383 (+0.0281 to +0.0485), better; "
        "F1 on workingday = 0 −0.0578 (−0.0888 to −0.0268), worse."  # noqa: RUF001 (minus signs)
    )


def test_right_is_better_also_where_lower_is() -> None:
    found = evidence("log_loss", 0.30, 0.25, 0.02, 0.001)
    (row,) = overview.rows(
        with_compare(metrics=(change("log_loss", 0.30, 0.25, configured=True, evidence=found),))
    )
    assert row.numbers.startswith("−0.0500")  # noqa: RUF001 (a minus sign)
    assert (row.low, row.middle, row.high) == pytest.approx((0.03, 0.05, 0.07))


def test_without_evidence_there_is_a_point_that_nobody_is_sure_of() -> None:
    row, *_ = overview.rows(records.good())
    assert row.low is row.high is row.confidence is None
    assert not row.sure
    chart = overview.of(records.good())
    assert chart is not None
    assert "interval" not in chart.description


def test_metrics_of_a_unit_share_a_scale_and_no_others() -> None:
    metrics = [
        change(name, base, head, configured=True)
        for name, base, head in (("f1", 0.5, 0.6), ("accuracy", 0.5, 0.55), ("rmse", 400, 300))
    ]
    chart = overview.of(with_compare(metrics=tuple(metrics)))
    assert chart is not None
    values = chart.spec["data"]["values"]
    assert [value["middle"] for value in values] == pytest.approx([1.0, 0.5, 1.0])


def test_where_no_metric_is_gated_the_first_few_stand_there() -> None:
    metrics = tuple(change(f"m{at}", 0.5, 0.6) for at in range(20))
    rows = overview.rows(with_compare(metrics=metrics))
    assert [row.label for row in rows] == [f"m{at}" for at in range(overview.MOST_METRICS)]


def test_a_gate_makes_a_metric_matter() -> None:
    gates = (metric_gate("log_loss", "max", 1.0, 0.3, passed=True, message=""),)
    metrics = (change("f1", 0.5, 0.6), change("log_loss", 0.4, 0.3))
    rows = overview.rows(with_compare(metrics=metrics, gates=gates))
    assert [row.label for row in rows] == ["Log loss"]


def test_the_hardest_hit_slices_come_first_and_not_all() -> None:
    slices = tuple(slice_change("s", str(at), 50, 0.9, 0.9 - at / 100) for at in range(1, 21))
    rows = overview.rows(with_compare(metrics=(), slices=slices))
    assert len(rows) == overview.MOST_SLICES
    assert rows[0].label == "F1 on s = 20"


@pytest.mark.parametrize("name", ["first-run", "errored-checkout"])
def test_without_a_base_there_is_none(name: str) -> None:
    assert overview.of(records.ALL[name]()) is None


def test_equal_metrics_stand_on_the_line() -> None:
    chart = overview.of(with_compare(metrics=(change("f1", 0.5, 0.5, configured=True),)))
    assert chart is not None
    (value,) = chart.spec["data"]["values"]
    assert value["middle"] == value["low"] == value["high"] == 0
    assert value["numbers"] == "0"


def test_numbers_beyond_all_measure_are_left_out() -> None:
    huge = change("f1", 0.0, 1e300, configured=True)
    wide = evidence("roc_auc", 0.5, 0.6, 1e300, 0.5)
    fine = change("roc_auc", 0.5, 0.6, configured=True, evidence=wide)
    (row,) = overview.rows(with_compare(metrics=(huge, fine)))
    assert (row.label, row.low) == ("ROC AUC", None)


def test_hostile_names_are_cut() -> None:
    rows = overview.rows(records.hostile(("x" * 10_000, "two\nlines\u202e")))
    assert rows
    assert all(len(row.label) <= 130 and row.label.isprintable() for row in rows)


def test_it_leads_the_plots_of_the_page() -> None:
    found = figures.of(evidence_records.sure(), {})
    chart = overview.of(evidence_records.sure())
    assert chart is not None
    assert next(iter(found)) == chart.title
    drawing = found[chart.title]
    assert "F1 on workingday = 0" in drawing
    assert "better →" in drawing
    assert drawing.count('stroke="var(--head)"') >= 6  # an interval and a point each
    assert not any(name in drawing for name in ("undefined", "NaN"))
    assert charts.HEAD.lower() in drawing
