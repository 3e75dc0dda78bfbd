"""YAML with lines, and YAML that means harm."""

from __future__ import annotations

import contextlib

import pytest
from assay import yamlfile
from assay.errors import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st


def test_every_key_has_its_line() -> None:
    text = "a: 1\nb:\n  - x\n  - y:\n      z: 2\n"
    document = yamlfile.load_document(text, file="f.yaml")
    assert document.value == {"a": 1, "b": ["x", {"y": {"z": 2}}]}
    assert document.line(("a",)) == 1
    assert document.line(("b", 1, "y", "z")) == 5
    assert document.line(("b", 1, "nowhere")) == 4, "the nearest that there is"
    assert document.line(("nowhere",)) is None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [", 2, "This is not valid YAML: did not find expected node content."),
        ("a: b: c", 1, "This is not valid YAML: mapping values are not allowed in this context."),
        ("a:\n\tb: 1", 2, "This is not valid YAML: found character that cannot start any token."),
        ("? [a]\n: 1", 1, "This is not valid YAML: found unhashable key."),
        ("a: 1\na: 2", 2, "`a` is written twice (first on line 1)."),
        ("x: 1\n<<<<<<< HEAD\na: 1\n", 2, "A merge conflict in this file has not been resolved."),
        ("[" * 100_000, None, "This file is nested too deeply to be read."),
        ("a: !!python/object/apply:os.system [x]", 1, "This is not valid YAML: could not"),
    ],
)
def test_what_cannot_be_read(text: str, line: int | None, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        yamlfile.load_document(text, file="f.yaml")
    assert caught.value.message.startswith(message)
    assert caught.value.line == line
    assert caught.value.file == "f.yaml"


def test_load_explains_in_the_same_way() -> None:
    with pytest.raises(ConfigError, match="merge conflict"):
        yamlfile.load("<<<<<<< HEAD\na: 1\n=======\n", file="dvc.lock")
    with pytest.raises(ConfigError, match="nested too deeply"):
        yamlfile.load("- " * 100_000, file="dvc.lock")


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "stand for more than 1,000,000 values"),
        (MERGED, "stand for more than 1,000,000 values"),
        ("a: &a [*a]", "stands inside of what it stands for"),
    ],
)
def test_small_files_that_stand_for_a_lot(text: str, message: str) -> None:
    for load in (yamlfile.load, yamlfile.load_document):
        with pytest.raises(ConfigError, match=message):
            load(text, file="f")


def test_nesting_without_brackets() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        yamlfile.load_document("".join(f"{' ' * n}a:\n" for n in range(3000)), file="f")


def test_aliases_have_the_lines_of_their_anchors() -> None:
    document = yamlfile.load_document("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n", file="f")
    assert document.value == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}
    assert document.line(("b", "x")) == 2


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_any_text_is_read_or_explained(text: str) -> None:
    with contextlib.suppress(ConfigError):
        yamlfile.load_document(text, file="f.yaml")
