"""assay.yaml: what it may hold, and what each mistake is answered with."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from assay import config
from assay.config import Column, Config, Cross, Where
from assay.errors import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

TOP = (
    "`data`, `tests`, `train`, `metrics`, `predictions`, `fairness`, `statistics`, `seeds`, "
    "`model`, `package`, `release`, `report`, `environments`, `monitor`, `retrain`"
)
RULES = (
    "`min`, `max`, `max_regression`, `max_relative_regression`, `no_significant_regression`, "
    "`non_inferior`, `severity`"
)
BOUNDS = (
    f"{RULES}, `direction`, `function`, `min_improvement`, `min_relative_improvement`, `superior`, "
    "`slices`"
)
FORMS = (
    "a column's name; `column` with `bins` or `quantiles`; `name` and `where`, for an expression; "
    "or `cross`, for several columns"
)
SLICES = "predictions: {path: p, prediction: y, slices: %s}"
FAIR = "predictions: {path: p, prediction: y}\nfairness: [{column: sex, measure: %s}]"

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
        (
            "Did you mean `sensitive`? Allowed here: `path`, `schema`, `sensitive`, `key`, "
            "`label`, `disjoint_from`, `disjoint_on`, `max_shared`, `engine`, `connection`, "
            "`table`, `remote`, `references`, `fresh`, `rows`, `labels`, `expect`."
        ),
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
    "package: {name: my model}": (
        1,
        "`package.name` is 'my model' (text).",
        (
            "It should be a name that a tag of a version can hold: letters, digits, `-`, `_` and "
            "`/`, with a letter or a digit at both ends."
        ),
    ),
    "release: {checked_by: Check}": (
        1,
        "`release.checked_by` is 'Check' (text).",
        "It should be the name of a workflow's file, as `model-check.yml`.",
    ),
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
        1,
        "Unknown key `x`.",
        f"Allowed here: {TOP}. Also wrong: line 2: Unknown key `y`; line 3: `train` is 'z'.",
    ),
    "a: 1\nb: 2\nc: 3\ntrain: z\ne: 5\nf: 6\ng: 7": (
        1,
        "Unknown key `a`.",
        (
            f"Allowed here: {TOP}. Also wrong: line 2: Unknown key `b`; line 3: Unknown key `c`; "
            "line 4: `train` is 'z'; line 5: Unknown key `e`; and 2 more."
        ),
    ),
    "metrics: {f1: {min: high}}\ntests: 5\ntrain: z": (
        1,
        "`metrics.f1.min` is 'high' (text).",
        (
            "It should be a number. Also wrong: line 2: `tests` is 5 (a number); line 3: `train` "
            "is 'z'."
        ),
    ),
    SLICES % "[{column: a, bin: [1]}]": (
        1,
        "Unknown key `predictions.slices.0.bin`.",
        "Did you mean `bins`? Allowed here: `column`, `bins`, `quantiles`.",
    ),
    SLICES % "{column: a, bin: [1]}": (
        1,
        "Unknown key `predictions.slices.bin`.",
        "Did you mean `bins`? Allowed here: `column`, `bins`, `quantiles`.",
    ),
    SLICES % "[a,\n\n {colum: a}]": (
        3,
        "`predictions.slices.1` has none of `column`, `where`, `cross`.",
        f"Did you mean `column`? A slice is {FORMS}.",
    ),
    SLICES % "[{}]": (
        1,
        "`predictions.slices.0` has none of `column`, `where`, `cross`.",
        f"A slice is {FORMS}.",
    ),
    SLICES % "[5]": (
        1,
        "`predictions.slices.0` is 5 (a number).",
        f"It should be {FORMS}.",
    ),
    SLICES % "5": (1, "`predictions.slices` is 5 (a number).", "It should be a list."),
    SLICES % "[{name: old, wher: age > 60}]": (
        1,
        "Unknown key `predictions.slices.0.wher`.",
        (
            "Did you mean `where`? Allowed here: `name`, `where`. Also wrong: line 1: "
            "`predictions.slices.0.where` is required."
        ),
    ),
    SLICES % "[{where: age > 60}]": (1, "`predictions.slices.0.name` is required.", "Add it."),
    SLICES % "[{bins: [1]}]": (1, "`predictions.slices.0.column` is required.", "Add it."),
    SLICES % "[{cross: [a]}]": (
        1,
        "`predictions.slices.0.cross` is ['a'] (a list).",
        "It should be a list of at least 2.",
    ),
    SLICES % "[{cross: [a, b, c, d, e]}]": (
        1,
        "`predictions.slices.0.cross` is ['a', 'b', 'c', 'd', 'e'] (a list).",
        "It should be a list of at most 4.",
    ),
    SLICES % "[{column: a, bins: [2, 1]}]": (
        1,
        "`predictions.slices.0` has `bins` [2.0, 1.0], which do not rise.",
        None,
    ),
    SLICES % f"[{{column: a, bins: {list(range(101))}}}]": (
        1,
        "`predictions.slices.0.bins` is [0, 1, 2, 3, 4, 5, ...] (a list).",
        "It should be a list of at most 100.",
    ),
    SLICES % "[{column: a, bins: [1], quantiles: 4}]": (
        1,
        "`predictions.slices.0` has both `bins` and `quantiles`; one of them.",
        None,
    ),
    SLICES % "[{column: a, quantiles: 2.5}]": (
        1,
        "`predictions.slices.0.quantiles` is 2.5 (a number).",
        "It should be a whole number.",
    ),
    SLICES % "[{name: a, where: x > 1}, {name: a, where: x > 2}]": (
        1,
        "`predictions` has two `slices` that are called 'a'.",
        None,
    ),
    "metrics:\n  f1:\n    slices:\n      mn: 1": (
        4,
        "Unknown key `metrics.f1.slices.mn`.",
        f"Did you mean `min`? Allowed here: {RULES}.",
    ),
    "metrics: {f1: {slices: {superior: true}}}": (
        1,
        "Unknown key `metrics.f1.slices.superior`.",
        f"Allowed here: {RULES}.",
    ),
    "metrics: {f1: {severity: error}}": (
        1,
        "`metrics.f1.severity` is 'error'.",
        "Allowed: 'fail' or 'warn'.",
    ),
    "metrics: {f1: {superior: 5}}": (
        1,
        "`metrics.f1.superior` is 5 (a number).",
        "It should be true or false.",
    ),
    "metrics:\n  f1:\n    slices: {min: 1}": (
        3,
        "`metrics.f1.slices` needs `predictions.slices`.",
        "Say which: a column of the predictions file, for instance.",
    ),
    **{
        f"metrics: {{f1: {{{rule}: {value}}}}}": (
            1,
            f"`metrics.f1.{rule}` needs `predictions`.",
            "It is tested on rows, and a metrics file has a single number.",
        )
        for rule, value in (
            ("no_significant_regression", "true"),
            ("non_inferior", "0"),
            ("superior", "true"),
        )
    },
    "metrics: {mine: {function: 'm.py:mine'}}": (
        1,
        "`metrics.mine.function` needs `predictions`.",
        "It is given the rows of the predictions file.",
    ),
    "train: run\nfairness: [{column: sex, measure: equalized_odds_ratio, min: 0.8}]": (
        2,
        "`fairness` needs `predictions`.",
        "It is measured on the rows of the predictions file.",
    ),
    FAIR % "demographic_parity": (
        2,
        "`fairness.0.measure` is 'demographic_parity'.",
        (
            "Did you mean `demographic_parity_ratio`? Allowed: 'demographic_parity_difference', "
            "'demographic_parity_ratio', 'equal_opportunity_difference', "
            "'equal_opportunity_ratio', 'equalized_odds_difference' or 'equalized_odds_ratio'."
        ),
    ),
    FAIR % "equalized_odds_ratio": (2, "`fairness.0` has no bound: add `min`.", None),
    FAIR % "equalized_odds_difference, min: 1": (
        2,
        "`fairness.0` is of `equalized_odds_difference`, which is fair when it is low: use `max`.",
        None,
    ),
    "statistics: {confidenc: 0.9}": (
        1,
        "Unknown key `statistics.confidenc`.",
        "Did you mean `confidence`? Allowed here: `confidence`, `resamples`, `seed`, `search`.",
    ),
    "statistics: {confidence: 95}": (
        1,
        "`statistics.confidence` is 95 (a number).",
        "It should be less than 1.",
    ),
    "statistics: {seed: yes}": (
        1,
        "`statistics.seed` should be a number, not true/false.",
        None,
    ),
    "seeds: {param: a, repeats: 1}": (
        1,
        "`seeds.repeats` is 1 (a number).",
        "It should be greater than or equal to 2.",
    ),
    "seeds: {}": (1, "`seeds.param` is required.", "Add it."),
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
          slices:
            - season
            - {column: age, bins: [30, 60]}
            - {name: old, where: age > 60}
            - {cross: [season, holiday]}
        fairness:
          - {column: sex, measure: equalized_odds_ratio, min: 0.8}
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
    assert found.predictions.slices == (
        Column(column="season"),
        Column(column="age", bins=(30, 60)),
        Where(name="old", where="age > 60"),
        Cross(cross=("season", "holiday")),
    )
    assert Config.model_validate_json(found.model_dump_json(by_alias=True)) == found, (
        "as records do"
    )


@pytest.mark.parametrize(
    ("text", "gated"),
    [
        ("metrics: {f1: {min: 0}}", True),
        ("metrics: {f1: {superior: true}}", True),
        ("metrics: {f1: {superior: false, direction: higher, severity: warn, slices: {}}}", False),
        ("metrics: {f1: {slices: {non_inferior: 0}}}", True),
        ("fairness: {column: a, measure: equalized_odds_ratio, min: 0.8}", True),
    ],
)
def test_what_is_a_gate(text: str, gated: bool) -> None:
    text = text.replace("fairness: {", "fairness: [{").replace("0.8}", "0.8}]")
    assert config.parse(f"{SLICES % 'season'}\n{text}").has_gate is gated


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


def test_a_file_with_the_other_suffix_is_not_silently_ignored(tmp_path: Path) -> None:
    (tmp_path / "assay.yml").write_text("train: skip\n")
    with pytest.raises(ConfigError, match=r"called assay\.yml, which nothing reads") as caught:
        config.load(tmp_path)
    assert (caught.value.file, caught.value.hint) == ("assay.yml", "Rename it to assay.yaml.")
    (tmp_path / "assay.yaml").write_text("train: verify\n")
    assert config.load(tmp_path).train == "verify"
    assert config.load(tmp_path, name="assay.yml").train == "skip", "it was named"


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


_KEYS = st.sampled_from(
    [
        *("data", "metrics", "predictions", "tests", "train", "model", "path", "schema", "min"),
        *("score", "slices", "column", "bins", "where", "cross", "name", "fairness", "seeds"),
        *("statistics", "superior", "measure", "prediction"),
    ]
)
# What YAML can hold, without what only Python can.
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=10) | st.integers() | _KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)
_DOCUMENTS = st.dictionaries(_KEYS | st.text(max_size=5), _VALUES, max_size=4)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(_DOCUMENTS)
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
    for slices, fine in (
        ("season", True),
        ({"column": "season"}, True),
        (["season", {"name": "old", "where": "age > 60"}, {"cross": ["a", "b"]}], True),
        ([{"colum": "season"}], False),
        (5, False),
    ):
        document = {"predictions": {"path": "p", "prediction": "y", "slices": slices}}
        assert validator.is_valid(document) is fine
        with contextlib.nullcontext() if fine else pytest.raises(ConfigError):
            config.parse(json.dumps(document))
