"""The bytes of a stranger's record: read as one thing only, bounded, or refused in a sentence."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from assay.forks import UntrustedError, hostile, quoted, strictjson
from assay.report import html, markdown
from assay.verdict import decide
from hypothesis import given
from hypothesis import strategies as st

from tests import evidence_records, records

if TYPE_CHECKING:
    from assay.record import RunRecord

RECORDS = [
    records.good(),
    records.failed_checks(),
    records.errored_checkout(),
    evidence_records.sure(),
]


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(evidence_records.sure().to_json())
    return found


def parse(value: object) -> tuple[RunRecord, tuple[str, ...]]:
    return hostile.parse(json.dumps(value).encode())


@pytest.mark.parametrize("record", RECORDS)
def test_an_honest_record_is_read_as_it_was_written(record: RunRecord) -> None:
    assert hostile.parse(record.to_json().encode()) == (record, ())


def test_lists_that_are_held_against_each_other_are_short() -> None:
    content = document()
    failure = {"name": "t::x", "outcome": "failed", "message": "m", "details": "d"}
    reason = {"message": "m", "file": "a.py", "line": 1}
    content["test"] |= {"failures": [failure] * 5_000, "reasons": [reason] * 5_000}
    found, cuts = parse(content)
    assert found.test is not None
    assert len(found.test.failures) == len(found.test.reasons) == 1_000
    assert "5,000 entries, of which 1,000 are read" in cuts[0]


def test_a_key_that_comes_twice_among_very_many_is_found_at_once() -> None:
    # Counting each of them anew took hours.
    keys = ",".join(f'"{number}":0' for number in range(200_000))
    began = time.monotonic()
    with pytest.raises(UntrustedError, match="says `199999` twice"):
        hostile.parse(f'{{{keys},"199999":0}}'.encode())
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"format": 1, "format": 2}', "says `format` twice"),
        (b'{"a": [{"b": 1, "b": 1}]}', "says `b` twice"),
        (b'{"a": NaN}', "`NaN`, which is no number"),
        (b'{"a": -Infinity}', "`-Infinity`, which is no number"),
        (b'{"a": 1e999}', "`1e999`, which is too large"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "a number of 5,001 digits"),
        (b'{"a": 0.' + b"1" * 5000 + b"}", "a number of 5,002 digits"),
        (b"[" * 42 + b"]" * 42, "more than 40 levels"),
        (b"[" * 200_000 + b"]" * 200_000, "more than 40 levels"),
        (b"[" + b"0," * 1_000_000 + b"0]", "more than 1,000,000 values"),
        (b'{"%s": 1}' % (b"k" * 1001), "a key of 1,001 characters"),
        (b'{"a": 1} {}', "no JSON"),
        (b"[]", "cannot be read by Assay"),
        (b'{"created": "2026-01-05T09:00:00Z", "verdict": {"outcome": "pass"}}', "`verdict`"),
        (b'{"format": 2, "created": "2026-01-05T09:00:00Z"}', "`format`: `Input should be 1`"),
    ],
    ids=range(17),
)
def test_what_is_no_record_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UntrustedError, match=message):
        hostile.parse(content)


def test_a_record_of_another_version_says_so() -> None:
    value = document() | {"assay": "9.1.0", "novelty": 1}
    with pytest.raises(UntrustedError, match="`novelty`") as caught:
        parse(value)
    assert caught.value.hint is not None
    assert "`9.1.0`" in caught.value.hint


def test_a_text_of_megabytes_is_cut_and_said_to_be() -> None:
    value = document()
    value["test"]["failures"] = [
        {"name": "n", "outcome": "failed", "message": "x" * 5_000_000, "details": ""}
    ]
    record, said = parse(value)
    assert record.test is not None
    assert len(record.test.failures[0].message) == strictjson.LONGEST_TEXT
    assert said == (
        (
            "The record is larger than any report: `test.failures.message` has 5,000,000 "
            "characters, most of which are left out."
        ),
    )


def test_lists_are_cut_and_the_first_few_cuts_are_named() -> None:
    value = document()
    curve = value["evaluate"]["head"]["curves"][2]
    value["evaluate"]["head"]["curves"] = [curve] * 100
    value["compare"]["parameters"] *= 10_000
    value["environment"]["packages"] = {f"p{i}": "1" for i in range(6_000)}
    value["compare"]["files"] = [value["compare"]["files"][0] | {"path": "y" * 9_000}] * 20
    record, said = parse(value)
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    assert record.compare is not None
    assert record.environment is not None
    assert len(record.evaluate.head.curves) == 40
    assert len(record.compare.parameters) == len(record.environment.packages) == 5_000
    assert len(said) == 6
    assert said[-1] == "18 more parts of the record were cut."


def test_lone_surrogates_can_be_written_again() -> None:
    value = document()
    value["ci"]["workflow"] = "a\ud800b"
    record, _ = parse(value)
    assert record.ci.workflow == "a?b"
    assert record.to_json().encode()


def test_the_largest_record_that_is_read_is_drawn() -> None:
    value = document()
    compare, evaluate = value["compare"], value["evaluate"]
    slices = [s | {"name": f"s = {i}"} for i, s in enumerate(evaluate["slices"] * 1_700)][:5_000]
    evaluate["slices"] = slices
    compare["slices"] = [compare["slices"][0] | {"name": s["name"]} for s in slices]
    compare["metrics"] = [compare["metrics"][0] | {"name": f"m{i}"} for i in range(5_000)]
    compare["parameters"] = (compare["parameters"] * 2_500)[:5_000]
    compare["gates"] = [compare["gates"][0]] * 5_000
    content = json.dumps(value).encode()
    assert len(content) < 10_000_000
    record, said = hostile.parse(content)
    text = markdown.render(record, verdict=decide(record), limit=60_000)
    page = html.render(record, verdict=decide(record), plots={})
    assert said == ()
    assert len(text) <= 60_000
    assert page


@given(st.text())
def test_a_quoted_text_cannot_leave_its_quotes(text: str) -> None:
    found = quoted(text)
    assert found[0] == found[-1] == "`"
    assert "`" not in found[1:-1]
    assert "\n" not in found
    assert len(found) <= 82


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_parsed_as_the_library_does_or_refused(value: object) -> None:
    content = json.dumps(value).encode()
    try:
        found, said = strictjson.parse(content)
    except UntrustedError:
        return
    if not said and "\\ud" not in content.decode():
        assert found == json.loads(content)
