"""Digits, units and words."""

import subprocess
import sys

import pytest
from assay.report import wording


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (0.6512, 0.6634, ("0.6512", "0.6634", "+0.0122")),
        (0.65, 0.65001, ("0.650000", "0.650010", "+0.000010")),
        (43.211, 41.902, ("43.21", "41.90", "−1.31")),  # noqa: RUF001
        (12345.6, 12300.1, ("12,346", "12,300", "−46")),  # noqa: RUF001
        (1.0, 1.0, ("1.000", "1.000", "")),
        (-0.5, 0.5, ("−0.5000", "0.5000", "+1.0000")),  # noqa: RUF001
        (None, 0.5, ("none", "0.5000", "")),
        (0.5, None, ("0.5000", "none", "")),
        (0.0, 0.0, ("0.0000", "0.0000", "")),
        (0.00012, 0.00013, ("0.000120", "0.000130", "+0.000010")),
    ],
)
def test_pair(base: float | None, head: float | None, expected: tuple[str, str, str]) -> None:
    assert wording.pair(base, head) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1e-9, "1e-09"), (3e15, "3e+15"), (0, "0.0000"), (-0.0, "0.0000"), (None, "none")],
)
def test_number(value: float | None, expected: str) -> None:
    assert wording.number(value) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(None, "none"), (0, "0 B"), (999, "999 B"), (1_202_044, "1.2 MB"), (123_456_789, "123 MB")],
)
def test_size(count: int | None, expected: str) -> None:
    assert wording.size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_duration(seconds: float, expected: str) -> None:
    assert wording.duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (0.0, "0.0 %"), (0.00001, "< 0.1 %"), (0.9999, "> 99.9 %"), (0.125, "12.5 %")],
)
def test_share(value: float | None, expected: str) -> None:
    assert wording.share(value) == expected


@pytest.mark.parametrize(
    ("kind", "difference", "expected"),
    [
        ("better", -0.1, "↓ better"),
        ("worse", 0.1, "↑ worse"),
        ("changed", 0.1, "↑ changed"),
        ("equal", 0.0, "unchanged"),
        ("added", None, "new"),
        ("removed", None, "gone"),
        ("changed", None, ""),
    ],
)
def test_an_arrow_never_stands_alone(kind: str, difference: float | None, expected: str) -> None:
    assert wording.change_words(kind, difference) == expected  # type: ignore[arg-type]


def test_a_metric_has_the_name_that_people_use() -> None:
    assert wording.metric_title("roc_auc") == "ROC AUC"
    assert wording.metric_title("my.own") == "my.own"


def test_importing_the_package_costs_nothing() -> None:
    heavy = ("jinja2", "rich", "pydantic", "vl_convert")
    code = f"import sys, assay.report; print(*(m for m in {heavy} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
