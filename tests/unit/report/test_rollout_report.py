"""What a rollout came to, as people read it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from assay.report import rollout, rolloutcharts, svg
from assay.report.images import Image
from assay.report.markdown import length
from assay.report.rollout import Told
from assay.rollout.outcome import EXIT_CODES, Bar, Judgement, Outcome, Side, Verdict
from assay.rollout.targets.base import VersionId
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import assert_golden

OLD = VersionId(name="bikes", version="v1.2.0", digest="0" * 64)
NEW = VersionId(name="bikes", version="v1.3.0", digest="1234567890abcdef" * 4)

ERRORS = Judgement(
    measure="errors",
    decision="failed",
    stable=Side(n=4100, value=0.001),
    candidate=Side(n=215, value=0.032),
    effect=0.031,
    limit=0.01,
    p=2.4e-9,
    sentence="3.2 % of the candidate's requests failed (7 internal), 0.1 % of stable's: more than "
    "the 1 % more that is allowed, which chance does not explain (p = 2.4e-09).",
)
FINE = ERRORS.model_copy(
    update={
        "decision": "passed",
        "candidate": Side(n=120, value=0.0),
        "effect": -0.001,
        "p": 1.0,
        "sentence": "0 % of the candidate's requests failed, 0.1 % of stable's.",
    }
)
LATENCY = Judgement(
    measure="latency_p99",
    decision="passed",
    stable=Side(n=4100, value=0.0042),
    candidate=Side(n=215, value=0.0043),
    effect=1.02,
    limit=1.2,
    p=0.41,
    sentence="The 99th percentile of the candidate's latency is 4.3 ms, of stable's 4.2 ms.",
)
SHIFTED = Judgement(
    measure="predictions[probability of 1]",
    decision="failed",
    stable=Side(n=4100),
    candidate=Side(n=215),
    effect=0.4,
    limit=0.2,
    p=1e-30,
    sentence="`probability of 1` of the candidate is distributed 43 % differently.",
    bars=(
        Bar(label="below 0.1", stable=0.5, candidate=0.1),
        Bar(label="0.1 to 0.5", stable=0.3, candidate=0.3),
        Bar(label="from 0.5", stable=0.2, candidate=0.6),
    ),
)
FEW = Judgement(
    measure="samples",
    decision="inconclusive",
    stable=Side(n=412),
    candidate=Side(n=3),
    sentence="The candidate answered 3 of the 100 requests that a comparison needs in 300 s.",
)


def verdict(*judgements: Judgement, **changes: Any) -> Verdict:
    decisions = [one.decision for one in judgements]
    worst = next(one for one in ("failed", "inconclusive", "passed") if one in decisions)
    fields: dict[str, Any] = {
        "stage": "25 %",
        "percent": 25,
        "decision": worst,
        "interval": 2,
        "intervals": 2,
        "seconds": 60.0,
        "compared": "with the stable version at the same time",
        "judgements": judgements,
    }
    return Verdict(**{**fields, **changes})


def outcome(ending: str = "rolled back", **changes: Any) -> Outcome:
    fields: dict[str, Any] = {
        "verb": "deploy",
        "ending": ending,
        "rollout": "r-0123",
        "version": NEW,
        "before": OLD,
        "stable": OLD,
        "reason": ERRORS.sentence,
        "stage": "25 %",
        "verdicts": (
            verdict(FINE, LATENCY, stage="5 %", percent=5, interval=1, intervals=1, seconds=30.0),
            verdict(ERRORS, LATENCY, SHIFTED),
        ),
        "began": 1_770_000_000.0,
        "ended": 1_770_000_093.0,
    }
    return Outcome(**{**fields, **changes})


def told(found: Outcome, **changes: Any) -> Told:
    fields: dict[str, Any] = {
        "outcome": found,
        "environment": "production",
        "url": "https://bikes.example/",
        "run_url": "https://github.com/acme/bikes/actions/runs/7",
    }
    return Told(**{**fields, **changes})


CASES = {
    "rolled-back": told(outcome()),
    "promoted": told(
        outcome(
            "promoted",
            stable=NEW,
            stage=None,
            reason="Every step passed.",
            verdicts=(verdict(FINE, LATENCY),),
        )
    ),
    "inconclusive": told(
        outcome("inconclusive", reason=FEW.sentence, verdicts=(verdict(FEW),), stage="5 %")
    ),
    "died": told(
        outcome(
            reason="v1.3.0 died at once:\nTraceback (most recent call last):\n"
            '  File "<stdin>", line 1\n``` \n::error::@acme/team <script>alert(1)</script>',
            hint="Look at its log: `assay rollout status --env production`.",
            verdicts=(),
            stage="5 %",
        ),
    ),
    "by-hand": told(
        outcome("rolled back", verb="rollback", version=OLD, before=NEW, reason="Ann asked for it.",
                verdicts=(), stage=None),
        warnings=("The stage was not recorded: GitHub cannot be reached.",),
    ),
    "interrupted": told(
        outcome("resumed", verb="resume", reason="Its process was killed at 25 %.", verdicts=())
    ),
    "first": told(
        outcome(before=None, stable=None, verdicts=(), reason="v1.3.0 does not get ready.")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_markdown(name: str) -> None:
    assert_golden(f"rollout/{name}.md", rollout.markdown(CASES[name]))


@pytest.mark.parametrize("name", CASES)
def test_terminal(name: str) -> None:
    text = rollout.text(CASES[name])
    assert_golden(f"rollout/{name}.txt", f"{text}\n")
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("ending", EXIT_CODES)
@pytest.mark.parametrize("verb", ["deploy", "rollback", "resume"])
def test_every_ending_has_a_title(verb: str, ending: str) -> None:
    title = rollout.title(told(outcome(ending, verb=verb)))
    assert "production" in title
    assert title.endswith(".")
    assert "`" not in title


def test_pictures_stand_below_the_table() -> None:
    image = Image(title="Failed requests", alt="x", width=340, light="https://l", dark="https://d")
    text = rollout.markdown(CASES["rolled-back"], images=[image])
    assert text.index("| failed requests |") < text.index("<picture>") < text.index("## Judgements")


def test_what_is_too_long_goes_the_list_first() -> None:
    long = told(outcome(verdicts=tuple(verdict(ERRORS, LATENCY) for _ in range(50))))
    whole = rollout.markdown(long)
    shorter = rollout.markdown(long, limit=length(whole) - 1)
    assert "## Judgements" in whole
    assert "## Judgements" not in shorter
    assert "| failed requests |" in shorter
    assert rollout.markdown(long, limit=300).startswith("⏪ **bikes v1&#46;3.0**") or (
        length(rollout.markdown(long, limit=300)) <= 300
    )


def test_many_measures_are_cut_the_failed_ones_last() -> None:
    many = [FINE.model_copy(update={"measure": f"predictions[{i}]"}) for i in range(200)]
    text = rollout.markdown(told(outcome(verdicts=(verdict(*many, ERRORS),))))
    assert "161 more measures are in the journal." in text
    assert "| failed requests |" in text


HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60
) | st.sampled_from(
    ["@acme/team", "<script>", "]]>", "| a | b |", "``` \n", "-->", "#12", "a\n\n# heading"]
)


@given(column=HOSTILE, reason=HOSTILE)
def test_text_of_others_does_nothing(column: str, reason: str) -> None:
    judged = SHIFTED.model_copy(
        update={"measure": f"predictions[{column}]", "sentence": f"{column} is otherwise."}
    )
    text = rollout.markdown(told(outcome(reason=reason, verdicts=(verdict(judged),))))
    text = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)  # where it is shown as it is
    assert "<script" not in text
    assert "@acme" not in text
    assert "\n# " not in text
    (row,) = [line for line in text.splitlines() if line.endswith("❌ failed |")]
    assert row.count(" | ") == 6


class TestCharts:
    def test_each_measure_that_failed_is_drawn(self) -> None:
        errors, shifted = rolloutcharts.of(outcome())
        assert (errors.name, shifted.name) == ("errors", "predictions-probability-of-1")
        assert [row["y"] for row in errors.spec["layer"][0]["data"]["values"]] == [
            0.0,
            0.001,
            0.032,
            0.001,
        ]
        assert len(shifted.spec["data"]["values"]) == 6

    def test_a_version_that_is_in_needs_no_picture(self) -> None:
        assert rolloutcharts.of(CASES["promoted"].outcome) == ()
        assert rolloutcharts.of(CASES["died"].outcome) == ()
        assert rolloutcharts.of(CASES["inconclusive"].outcome) == ()

    def test_they_can_be_drawn(self) -> None:
        for chart in rolloutcharts.of(outcome()):
            drawn = svg.draw(chart)
            assert "v1.3.0 (new)" in drawn
            assert "v1.2.0 (stable)" in drawn

    @given(HOSTILE)
    def test_a_column_is_no_path(self, column: str) -> None:
        judged = SHIFTED.model_copy(update={"measure": f"predictions[{column}]"})
        (chart,) = rolloutcharts.of(outcome(verdicts=(verdict(judged),)))
        assert set(chart.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_versions_that_a_target_names_are_no_markdown() -> None:
    bad = VersionId(name="b", version="![x](https://evil.example) @team <img>", digest="0" * 64)
    for ending in ("promoted", "rolled back", "resumed"):
        shown = rollout.headline(told(outcome(ending, before=bad, stable=bad)))

        assert "<img>" not in shown
        assert "![x](https:" not in shown
        assert "@team" not in shown
