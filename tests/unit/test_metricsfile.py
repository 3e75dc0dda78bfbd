"""Metrics and parameter files in the formats that DVC reads."""

from __future__ import annotations

import json

import pytest
from assay import metricsfile
from assay.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

SAME = {
    "m.json": b'{"train": {"f1": 0.5, "n": 3}, "note": "x", "ok": true, "roc": [1, 2], "no": null}',
    "m.yaml": b"train:\n  f1: 0.5\n  n: 3\nnote: x\nok: true\nroc: [1, 2]\nno:\n",
    "m.toml": b'note = "x"\nok = true\nroc = [1, 2]\n[train]\nf1 = 0.5\nn = 3\n',
}


@pytest.mark.parametrize(("file", "text"), SAME.items(), ids=SAME)
def test_numbers_by_dotted_name(file: str, text: bytes) -> None:
    assert metricsfile.numbers(text, file=file) == {"train.f1": 0.5, "train.n": 3.0}


def test_leaves_keep_everything() -> None:
    assert metricsfile.leaves(SAME["m.json"], file="m.json") == {
        "train.f1": 0.5,
        "train.n": 3,
        "note": "x",
        "ok": True,
        "roc": [1, 2],
        "no": None,
    }


@pytest.mark.parametrize(
    ("file", "text", "message", "line"),
    [
        ("m.json", b"", "m.json is empty.", None),
        ("m.json", b" \n", "m.json is empty.", None),
        ("m.json", b'{"f1": 0.5', "m.json is not valid JSON: Expecting ',' delimiter.", 1),
        ("m.json", b'{\n"f1": 0,5}', "m.json is not valid JSON: Expecting property name", 2),
        ("m.json", b"[0.5]", "m.json holds no names with values.", None),
        ("m.json", b"0.5", "m.json holds no names with values.", None),
        ("m.json", b'{"f1": NaN}', "The metric `f1` in m.json is nan, not a number.", None),
        ("m.json", b'{"a": {"f1": -Infinity}}', "The metric `a.f1` in m.json is -inf, not", None),
        ("m.json", b'{"f1": 1e999}', "The metric `f1` in m.json is inf, not a number.", None),
        ("m.json", b"{\xe9\x28}", "m.json cannot be read: ", None),
        ("m.yaml", b"f1: .nan", "The metric `f1` in m.yaml is nan, not a number.", None),
        ("m.yaml", b"a:\n\tb: 1", "m.yaml cannot be read: This is not valid YAML", 2),
        ("m.yaml", b"f1: \xff", "m.yaml cannot be read: ", None),
        ("m.toml", b"f1 = ", "m.toml cannot be read: Invalid value", None),
        ("a\nb.json", b"", r"a\nb.json is empty.", None),
        (
            "m.json",
            b'{"n": ' + b"1" * 5000 + b"}",
            "m.json cannot be read: Exceeds the limit",
            None,
        ),
        ("m.json", b"[" * 100_000, "m.json cannot be read: ", None),
        ("m.json", b'{"a":' * 3000 + b"1" + b"}" * 3000, "m.json ", None),
    ],
)
def test_what_cannot_be_a_metric(file: str, text: bytes, message: str, line: int | None) -> None:
    with pytest.raises(DataError) as caught:
        metricsfile.numbers(text, file=file)
    assert caught.value.message.startswith(message)
    assert (caught.value.file, caught.value.line) == (file, line)
    assert caught.value.exit_code == 2
    assert caught.value.hint


_NAMES = st.text(st.characters(blacklist_characters=".", blacklist_categories=["Cs"]), min_size=1)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)


@settings(deadline=None, derandomize=True)
@given(st.dictionaries(_NAMES, st.dictionaries(_NAMES, _NUMBERS, min_size=1), min_size=1))
def test_every_number_is_found(content: dict[str, dict[str, float]]) -> None:
    found = metricsfile.numbers(json.dumps(content).encode(), file="m.json")
    expected = {f"{a}.{b}": value for a, inner in content.items() for b, value in inner.items()}
    assert found == expected


def test_a_number_too_large_for_a_float() -> None:
    text = b'{"n": 1' + b"0" * 400 + b"}"
    with pytest.raises(DataError, match=r"`n` in m\.json is too large"):
        metricsfile.numbers(text, file="m.json")
