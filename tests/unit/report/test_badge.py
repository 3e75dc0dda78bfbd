"""The badge: what it says, and that nothing in it can do anything."""

from __future__ import annotations

import json
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from assay.report import badge
from assay.report.badge import Badge
from assay.verdict import Outcome, decide
from hypothesis import given
from hypothesis import strategies as st

from tests import records

NAMESPACE = "{http://www.w3.org/2000/svg}"
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


def drawn(given: Badge) -> ET.Element:
    return ET.fromstring(badge.svg(given))


def texts(given: Badge) -> list[str | None]:
    return [element.text for element in drawn(given).iter(f"{NAMESPACE}text")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("good", "F1 0.6634 · passed"),
        ("regression_of_a_metric", "F1 0.5812 · failed"),
        ("accepted", "F1 0.5812 · passed with warnings"),
        ("no_gate", "F1 0.6634 · not judged"),
        ("errored_checkout", "could not finish"),
        ("regression_task", "Root mean squared error 41.90 · passed"),
    ],
)
def test_what_a_badge_says(name: str, message: str) -> None:
    record = getattr(records, name)()
    verdict = decide(record)
    assert badge.of(record, verdict) == Badge("model", message, verdict.outcome)


def test_a_badge_is_about_the_gate_that_decided() -> None:
    record = records.good()
    assert record.compare is not None
    first, second = record.compare.metrics[:2]
    gates = [
        records.metric_gate(one.name, "min", 0.1, one.head, passed=passed, message="m")
        for one, passed in ((first, True), (second, False))
    ]
    record = record.model_copy(
        update={"compare": record.compare.model_copy(update={"gates": tuple(gates)})}
    )
    said = badge.of(record, decide(record)).message
    assert said == "ROC AUC 0.8795 · failed"


def test_a_report_with_a_title_has_it_as_its_label() -> None:
    record = records.good().model_copy(update={"title": "  Bikes,\nnorth " + "x" * 50})
    label = badge.of(record, decide(record)).label
    assert label == r"Bikes,\nnorth " + "x" * 25 + "…"


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_white_can_be_read_on_every_colour(outcome: Outcome) -> None:
    fills = [
        path.get("fill") or "" for path in drawn(Badge("a", "b", outcome)).iter(f"{NAMESPACE}path")
    ]
    assert len(fills) == 2
    for fill in fills:
        assert 1.05 / (luminance(fill) + 0.05) >= 4.5


def luminance(color: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_outcomes_are_told_apart_without_colour() -> None:
    words = set()
    for outcome in OUTCOMES:
        verdict = decide(records.good()).model_copy(update={"outcome": outcome})
        words.add(badge.of(records.good(), verdict).message)
    assert len(words) == len(OUTCOMES)


def test_a_screen_reader_hears_it_once() -> None:
    picture = drawn(Badge("model", "F1 0.7571 · passed", "pass"))
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == "model: F1 0.7571 · passed"
    assert picture.findtext(f"{NAMESPACE}title") == "model: F1 0.7571 · passed"
    (group,) = picture.iter(f"{NAMESPACE}g")
    assert group.get("aria-hidden") == "true"


@given(st.text(), st.text())
def test_any_text_is_text_and_nothing_else(label: str, metric: str) -> None:
    record = records.good()
    assert record.compare is not None
    (change, *_) = record.compare.metrics
    changed = change.model_copy(update={"name": metric})
    record = record.model_copy(
        update={
            "title": label,
            "compare": record.compare.model_copy(update={"metrics": (changed,), "gates": ()}),
        }
    )
    made = badge.of(record, decide(record))
    picture = drawn(made)
    assert {element.tag.removeprefix(NAMESPACE) for element in picture.iter()} == {
        "svg",
        "title",
        "path",
        "g",
        "text",
    }
    assert texts(made) == [made.label, made.message]
    assert json.loads(badge.files(made)["json"])["label"] == made.label


@pytest.mark.parametrize(
    "text",
    [
        '"><script>alert(1)</script>',
        "<!-- x -->",
        "]]>",
        "&lt;",
        "' onload='x",
        "\x00\x1b[31m\x7f",
        "\ud800",
        "\u202e",
    ],
)
def test_hostile_titles_are_shown_as_they_are(text: str) -> None:
    record = records.good().model_copy(update={"title": text})
    made = badge.of(record, decide(record))
    assert texts(made)[0] == made.label
    assert made.label.isprintable()
    badge.svg(made).encode()


def test_texts_stand_inside_their_halves_and_wide_letters_take_more_room() -> None:
    picture = drawn(Badge("model", "ok", "pass"))
    whole = int(picture.get("width") or 0)
    places = [
        (int(t.get("x") or 0), int(t.get("textLength") or 0))
        for t in picture.iter(f"{NAMESPACE}text")
    ]
    (left, width), (right, other) = places
    assert left + width < right
    assert right + other < whole
    widths = [
        int(drawn(Badge(text, "ok", "pass")).get("width") or 0)
        for text in ("iiiii", "aaaaa", "WWWWW", "模模模模模")
    ]
    assert widths == sorted(set(widths))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_endpoint_has_what_its_schema_asks_for(outcome: Outcome) -> None:
    """https://shields.io/badges/endpoint-badge"""
    made = badge.endpoint(Badge("model", "F1 0.7571 · passed", outcome))
    assert made.keys() == {"schemaVersion", "label", "message", "color", "labelColor", "isError"}
    assert made["schemaVersion"] == 1
    assert made["message"] == "F1 0.7571 · passed"
    assert made["isError"] is (outcome in ("fail", "error"))


def test_the_same_badge_is_the_same_bytes() -> None:
    record = records.good()
    assert badge.files(badge.of(record, decide(record))) == badge.files(
        badge.of(records.good(), decide(records.good()))
    )
