"""Reading JUnit XML that may have been written by anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay import junit
from assay.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str | bytes) -> junit.Suite:
    file = folder / "junit.xml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return junit.read(file, junit.Places(project=folder, rootdir=folder))


def case(body: str = "", **attributes: str) -> str:
    given = {"classname": "tests.test_a", "name": "test_x", **attributes}
    listed = " ".join(f'{key}="{value}"' for key, value in given.items())
    return f"<testsuites><testsuite><testcase {listed}>{body}</testcase></testsuite></testsuites>"


def test_read_counts_of_each_kind(tmp_path):
    kinds = ("", "<skipped/>", "<failure/>", "<error/>")
    text = "<s>" + "".join(case(kind) for kind in kinds) + "</s>"
    counts = read(tmp_path, text).counts
    assert dict(counts) == {"passed": 1, "skipped": 1, "failed": 1, "error": 1}


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"file": "tests/test_a.py"}, "tests/test_a.py::test_x"),
        ({"file": "tests\\test_a.py"}, "tests\\test_a.py::test_x"),
        (
            {"file": "tests/test_a.py", "classname": "tests.test_a.TestA.TestB"},
            "tests/test_a.py::TestA::TestB::test_x",
        ),
        ({"classname": ""}, "test_x"),
        ({}, "tests.test_a::test_x"),
    ],
)
def test_read_node_ids(tmp_path, attributes, name):
    assert read(tmp_path, case("<failure/>", **attributes)).failures[0].name == name


def test_read_places_never_leave_the_project(tmp_path):
    for file in ("/etc/passwd", "../../etc/passwd", "x" * 5000, "nope.py"):
        text = case(f'<failure message="m">{file}:3: Error</failure>', file=file, line="2")
        failure = read(tmp_path, text).failures[0]
        assert (failure.file, failure.line) == (None, None)


def test_read_line_that_is_no_number(tmp_path):
    (tmp_path / "a.py").touch()
    for line in ("", "x", "-1", "²"):
        failure = read(tmp_path, case("<failure/>", file="a.py", line=line)).failures[0]
        assert (failure.file, failure.line) == ("a.py", None)


def test_read_long_texts_are_cut(tmp_path):
    text = case(f'<failure message="{"m" * 9999}">{"t" * 9999}</failure>', name="n" * 9999)
    failure = read(tmp_path, text).failures[0]
    sizes = (len(failure.message), len(failure.details), len(failure.name))
    assert sizes == (junit.MESSAGE, junit.DETAILS, junit.NAME)


BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>
<testsuites><testcase name="&lol2;"/></testsuites>"""
EXTERNAL = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuites>&x;</testsuites>"""

BAD = {
    "bomb": (BOMB, "hold a DTD"),
    "external entity": (EXTERNAL, "hold a DTD"),
    "bomb in another encoding": (BOMB.replace("1.0", "1.0").encode("utf-16"), "are not XML"),
    "empty": ("", "are not XML"),
    "cut off": ("<testsuites><testcase", "are not XML"),
    "not XML": ("\x00\x01", "are not XML"),
    "undefined entity": ("<a>&x;</a>", "are not XML"),
}


@pytest.mark.parametrize("name", BAD)
def test_read_bad_input(tmp_path, name):
    text, message = BAD[name]
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code == 2


def test_read_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(junit, "LIMIT", 10)
    with pytest.raises(DataError, match="too large to read"):
        read(tmp_path, case())


def test_read_html_in_messages_is_no_dtd(tmp_path):
    text = case('<failure message="&lt;!DOCTYPE html&gt;">x</failure>')
    assert read(tmp_path, text).failures[0].message == "<!DOCTYPE html>"
