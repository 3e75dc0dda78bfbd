"""Metrics files that use one name: told apart by file, at head and base alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from assay import config, evaluation
from assay.workspace.dvcfiles import DvcFiles

from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path

    from assay.evaluation import Found

Files = dict[str, dict[str, float]]


def _read(root: Path, files: Files, text: str = "", *, like: Found | None = None) -> Found:
    write(root, {name: json.dumps(content) for name, content in files.items()})
    declared = DvcFiles(metrics=tuple(files))
    return evaluation.read(root, declared, config.parse(text), like=like)


def _names(found: Found) -> dict[str, float]:
    return {name: value for name, (value, _) in found.numbers.items()}


CASES: dict[str, tuple[Files, Files, set[str], set[str]]] = {
    "one file each": ({"a": {"f": 1}}, {"a": {"f": 1}}, {"f"}, {"f"}),
    "another file": ({"a": {"f": 1}}, {"z": {"f": 1}}, {"f"}, {"f"}),
    "both have two": (
        {"a": {"f": 1, "g": 1}, "b": {"f": 2}},
        {"b": {"f": 2}, "a": {"f": 1, "g": 1}},
        {"a:f", "b:f", "g"},
        {"a:f", "b:f", "g"},
    ),
    "head has two": ({"a": {"f": 1}, "b": {"f": 2}}, {"b": {"f": 2}}, {"a:f", "b:f"}, {"b:f"}),
    "base has two": ({"b": {"f": 2}}, {"a": {"f": 1}, "b": {"f": 2}}, {"f"}, {"a:f", "f"}),
    "base has two others": (
        {"z": {"f": 2}},
        {"a": {"f": 1}, "b": {"f": 2}},
        {"f"},
        {"a:f", "b:f"},
    ),
}


@pytest.mark.parametrize(("head", "base", "at_head", "at_base"), CASES.values(), ids=CASES)
def test_one_name_in_several_files(
    tmp_path: Path, head: Files, base: Files, at_head: set[str], at_base: set[str]
) -> None:
    now = _read(tmp_path / "head", head)
    before = _read(tmp_path / "base", base, like=now)
    assert set(_names(now)) == at_head
    assert set(_names(before)) == at_base
    assert now.problems == before.problems == []
    if "f" in _names(before):
        assert _names(before)["f"] == 2 or len(base) == 1, "that of the file that head has"


TWO: Files = {"a.json": {"f1": 1, "cost": 2}, "b.json": {"f1": 0, "cost": 3}}


def test_a_name_that_could_be_either_is_an_error(tmp_path: Path) -> None:
    found = _read(tmp_path, TWO, "metrics: {cost: {max: 5, direction: lower}, f1: , other: }")
    messages = [problem.message for problem in found.problems]
    assert messages == [
        "`cost` stands in 2 metrics files, so it is not clear which is meant.",
        "`f1` stands in 2 metrics files, so it is not clear which is meant.",
    ]
    assert found.problems[0].hint == "Name one of them: `a.json:cost`, `b.json:cost`."
    assert found.problems[0].key == ("metrics", "cost")


def test_a_name_that_says_which_is_none(tmp_path: Path) -> None:
    text = 'metrics: {"b.json:cost": {max: 5, direction: lower}}'
    found = _read(tmp_path, TWO, text)
    assert found.problems == []
    gated = evaluation.evaluate(found, config.parse(text))
    assert gated.value("b.json:cost") == 3


def test_what_is_recomputed_is_not_meant_from_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"p.csv": "y_true,y\n0,0\n1,1\n1,0\n"})
    text = "predictions: {path: p.csv, prediction: y}\nmetrics: {f1: , cost: {direction: lower}}"
    found = _read(tmp_path, TWO, text)
    assert [problem.key for problem in found.problems] == [("metrics", "cost")]
    assert evaluation.evaluate(found, config.parse(text)).value("f1") == pytest.approx(2 / 3)


def test_a_function_of_the_users_own_is_not_meant_from_a_file(tmp_path: Path) -> None:
    text = "metrics: {cost: {function: 'm.py:cost', direction: lower}}"
    text += "\npredictions: {path: p.csv, prediction: y}"
    write(tmp_path, {"p.csv": "y_true,y\n0,0\n1,1\n"})
    assert _read(tmp_path, TWO, text).problems == []
