"""Label sanity, against scikit-learn and pandas."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from assay.errors import ConfigError, DataError
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder

from tests.unit.contract.tables import look, told

ANIMALS = pd.DataFrame(
    {
        "id": range(10),
        "legs": [4, 4, 4, 2, 2, 2, 4, 4, 8, 4],
        "label": ["cat", "cat", "dog", "emu", "emu", "emu", "cat", None, "spider", "cat"],
    }
)


def labels(bounds: str, rest: str = "label: label, key: id") -> str:
    return f"{{{rest}, labels: {{{bounds}}}}}"


def test_a_class_that_is_not_expected() -> None:
    found = look(ANIMALS, labels("classes: [cat, dog, emu], missing: 1"))
    (failure,) = found.failures
    assert failure.check == "label_classes(['cat', 'dog', 'emu'])"
    assert (failure.column, failure.count, failure.share) == ("label", 1, 0.1)
    assert failure.examples == ("row 8: 'spider'",)
    assert found.positions == ((8,),)


def test_a_class_that_vanished() -> None:
    found = look(ANIMALS, labels("classes: [cat, dog, emu, spider, gnu], missing: 1"))
    assert [one.examples for one in found.failures] == [("'gnu': no row",)]


@pytest.mark.parametrize(
    ("bounds", "broken"),
    [
        ("min_share: 0.2", {"'dog': 1 rows (11.11 %)", "'spider': 1 rows (11.11 %)"}),
        ("min_share: 0.1111", set()),
        ("max_share: 0.4", {"'cat': 4 rows (44.44 %)"}),
        ("min_rows: 3", {"'dog': 1 rows (11.11 %)", "'spider': 1 rows (11.11 %)"}),
        ("min_rows: 1", set()),
    ],
)
def test_a_class_that_is_too_rare_or_too_frequent(bounds: str, broken: set[str]) -> None:
    found = look(ANIMALS, labels(f"{bounds}, missing: 0.1"))
    assert {one.examples[0] for one in found.failures} == broken
    assert found.warnings == ()


def test_labels_that_are_missing() -> None:
    found = look(ANIMALS, labels("{}".strip("{}")))
    assert told(found) == [("label_missing(max=0)", "label", 1)]
    assert found.positions == ((7,),)
    assert look(ANIMALS, labels("missing: 0.1")).failures == (), "exactly the share"
    named = look(ANIMALS.rename(columns={"label": "y"}), "{labels: {column: y}}")
    assert told(named) == [("label_missing(max=0)", "y", 1)]


def test_the_same_features_with_different_labels() -> None:
    found = look(ANIMALS, labels("missing: 1, conflicting: 0"))
    (failure,) = found.failures
    assert failure.check == "label_conflicts(max=0)"
    assert (failure.count, failure.share) == (5, 0.5), "cats and a dog; what has no label is out"
    assert found.positions == ((0, 1, 2, 6, 9),)
    assert look(ANIMALS, labels("missing: 1, conflicting: 0.5")).failures == ()
    assert look(ANIMALS, labels("missing: 1, conflicting: 0", "label: label")).failures == (), (
        "without a key each id is a feature"
    )
    named = labels("missing: 1, conflicting: 0, features: legs", "label: label")
    assert told(look(ANIMALS, named)) == [("label_conflicts(max=0)", "label", 5)]


def test_missing_features_are_the_same() -> None:
    data = pd.DataFrame({"x": [None, None, 1.0, 1.0], "label": [True, False, True, True]})
    found = look(data, labels("conflicting: 0", "label: label"))
    assert found.positions == ((0, 1),)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1], "[0, 1]"),
        ([0.0, 1.0], "[0, 1]"),
        ([True, False], "[true, false]"),
        (["0", "1"], '["0", "1"]'),
        (pd.Categorical(["no", "yes"]), '["no", "yes"]'),
    ],
)
def test_classes_of_every_type(values: list[object], classes: str) -> None:
    data = pd.DataFrame({"label": values})
    assert look(data, labels(f"classes: {classes}", "label: label")).failures == ()


def test_sensitive_labels_are_hidden() -> None:
    promises = labels(
        "classes: [cat, gnu], max_share: 0.4, conflicting: 0", "sensitive: label, label: label"
    )
    found = look(ANIMALS, promises)
    said = f"{[(one.check, one.examples) for one in found.failures]} {found.plan}"
    for value in ("cat", "gnu", "dog", "emu"):
        assert value not in said
    assert len(found.failures) == 4


def test_classes_of_another_type_are_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        look(ANIMALS, labels("classes: [0, 1]"))
    assert caught.value.message == (
        "`data.0.labels.classes.0` is a number or true/false, and `label` is string in"
        " data/orders.parquet."
    )
    assert caught.value.key == ("data", 0, "labels", "classes", 0)
    with pytest.raises(ConfigError, match=r"classes.0` is text, and `legs` is int64"):
        look(ANIMALS, labels("column: legs, classes: ['4']"))


def test_a_label_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"`data.0.label` names the column `lable`"):
        look(ANIMALS, labels("missing: 0", "label: lable"))
    with pytest.raises(ConfigError, match=r"`data.0.labels.column` names the column `lable`"):
        look(ANIMALS, labels("column: lable"))
    with pytest.raises(ConfigError, match=r"`data.0.labels.features` names the column `wings`"):
        look(ANIMALS, labels("conflicting: 0, features: wings"))


def test_a_number_to_predict_has_no_classes() -> None:
    data = pd.DataFrame({"label": np.arange(1001) / 3})
    with pytest.raises(DataError, match=r"`label` has more than 1,000 different values"):
        look(data, labels("min_rows: 1", "label: label"))
    assert look(data, labels("missing: 0", "label: label")).failures == ()


def test_no_label_at_all() -> None:
    data = pd.DataFrame({"label": pd.array([None, None], dtype="string")})
    found = look(data, labels("missing: 1, min_rows: 1", "label: label"))
    assert [one.examples for one in found.failures] == [("no row has a label",)]


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.sampled_from([None, *"abcd"]), st.sampled_from([None, 0.5, 1.5])),
        min_size=1,
        max_size=60,
    )
)
def test_counts_are_those_of_the_libraries(rows: list[tuple[str | None, float | None]]) -> None:
    data = pd.DataFrame(rows, columns=["label", "x"]).astype({"label": "string", "x": "float64"})
    present = data.dropna(subset="label")
    promises = labels("classes: [a, b], min_rows: 3, conflicting: 0", "label: label")
    found = {
        (one.check, one.examples[0].partition(":")[0] if one.count == 1 else ""): one.count
        for one in look(data, promises).failures
    }
    counted: Counter[str] = Counter()
    if len(present):
        encoder = LabelEncoder().fit(present["label"].to_numpy(dtype=object))
        codes = encoder.transform(present["label"].to_numpy(dtype=object))
        counted.update(dict(zip(encoder.classes_, np.bincount(codes).tolist(), strict=True)))
    by_check: Counter[str] = Counter()
    for (check, _), count in found.items():
        by_check[check] += count
    unexpected = sum(rows for name, rows in counted.items() if name in "cd")
    absent = sum(name not in counted for name in "ab")
    assert by_check["label_missing(max=0)"] == len(data) - len(present)
    assert by_check["label_classes(['a', 'b'])"] == unexpected + absent
    assert by_check["label_rows(min=3)"] == sum(0 < counted[name] < 3 for name in "ab")
    several = present.groupby("x", dropna=False)["label"].transform("nunique") > 1
    assert by_check["label_conflicts(max=0)"] == int(several.sum())
