"""Whether to train anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from assay.configmonitor import RetrainSpec
from assay.retrain.decision import Attempt, Decision, began, decide
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.retrain_facts import DAY, START, section

if TYPE_CHECKING:
    from assay.monitor.verdict import Outcome
    from assay.retrain.decision import Why

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
ALARM: list[Outcome] = ["quiet", "quiet", "quiet", "quiet", "drift", "drift"]
ALL = RetrainSpec(when=("drift", "performance", "schedule", "data"))
REASONS: tuple[Why, ...] = ("drift", "performance", "schedule", "data", "hand")


def attempt(number: int, days: float, **facts: Any) -> Attempt:
    """A pull request that was merged, opened so many days ago."""
    opened = NOW - timedelta(days=days)
    document = {
        "number": number,
        "url": f"https://github.com/acme/bikes/pull/{number}",
        "state": "merged",
        "opened": opened,
        "why": "performance",
        **facts,
    }
    return Attempt.model_validate(document)


def asked(why: Why | None = None, *, spec: RetrainSpec = ALL, **facts: Any) -> Decision:
    given = {"section": section(ALARM), "history": (), "now": NOW, **facts}
    return decide(why, spec, given["section"], given["history"], given["now"])


def test_an_alarm_about_performance_is_a_reason() -> None:
    decision = asked()
    assert (decision.retrain, decision.why) == (True, "performance")
    assert decision.reason == "The model does worse in production than where it was tested."
    assert decision.since == START + 5 * DAY
    assert decision.until == START + 6 * DAY


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ("feature", "drift"),
        ("prediction", "drift"),
        ("features together", "drift"),
        ("estimate", "performance"),
        ("performance", "performance"),
    ],
)
def test_each_question_is_about_one_reason(about: Any, why: Why) -> None:
    found = section(ALARM, about=about)
    assert asked(section=found).why == why
    other: Why = "performance" if why == "drift" else "drift"
    assert asked(other, section=found).reason == (
        f"The alarm is about `{why}`, and not about `{other}`."
    )
    spec = RetrainSpec(when=(other,))
    assert not asked(spec=spec, section=found).retrain


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        (["quiet"], "There is no alarm."),
        (["quiet", "drift"], "There is no alarm."),
        (["drift", "drift", "quiet"], "There is an alarm, and the newest window is quiet."),
        (
            ["drift", "drift", "inconclusive"],
            "There is an alarm, and the newest window is inconclusive.",
        ),
        (
            ["drift", "drift", "contract broken"],
            "The data of the newest window breaks the contract: it is not to be learned from.",
        ),
    ],
)
def test_only_a_window_that_drifts_is_learned_from(outcomes: list[Outcome], reason: str) -> None:
    for why in (None, "drift", "performance"):
        decision = asked(why, section=section(outcomes))
        assert (decision.retrain, decision.outcome, decision.reason) == (False, "not now", reason)


def test_what_late_labels_say_of_days_ago_is_learned_from() -> None:
    """The newest windows have none yet, so they are quiet about it."""
    unlabelled: list[Outcome] = ["quiet", "quiet"]
    found = section(["quiet", "drift", "drift", *unlabelled], labelled=3)
    assert asked(section=found).why == "performance"
    assert asked("drift", section=found).reason == (
        "The alarm is about `performance`, and not about `drift`."
    )
    # Newer labels say that it is over.
    assert not asked(section=section(["drift", "drift", "quiet", "quiet"], labelled=3)).retrain
    # What moved some days ago, and no more, is nothing to learn.
    moved = section(["quiet", "drift", "drift", *unlabelled], about="feature", labelled=0)
    assert asked(section=moved).reason == "There is an alarm, and the newest window is quiet."


def test_without_a_monitor_there_is_no_alarm() -> None:
    assert asked(section=None).reason == (
        "Nothing is known of production: `assay monitor` has not run."
    )
    assert asked("schedule", section=None).retrain


@pytest.mark.parametrize("why", ["drift", "performance", "schedule", "data"])
def test_a_reason_has_to_be_allowed(why: Why) -> None:
    others = tuple(one for one in REASONS[:4] if one != why)
    decision = asked(why, spec=RetrainSpec(when=others))
    assert not decision.retrain
    assert decision.reason.startswith(f"`{why}` is no reason to train anew here")


def test_after_one_was_opened_there_is_none_for_a_while() -> None:
    decision = asked(history=[attempt(7, 3.5)])
    assert decision.reason == (
        "#7 was opened 2026-11-20 18:00, and `retrain.cooldown` is 7 d: until 2026-11-27 18:00."
    )
    assert asked(history=[attempt(7, 7)]).retrain


def test_by_hand_it_is_not_waited_and_that_is_said() -> None:
    decision = asked("hand", spec=RetrainSpec(when=("drift",)), history=[attempt(7, 3.5)])
    assert decision.retrain
    assert decision.notes == (
        "By hand: `retrain.when`, `cooldown` and `attempts` were not asked.",
        "#7 was opened 2026-11-20 18:00, within the cool-down.",
    )


@pytest.mark.parametrize("why", REASONS)
def test_the_daily_limit_holds_for_every_reason(why: Why) -> None:
    now = [attempt(7, 0.5, state="open", runs=[NOW - timedelta(hours=30), NOW - DAY / 4])]
    found = section(ALARM, about="feature" if why == "drift" else "performance")
    decision = asked(why, history=now, section=found)
    assert decision.reason == (
        "It was trained once in the last 24 hours, and `retrain.daily` is 1."
    )
    assert asked(why, history=now, section=found, now=NOW + DAY).retrain


def test_an_open_one_is_brought_up_to_date_within_the_cool_down() -> None:
    history = [attempt(6, 30), attempt(7, 2, state="open")]
    decision = asked(history=history)
    assert (decision.retrain, decision.update) == (True, 7)


def test_it_ends_where_it_does_not_help() -> None:
    until = START + 6 * DAY
    found = section(["drift"] * 8, first=3, digest="b" * 64)
    history = [
        attempt(8, 9, state="closed", until=until + 2 * DAY),
        attempt(7, 18, until=until),
        attempt(2, 80, why="schedule"),
    ]
    decision = asked(section=found, history=history)
    assert (decision.retrain, decision.outcome) == (False, "given up")
    assert decision.reason == (
        "Retraining does not help: #7 and #8 did not end the alarm, and `retrain.attempts` is "
        "reached. A person has to look."
    )
    assert asked("hand", section=found, history=history).retrain
    assert asked("schedule", section=found, history=history).retrain


def test_a_new_alarm_is_tried_anew() -> None:
    history = [attempt(7, 18, until=START), attempt(8, 9, until=START + DAY)]
    found = section(["quiet"] * 5 + ["drift"] * 2, first=3)
    assert asked(section=found, history=history).retrain


def test_that_it_does_not_help_is_said_once_until_the_alarm_is_over() -> None:
    until = START + 6 * DAY
    found = section(["drift"] * 8, first=3)
    history = [attempt(7, 18, until=until), attempt(8, 9, until=until + 2 * DAY)]
    assert asked(section=found, history=history).last == 8
    history[1] = history[1].model_copy(update={"stopped": True})
    months_later = section(["drift"] * 8, first=203)
    for now in (found, months_later):
        decision = asked(section=now, history=history)
        assert (decision.outcome, decision.last, decision.over) == ("given up", None, ())
    calm = section([*["drift"] * 3, *["quiet"] * 5], first=203)
    assert asked(section=calm, history=history).over == (8,)
    history[1] = history[1].model_copy(update={"stopped": False})
    assert asked(section=months_later, history=history).retrain


def test_what_is_merged_and_not_deployed_is_said() -> None:
    digest = section(ALARM).digest
    decision = asked(history=[attempt(7, 8, digest=digest)])
    assert decision.retrain
    (note,) = decision.notes
    assert note == (
        "#7 is merged, and v1.0.0 is still what answers: a candidate helps once it is released "
        "and deployed."
    )


@given(data=st.data())
@settings(max_examples=15)
def test_an_alarm_that_nothing_ends_is_not_retrained_for_ever(data: st.DataObject) -> None:
    """Looks at days that all drift, however far back each of them sees."""
    attempts, cooldown = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 9))
    seen, k = data.draw(st.integers(5, 8)), data.draw(st.integers(1, 3))
    gaps = data.draw(st.lists(st.integers(1, 3), min_size=25, max_size=25))
    fates = data.draw(st.lists(st.sampled_from(["merged", "closed"]), min_size=4, max_size=4))
    spec = RetrainSpec(cooldown=f"{cooldown} d", attempts=attempts)
    history: list[Attempt] = []
    day = 12
    given_up = False
    for gap in gaps:
        day += gap
        found = section(["drift"] * seen, first=day - seen, k=k)
        decision = decide(None, spec, found, history, NOW + day * DAY)
        assert not (given_up and decision.retrain)
        given_up = given_up or decision.outcome == "given up"
        if decision.retrain:
            assert decision.update is None
            opened = NOW + day * DAY
            history.append(
                attempt(
                    len(history) + 1,
                    0,
                    opened=opened,
                    state=fates[len(history) % len(fates)],
                    until=decision.until,
                    why=decision.why,
                )
            )
        if decision.last is not None:
            assert decision.last == history[-1].number
            history[-1] = history[-1].model_copy(update={"stopped": True})
    assert len(history) <= attempts
    assert given_up or day < 12 + attempts * (cooldown + 3)


OUTCOMES = st.lists(
    st.sampled_from(["quiet", "drift", "inconclusive", "contract broken"]), min_size=1, max_size=12
)
ATTEMPTS = st.lists(
    st.builds(
        lambda number, days, state, why, until: attempt(
            number, days, state=state, why=why, until=until and START + until * DAY
        ),
        st.integers(1, 99),
        st.floats(0, 40),
        st.sampled_from(["open", "merged", "closed"]),
        st.sampled_from(REASONS),
        st.none() | st.integers(1, 20),
    ),
    max_size=5,
)


@given(
    outcomes=OUTCOMES,
    history=ATTEMPTS,
    why=st.none() | st.sampled_from(REASONS),
    daily=st.integers(1, 3),
)
def test_whatever_happened_the_rules_hold(
    outcomes: list[Any], history: list[Attempt], why: Why | None, daily: int
) -> None:
    found = section(outcomes)
    spec = RetrainSpec(when=("drift", "performance", "schedule"), daily=daily)
    decision = decide(why, spec, found, history, NOW)
    assert decision == decide(why, spec, found, history[::-1], NOW)
    assert decision.retrain == (decision.outcome == "retrain")
    assert decision.reason.endswith(".")
    today = sum(NOW - DAY < moment <= NOW for one in history for moment in one.trainings)
    if not decision.retrain:
        return
    assert today < daily
    assert decision.why == "hand" or decision.why in spec.when
    if decision.why in ("drift", "performance"):
        assert outcomes[-1] == "drift"
        assert found.state.alarm
    is_open = any(one.state == "open" for one in history)
    assert (decision.update is not None) == is_open
    if decision.why != "hand" and not is_open:
        assert all(NOW - one.opened >= timedelta(days=7) for one in history)


@given(outcomes=OUTCOMES.filter(lambda found: found[-1] == "drift"), history=ATTEMPTS)
def test_an_alarm_begins_at_or_before_the_first_window_of_it(
    outcomes: list[Any], history: list[Attempt]
) -> None:
    found = section(outcomes, k=1)
    ordered = sorted(history, key=lambda one: one.opened)
    since = began(found, ordered, ALL)
    assert since < found.newest.end
    assert since <= began(found, (), ALL)
