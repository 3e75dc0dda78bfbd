"""The run as JUnit XML: its structure, what counts as what, and text of strangers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from assay.gates import Gate
from assay.report import junit
from assay.section import Reason, Status
from assay.verdict import decide
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import evidence_records, package_records, records
from tests.golden import assert_golden

if TYPE_CHECKING:
    from assay.record import RunRecord

ALL = {**records.ALL, **package_records.ALL, "sure": evidence_records.sure}

# As Jenkins' junit-10.xsd has it: attributes (those that must be there first), and children.
SCHEMA = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        (
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
            "group",
        ),
        ("properties", "testcase", "system-out", "system-err", "testsuite"),
    ),
    "testcase": (
        ("name",),
        ("time", "classname", "group"),
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": ((), ("type", "message"), ()),
    "error": ((), ("type", "message"), ()),
    "skipped": ((), ("type", "message"), ()),
    "properties": ((), (), ("property",)),
    "property": (("name", "value"), (), ()),
}
TIME = re.compile(r"\d{0,9}(\.\d*)?")


def rendered(record: RunRecord) -> str:
    return junit.render(record, decide(record))


def assert_valid(text: str) -> ET.Element:
    """Hold a document against the schema, and its counts against its cases."""
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        required, optional, children = SCHEMA[element.tag]
        assert set(required) <= set(element.attrib), element.tag
        assert set(element.attrib) <= {*required, *optional}, element.attrib
        assert {child.tag for child in element} <= set(children), element.tag
        if element.tag in {"testsuite", "testsuites"}:
            assert TIME.fullmatch(element.attrib["time"])
            assert (element.text or "").strip() == ""
    for suite in (root, *root):
        cases = list(suite.iter("testcase"))
        assert int(suite.attrib["tests"]) == len(cases)
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            if name in suite.attrib:
                assert int(suite.attrib[name]) == sum(c.find(tag) is not None for c in cases)
        names = [(c.attrib["classname"], c.attrib["name"]) for c in suite.iterfind("testcase")]
        assert len(names) == len(set(names))
    return root


def suite(root: ET.Element, name: str) -> dict[str, tuple[str, str]]:
    """Outcome and message of the cases of a suite, by name."""
    (found,) = (part for part in root if part.attrib["name"].endswith(f": {name}"))
    return {
        case.attrib["name"]: (case[0].tag, case[0].attrib["message"])
        if len(case)
        else ("passed", "")
        for case in found.iterfind("testcase")
    }


@pytest.mark.parametrize("name", ALL)
def test_every_record_gives_a_valid_document(name: str) -> None:
    text = rendered(ALL[name]())
    assert_valid(text)
    assert text == rendered(ALL[name]())


@pytest.mark.parametrize(
    "name", ["good", "failed-checks", "regression", "accepted", "hostile", "native", "disagreeing"]
)
def test_golden(name: str) -> None:
    assert_golden(f"publish/junit-{name}.xml", rendered(ALL[name]()))


def gate(result: str, **given: object) -> Gate:
    return Gate.model_validate(
        {"metric": "f1", "rule": "min", "limit": 0.6, "result": result, "message": "f1 is odd"}
        | {"value": 0.5}
        | given
    )


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (gate("passed"), "passed"),
        (gate("failed"), "failure"),
        (gate("inconclusive"), "failure"),
        (gate("not decided"), "skipped"),
        (gate("failed", severity="warn"), "skipped"),
        (gate("inconclusive", severity="warn"), "skipped"),
        (gate("passed", severity="warn"), "passed"),
    ],
)
def test_a_gate_fails_where_it_stops_the_run(made: Gate, outcome: str) -> None:
    record = records.good()
    assert record.compare is not None
    compare = record.compare.model_copy(update={"gates": (made,)})
    root = assert_valid(rendered(record.with_section("compare", compare)))
    assert suite(root, "gates")["metrics.f1.min: 0.6"][0] == outcome
    assert (outcome == "failure") == made.stops


def test_a_failure_has_its_numbers() -> None:
    root = assert_valid(rendered(records.regression_of_a_metric()))
    failure = root.find(".//testcase[@name='metrics.f1.min: 0.6']/failure")
    assert failure is not None
    assert failure.attrib["message"] == "f1 0.5812 is below min 0.6"
    assert failure.text == "value: 0.5812\nlimit: 0.6"


def test_what_was_accepted_is_skipped_with_who_and_why_and_nothing_fails() -> None:
    record = records.accepted()
    assert decide(record).exit_code == 0
    root = assert_valid(rendered(record))
    assert root.attrib["failures"] == "0"
    assert root.attrib["errors"] == "0"
    outcome, message = suite(root, "gates")["metrics.f1.min: 0.6"]
    assert outcome == "skipped"
    assert message.endswith("accepted by @anna: the new labels are stricter, see #12")
    assert suite(root, "stages")["compare"][0] == "skipped"


@pytest.mark.parametrize("name", ALL)
def test_a_document_fails_where_the_run_does(name: str) -> None:
    record = ALL[name]()
    root = assert_valid(rendered(record))
    bad = int(root.attrib["failures"]) + int(root.attrib["errors"])
    assert (bad > 0) == (decide(record).exit_code != 0)


def test_tests_that_passed_are_one_case_for_the_record_has_no_names_of_them() -> None:
    found = suite(assert_valid(rendered(records.good())), "tests")
    assert found == {
        "23 tests passed": ("passed", ""),
        "1 test skipped": ("skipped", "1 test skipped"),
    }


def test_an_empty_record_is_a_document_too() -> None:
    update = dict.fromkeys(["checkout", "validation", "test", "train", "evaluate", "compare"])
    root = assert_valid(rendered(records.good().model_copy(update=update)))
    assert len(root) == 0


def test_cases_of_one_name_are_told_apart() -> None:
    record = records.good()
    assert record.compare is not None
    twice = (gate("passed"), gate("passed"), gate("passed", slice="a"))
    compare = record.compare.model_copy(update={"gates": twice})
    found = suite(assert_valid(rendered(record.with_section("compare", compare))), "gates")
    assert list(found)[:2] == ["metrics.f1.min: 0.6", "metrics.f1.min: 0.6 (2)"]


def test_very_many_cases_of_one_name_are_told_apart_at_once() -> None:
    # A stranger's record has room for a hundred thousand; looking each name up anew took hours.
    cases = [junit.Case(group="data.csv", name="a: b")] * 50_000
    began = time.monotonic()
    names = list(junit._unique([*cases, junit.Case(group="data.csv", name="a: b (2)")]))
    assert time.monotonic() - began < 10
    assert (names[0], names[1], names[49_999]) == ("a: b", "a: b (2)", "a: b (50000)")
    assert names[50_000] == "a: b (2) (2)"
    assert len(set(names)) == len(names)


def test_text_that_xml_cannot_hold_is_spelled_out() -> None:
    text = "]]></failure><x a='\"'>&amp; \x00\x1b[31m\udc80\ufffe ::error::%0A\nend"
    record = records.good()
    assert record.train is not None
    reasons = (Reason(message=text),)
    train = record.train.model_copy(update={"status": Status.ERROR, "reasons": reasons})
    root = assert_valid(rendered(record.with_section("train", train)))
    assert suite(root, "stages")["train"] == (
        "error",
        r"""]]></failure><x a='"'>&amp; \x00\x1b[31m\udc80\ufffe ::error::%0A end""",
    )


def test_a_megabyte_of_text_is_cut() -> None:
    record = records.failed_checks()
    assert record.test is not None
    failure = record.test.failures[0].model_copy(
        update={"name": "n" * 10**6, "message": "m" * 10**6, "details": "d" * 10**6}
    )
    test = record.test.model_copy(update={"failures": (failure,) * 3})
    text = rendered(record.with_section("test", test))
    assert_valid(text)
    assert len(text) < 100_000


@settings(max_examples=50)
@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_no_text_breaks_the_document(one: str, two: str) -> None:
    record = records.hostile((one, two)).model_copy(update={"title": one, "comment_key": two})
    assert_valid(rendered(record))


def test_an_inconclusive_gate_says_how_many_rows_would_tell() -> None:
    record = records.good()
    assert record.compare is not None
    made = gate("inconclusive", rows_needed=12_000)
    compare = record.compare.model_copy(update={"gates": (made,)})
    root = assert_valid(rendered(record.with_section("compare", compare)))
    failure = root.find(".//failure[@type='inconclusive']")
    assert failure is not None
    assert failure.text == "value: 0.5\nlimit: 0.6\nrows that would tell: 12,000"


def test_what_the_contract_warns_of_is_skipped_beside_what_holds() -> None:
    record = records.good()
    assert record.validation is not None
    file = record.validation.files[0].model_copy(update={"warnings": ("an odd column",)})
    validation = record.validation.model_copy(update={"files": (file,)})
    root = assert_valid(rendered(record.with_section("validate", validation)))
    assert suite(root, "data contract") == {
        "keeps every rule of schema.py:Hour": ("passed", ""),
        "an odd column": ("skipped", "an odd column"),
    }
