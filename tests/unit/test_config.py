"""assay.yaml: what it may hold, and what each mistake is answered with."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from assay import config
from assay.config import Config
from assay.errors import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

TOP = "`data`, `tests`, `train`, `metrics`, `predictions`, `model`"
BOUNDS = "`direction`, `min`, `max`, `max_regression`"

# text -> (line, message, hint)
MISTAKES: dict[str, tuple[int | None, str, str | None]] = {
    "metric: {}": (1, "Unknown key `metric`.", f"Did you mean `metrics`? Allowed here: {TOP}."),
    "zzz: 1": (1, "Unknown key `zzz`.", f"Allowed here: {TOP}."),
    "train: run\nmetrics:\n  f1:\n    minn: 0.5": (
        4,
        "Unknown key `metrics.f1.minn`.",
        f"Did you mean `min`? Allowed here: {BOUNDS}.",
    ),
    "data:\n- path: a\n  schema: b\n  sensitve: c": (
        4,
        "Unknown key `data.0.sensitve`.",
        "Did you mean `sensitive`? Allowed here: `path`, `schema`, `sensitive`.",
    ),
    "train: fast": (1, "`train` is 'fast'.", "Allowed: 'run', 'verify' or 'skip'."),
    'train: "a\\n::error::b"': (
        1,
        r"`train` is 'a\n::error::b'.",
        "Allowed: 'run', 'verify' or 'skip'.",
    ),
    "metrics: {f1: {direction: up}}": (
        1,
        "`metrics.f1.direction` is 'up'.",
        "Allowed: 'higher' or 'lower'.",
    ),
    "data: x": (1, "`data` is 'x' (text).", "It should be a list."),
    "data: [x]": (1, "`data.0` is 'x' (text).", "It should be a mapping of keys to values."),
    "data:\n\n- path: a": (3, "`data.0.schema` is required.", "Add it."),
    "metrics: [f1]": (
        1,
        "`metrics` is ['f1'] (a list).",
        "It should be a mapping of keys to values.",
    ),
    "metrics: {f1: 0.5}": (
        1,
        "`metrics.f1` is 0.5 (a number).",
        "It should be a mapping of keys to values.",
    ),
    "metrics: {f1: {min: high}}": (
        1,
        "`metrics.f1.min` is 'high' (text).",
        "It should be a number.",
    ),
    "metrics: {f1: {min: yes}}": (
        1,
        "`metrics.f1.min` should be a number, not true/false.",
        None,
    ),
    "metrics: {f1: {min: .nan}}": (
        1,
        "`metrics.f1.min` is nan (a number).",
        "It should be a finite number.",
    ),
    "metrics: {f1: {max_regression: -1}}": (
        1,
        "`metrics.f1.max_regression` is -1 (a number).",
        "It should be greater than or equal to 0.",
    ),
    "metrics: {f1: {min: 0.9, max: 0.5}}": (
        1,
        "`metrics.f1` `min` (0.9) is above `max` (0.5); nothing could pass.",
        None,
    ),
    "metrics: {1: {min: 1}}": (1, "A key is 1 (a number).", "Keys are text: quote it."),
    "true: 1": (None, "A key is True (true/false).", "Keys are text: quote it."),
    "tests: 5": (1, "`tests` is 5 (a number).", "It should be a list."),
    "tests: [5]": (1, "`tests.0` is 5 (a number).", "It should be text."),
    "model: [a]": (1, "`model` is ['a'] (a list).", "It should be text."),
    'model: ""': (1, "`model` is '' (text).", "It should be a name or a path."),
    "model: /etc/passwd": (
        1,
        "`model` is '/etc/passwd', which is not inside of the project.",
        None,
    ),
    "predictions: {path: a/../../b, score: s}": (
        1,
        "`predictions.path` is 'a/../../b', which is not inside of the project.",
        None,
    ),
    "predictions: 5": (
        1,
        "`predictions` is 5 (a number).",
        "It should be a mapping of keys to values.",
    ),
    "predictions: {path: p}": (
        1,
        "`predictions` needs `prediction` or `score` (the name of a column), or both.",
        None,
    ),
    "predictions: {path: p, score: [a]}": (
        1,
        "`predictions.score` is ['a'] (a list).",
        "It should be the name of a column, or a mapping of each class to its column.",
    ),
    "predictions: {path: p, prediction: x, positive: [1]}": (
        1,
        "`predictions.positive` is [1] (a list).",
        "It should be a single value: text, a number, or true/false.",
    ),
    "x: 1\ny: 2\ntrain: z": (
        3,
        "`train` is 'z'. (2 more problems in this file.)",
        "Allowed: 'run', 'verify' or 'skip'.",
    ),
    "- a": (1, "The top level must be keys and values, not a list.", f"Allowed keys: {TOP}."),
    "train: run\ntrain: skip": (
        2,
        "`train` is written twice (first on line 1).",
        "Remove one of the two.",
    ),
    "a\u202eb: 1": (1, r"Unknown key `a\u202eb`.", f"Allowed here: {TOP}."),
    '"a\\nb": 1': (1, r"Unknown key `a\nb`.", f"Allowed here: {TOP}."),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_named(text: str, expected: tuple[int | None, str, str | None]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    error = caught.value
    assert (error.line, error.message, error.hint) == expected
    assert error.file == "assay.yaml"
    assert error.exit_code == 2


def test_everything_that_it_may_hold() -> None:
    found = config.parse(
        """
        data:
          - path: data/*.csv
            schema: schema.py:Schema
            sensitive: name
        tests: tests/unit
        train: verify
        metrics:
          f1: {min: 0.5, max: 0.9, max_regression: 0.01}
          shown:
        predictions:
          path: ./out//predictions.csv
          score: {0: p_zero, 1: p_one}
          positive: 1
          key: [day, hour]
        model: ./model.onnx
        """
    )
    assert found.data[0].sensitive == ("name",)
    assert found.tests == ("tests/unit",)
    assert found.has_gate
    assert not found.metrics["shown"].gated
    assert found.predictions is not None
    assert found.predictions.path == "out/predictions.csv", "as dvc.lock spells it"
    assert found.predictions.score == {"0": "p_zero", "1": "p_one"}
    assert found.predictions.positive == 1
    assert found.predictions.truth == "y_true"
    assert found.model == "model.onnx"


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "predictions:\n"])
def test_nothing_is_fine(text: str) -> None:
    assert config.parse(text) == Config()
    assert not Config().has_gate


def test_a_file_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert config.load(tmp_path) == Config()


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"other\.yaml does not exist") as caught:
        config.load(tmp_path, name="other.yaml")
    assert caught.value.hint == "Check `--config`."


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "assay.yaml").write_bytes(b"train: \xff\n")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        config.load(tmp_path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "assay.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path)


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "assay.yaml").write_bytes(b"\xef\xbb\xbftrain: skip\n")
    assert config.load(tmp_path).train == "skip"


# What YAML can hold, without what only Python can.
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=10) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["data", "metrics", "predictions", "tests", "train", "model", "path", "schema", "min", "score"]
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.dictionaries(_KEYS | st.text(max_size=5), _VALUES, max_size=4))
def test_whatever_stands_there_is_understood_or_explained(content: dict[str, object]) -> None:
    import yaml

    text = yaml.safe_dump(content, allow_unicode=True)
    with contextlib.suppress(ConfigError):
        config.parse(text)


def test_the_schema_for_editors_agrees_with_the_parser() -> None:
    import jsonschema

    schema = json.loads(config.json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"metrics": {"f1": {"min": 0.5}}, "tests": "tests"})
    assert not validator.is_valid({"metrics": {"f1": {"max_regression": -1}}})
    assert not validator.is_valid({"metric": {}})
    assert not validator.is_valid({"train": "fast"})
