"""What an environment is like, in a terminal."""

from __future__ import annotations

import pytest
from assay.report import rolloutstatus
from assay.report.rollout import NARROW
from assay.rollout.journal import Event
from assay.rollout.snapshot import Snapshot
from assay.rollout.targets.base import Observation, Routing, Seen, State, VersionId

from tests.golden import assert_golden
from tests.unit.report.test_rollout_report import NEW, OLD

OLDER = VersionId(name="bikes", version="v1.1.0", digest="b" * 64)
SNAPSHOT = Snapshot(
    process="p", version="v1.2.0", digest=OLD.digest, requests=41_000, memory=120_000_000
)
BEGIN = Event(kind="begin", rollout="r1", time=1_770_000_000.0, what=f"{NEW} is being deployed.")


def test_in_the_middle_of_a_rollout() -> None:
    state = State(
        stable=OLD,
        last_good=None,
        routing=Routing(stable=OLD, candidate=NEW, percent=5),
        running=(OLD, NEW),
        placed=(NEW, OLD),
        owner="deploy of bikes@v1.3.0 by ann, run 7",
        rollout="r1",
    )
    dead = Seen(version=NEW, alive=False, problem="killed by SIGSEGV\n::error::x\x1b[2J")
    seen = Observation(seen=(Seen(version=OLD, snapshot=SNAPSHOT, restarts=2), dead))
    text = rolloutstatus.text(state, seen, [BEGIN], environment="production")
    assert_golden("rollout/status.txt", f"{text}\n")
    assert "\x1b" not in text


def test_before_anything_was_deployed() -> None:
    text = rolloutstatus.text(State(), Observation(), [], environment="production")
    assert (
        text == "stable       nothing\n"
        "rolls back   to nothing: no other version is there\n"
        "traffic      none"
    )


def test_a_rollback_from_the_middle_of_a_rollout_goes_to_the_stable_version() -> None:
    state = State(stable=OLD, last_good=OLDER, routing=Routing(stable=OLD), placed=(NEW, OLD))
    text = rolloutstatus.text(state, Observation(), [BEGIN], environment="production")
    assert "rolls back   to bikes@v1.2.0 (" in text


def test_after_a_rollback_nobody_is_led_to_the_bad_version() -> None:
    state = State(stable=OLD, routing=Routing(stable=OLD), placed=(NEW, OLD))
    events = [_promoted(OLD), _promoted(NEW), _promoted(OLD)]
    text = rolloutstatus.text(state, Observation(), events, environment="production", width=60)
    assert "v1.3.0" not in text.partition("traffic")[0]
    assert (
        "rolls back   to nothing: no other is known to be good (--to\n"
        "             VERSION takes any)\n"
    ) in text


def test_where_a_version_of_before_was_never_gone_back_from_it_is_named() -> None:
    state = State(stable=NEW, routing=Routing(stable=NEW), placed=(NEW, OLD, OLDER))
    events = [_promoted(OLDER), _promoted(OLD), _promoted(NEW)]
    text = rolloutstatus.text(state, Observation(), events, environment="production")
    assert "only by name: `assay rollback --env production --to v1.2.0`" in text


def _promoted(version: VersionId) -> Event:
    facts = {"step": "promote", "version": version.model_dump()}
    return Event(kind="done", rollout="r0", time=1.0, facts=facts)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_long_lines_are_broken_below_their_beginning(width: int) -> None:
    long = BEGIN.model_copy(update={"what": "word " * 60 + "\n  as the log has it"})
    text = rolloutstatus.text(State(), Observation(), [long], environment="x", width=width)
    told = [line for line in text.splitlines() if "word" in line]
    assert all(len(line) <= max(width, 21 + NARROW) for line in told)
    assert all(line.startswith(" " * 21) for line in told[1:])
    assert "\n  as the log has it\n" in text


def test_copies_are_no_share_of_the_traffic() -> None:
    state = State(stable=OLD, routing=Routing(stable=OLD, candidate=NEW, shadow=True))
    text = rolloutstatus.text(state, Observation(), [], environment="production")
    assert "100 % v1.2.0, copies to v1.3.0" in text
