"""Seeds: the number in a parameters file, and intervals that cover what a seed does."""

from __future__ import annotations

import json
import math
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from assay import paramsfile, seeds
from assay.errors import ConfigError, DataError
from assay.evaluation import Found
from assay.evidence import Evidence
from assay.seeds import widen
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.builders import make_context, write

if TYPE_CHECKING:
    from pathlib import Path

# --- the parameter ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("param", "place"),
    [
        ("seed", ("params.yaml", "seed")),
        ("train.seed", ("params.yaml", "train.seed")),
        ("conf/a.json:seed", ("conf/a.json", "seed")),
        ("./conf/../p.toml:a.b", ("p.toml", "a.b")),
    ],
)
def test_where_a_parameter_stands(param: str, place: tuple[str, str]) -> None:
    assert paramsfile.located(param) == place


YAML = """\
# how to train 🚂
base: &base
  lr: 1e-3   # small
train:
  <<: *base
  seed: &seed 42   # lucky
  text: "seed: 42"
  layers: [ 1,2 ]
split: {seed: *seed, share: .2}
"""


def test_yaml_keeps_all_that_is_around_the_number() -> None:
    assert paramsfile.number(YAML, file="p.yaml", key="train.seed") == 42
    changed = paramsfile.replaced(YAML, file="p.yaml", key="train.seed", value=-1043)
    assert changed == YAML.replace("&seed 42", "&seed -1043")
    assert yaml.safe_load(changed)["split"]["seed"] == -1043, "an alias is the same number"


@pytest.mark.parametrize("text", ["seed: 7", "{seed: 7}", "a: 1\r\nseed: 7\r\n", "'seed': 7 #7"])
def test_yaml_in_other_spellings(text: str) -> None:
    changed = paramsfile.replaced(text, file="p.yml", key="seed", value=800)
    assert changed.replace("800", "7", 1) == text
    assert yaml.safe_load(changed)["seed"] == 800


def test_json_and_toml_keep_all_else() -> None:
    document = {"b": [1.5, None, "ü"], "a": {"seed": 2**40, "seeds": 1}, "z": True}
    text = json.dumps(document)
    assert paramsfile.number(text, file="p.json", key="a.seed") == 2**40
    changed = json.loads(paramsfile.replaced(text, file="p.json", key="a.seed", value=3))
    assert changed == {**document, "a": {"seed": 3, "seeds": 1}}
    assert list(changed) == ["b", "a", "z"]

    toml = '# all\n[train]\nseed = 0x2A # lucky\nname = "x"\n'
    assert paramsfile.number(toml, file="p.toml", key="train.seed") == 42
    changed_toml = paramsfile.replaced(toml, file="p.toml", key="train.seed", value=43)
    assert changed_toml.startswith("# all\n[train]\nseed = 43")
    assert tomllib.loads(changed_toml) == {"train": {"seed": 43, "name": "x"}}


_names = st.text("abcdefg_", min_size=1, max_size=4)
_values = st.recursive(
    st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    given_=st.dictionaries(_names, _values, max_size=4),
    flow=st.sampled_from([True, False, None]),
    value=st.integers(-(2**70), 2**70),
)
def test_only_the_number_changes(given_: dict[str, object], flow: bool | None, value: int) -> None:
    document = {**given_, "train": {"x": given_, "seed": 1}}
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True)
    # As it is read, for PyYAML does not read back every text that it writes.
    expected = yaml.safe_load(text)
    expected["train"]["seed"] = value
    changed = paramsfile.replaced(text, file="p.yaml", key="train.seed", value=value)
    assert yaml.safe_load(changed) == expected


NO_NUMBER = {
    "another": ("train: {sed: 1}", "train.seed", "no parameter `train.seed`", "`train.sed`"),
    "elsewhere": ("model: {seed: 1}", "train.seed", "no parameter", "`model.seed`"),
    "far": ("a: 1", "train.seed", "no parameter `train.seed` in p.yaml", "Write it as"),
    "text": ("seed: '1'", "seed", "`seed` in p.yaml is '1'; a seed is a whole number", "Name"),
    "fraction": ("seed: 1.5", "seed", "is 1.5;", "Name"),
    "true": ("seed: true", "seed", "is True;", "Name"),
    "nothing": ("seed:", "seed", "is None;", "Name"),
    "list": ("seed: [1, 2]", "seed", "is [1, 2];", "Name"),
    "a mapping": ("seed: {a: 1}", "seed", "no parameter `seed`", ""),
}


@pytest.mark.parametrize(("text", "key", "said", "hint"), NO_NUMBER.values(), ids=NO_NUMBER)
def test_what_is_no_seed(text: str, key: str, said: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        paramsfile.number(text, file="p.yaml", key=key)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.key == ("seeds", "param")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("p.yaml", "seed: 0x2A"),
        ("p.yaml", "seed: 4_2"),
        ("p.yaml", "seed: !!int '42'"),
        ("p.yaml", "a: &a {seed: 42}\n<<: *a"),
        ("p.yaml", "{a.seed: 42, seed: &x [1]}"),
        ("p.json", '{"a.seed": 42}'),
        ("p.toml", '"a.seed" = 42'),
    ],
)
def test_numbers_that_cannot_be_replaced(file: str, text: str) -> None:
    key = "a.seed" if "a.seed" in text else "seed"
    assert paramsfile.number(text, file=file, key=key) == 42
    with pytest.raises(ConfigError, match="cannot be changed as it is written there"):
        paramsfile.replaced(text, file=file, key=key, value=43)


def test_files_that_cannot_be_read() -> None:
    for file, text in (("p.yaml", "a: [1"), ("p.json", "{"), ("p.toml", "="), ("p.yaml", "")):
        with pytest.raises(DataError, match=r"p\.\w+ (cannot be read|is not valid|is empty)"):
            paramsfile.number(text, file=file, key="seed")
    with pytest.raises(ConfigError, match=r"names params\.py, which is no YAML, JSON or TOML"):
        paramsfile.number("seed = 1", file="params.py", key="seed")


PROBLEMS = {
    "nothing.seed": "There is no parameter `nothing.seed` in params.yaml.",
    "other.yaml:seed": "There is no parameters file other.yaml.",
    "../up.yaml:seed": "`seeds.param` names ../up.yaml, which is not inside of the project.",
    "/etc/p.yaml:seed": "`seeds.param` names /etc/p.yaml, which is not inside of the project.",
    "latin.yaml:seed": "latin.yaml cannot be read: it is not UTF-8.",
    "folder.yaml:seed": "folder.yaml cannot be read: Is a directory.",
}


@pytest.mark.parametrize(("param", "said"), PROBLEMS.items(), ids=PROBLEMS)
def test_a_parameter_that_is_not_there_is_a_problem(tmp_path: Path, param: str, said: str) -> None:
    """Found before anything is copied or trained: here is no repository at all."""
    write(tmp_path, {"params.yaml": "train: {seed: 1}", "latin.yaml": b"seed: 1 # \xe9"})
    (tmp_path / "folder.yaml").mkdir()
    context = make_context(tmp_path, f"seeds: {{param: {param!r}, repeats: 2}}")
    noise = seeds.repeat(context, Found())
    (problem,) = noise.problems
    assert problem.message == said
    assert problem.severity == "error"
    assert noise.seeds == ()
    assert noise.values == noise.standard_deviation == {}


# --- the interval -------------------------------------------------------------------------------


def _evidence(difference: float = 0.03, error: float = 0.01, **more: object) -> Evidence:
    """As the rows alone give it, by Student's t of 500 rows."""
    t = stats.t(499, scale=error)
    facts: dict[str, object] = {
        "metric": "f1",
        "base": 0.8,
        "head": 0.8 + difference,
        "low": difference - t.ppf(0.975),
        "high": difference + t.ppf(0.975),
        "confidence": 0.95,
        "standard_error": error,
        "p_value": float(2 * t.sf(abs(difference))),
        "method": "linearized",
        "units": 500,
        "tails": [
            {"null": null, "p_less": t.cdf(difference - null), "p_greater": t.sf(difference - null)}
            for null in (0.0, -0.01)
        ],
    }
    return Evidence.model_validate({**facts, **more})


def test_squares_of_the_two_half_widths_add_and_the_seeds_is_counted_twice() -> None:
    found = widen(_evidence(), noise_sd=0.01, repeats=5)

    rows = stats.t.ppf(0.975, 499) * 0.01
    of_seeds = stats.t.ppf(0.975, 4) * 0.01 * math.sqrt(2)
    assert found.low == pytest.approx(0.03 - math.sqrt(rows**2 + of_seeds**2))
    assert found.high == pytest.approx(0.03 + math.sqrt(rows**2 + of_seeds**2))
    assert found.standard_error == pytest.approx(math.sqrt(0.01**2 + 2 * 0.01**2))
    unchanged = {"metric", "base", "head", "confidence", "method", "units"}
    assert found.model_dump(include=unchanged) == _evidence().model_dump(include=unchanged)


def test_p_values_are_the_interval_turned_round() -> None:
    for confidence in (0.8, 0.95, 0.999):
        first = widen(_evidence(confidence=confidence), noise_sd=0.008, repeats=4)
        ends = [{"null": end, "p_less": 1, "p_greater": 1} for end in (first.low, first.high)]
        found = widen(_evidence(confidence=confidence, tails=ends), noise_sd=0.008, repeats=4)
        low, high = found.tails
        assert low.p_greater == pytest.approx((1 - confidence) / 2)
        assert high.p_less == pytest.approx((1 - confidence) / 2)
        assert low.p_less == pytest.approx(1 - low.p_greater)
    at_zero = widen(_evidence(0.0), noise_sd=0.008, repeats=4)
    assert at_zero.p_value == 1
    assert at_zero.tails[0].p_less == at_zero.tails[0].p_greater == 0.5


def test_one_error_alone_is_its_own_t() -> None:
    assert widen(_evidence(), noise_sd=0.0, repeats=5) == _evidence()
    hardly = widen(_evidence(), noise_sd=1e-9, repeats=5)
    assert (hardly.low, hardly.high) == pytest.approx((_evidence().low, _evidence().high))
    assert hardly.p_value == pytest.approx(_evidence().p_value, rel=1e-4)
    for tail, alone in zip(hardly.tails, _evidence().tails, strict=True):
        assert tail.p_greater == pytest.approx(alone.p_greater, rel=1e-4)
    seeds_alone = widen(_evidence(error=1e-12), noise_sd=0.01, repeats=4)
    t = stats.t(3, scale=0.01 * math.sqrt(2))
    assert seeds_alone.high - 0.03 == pytest.approx(t.ppf(0.975))
    assert seeds_alone.p_value == pytest.approx(2 * t.sf(0.03))
    certain = widen(_evidence(standard_error=0.0, low=0.03, high=0.03), 0.01, 4)
    assert certain.p_value == pytest.approx(2 * t.sf(0.03))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    difference=st.floats(-1, 1),
    error=st.floats(1e-6, 1),
    noise=st.floats(0, 1),
    repeats=st.integers(2, 50),
)
def test_never_surer_than_the_rows_alone(
    difference: float, error: float, noise: float, repeats: int
) -> None:
    rows = _evidence(difference, error)
    found, fewer = widen(rows, noise, repeats), widen(rows, noise, 2)
    assert fewer.low - 1e-12 <= found.low <= rows.low + 1e-12
    assert fewer.high + 1e-12 >= found.high >= rows.high - 1e-12
    assert 1 >= fewer.p_value >= found.p_value - 1e-9 >= rows.p_value - 2e-9
    assert all(0 <= p <= 1 for tail in found.tails for p in (tail.p_less, tail.p_greater))


@pytest.mark.parametrize("repeats", [2, 5, 10])
@pytest.mark.parametrize("share", [0.2, 1.0, 4.0])
def test_coverage_with_seed_noise(repeats: int, share: float) -> None:
    """Two equal models, each trained once: rows and seeds move the difference that is seen."""
    random = np.random.default_rng(repeats * 100 + int(share * 10))
    runs, covered, alone = 1500, 0, 0
    template = _evidence(0.0, 1.0, tails=[])
    half = template.high
    for _ in range(runs):
        head, base = random.normal(0, share, 2)
        seen = head - base + random.normal(0, 1)
        noise = float(np.std(random.normal(0, share, repeats), ddof=1))
        rows = template.model_copy(update={"base": 0.0, "head": seen})
        found = widen(rows, noise, repeats)
        covered += found.low <= 0 <= found.high
        alone += abs(seen) <= half
        assert (found.p_value > 0.05) == (found.low <= 0 <= found.high)
    assert 0.94 <= covered / runs <= (0.97 if repeats >= 5 else 0.99)
    if share >= 1:
        assert alone / runs < 0.8, "what one would claim without seeds"
