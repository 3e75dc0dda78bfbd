"""What an environment is like, in a terminal."""

from __future__ import annotations

from assay.report import rolloutstatus
from assay.rollout.journal import Event
from assay.rollout.snapshot import Snapshot
from assay.rollout.targets.base import Observation, Routing, Seen, State

from tests.golden import assert_golden
from tests.unit.report.test_rollout_report import NEW, OLD

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


def test_after_a_rollback_it_says_how_to_go_elsewhere() -> None:
    state = State(stable=OLD, routing=Routing(stable=OLD), placed=(NEW, OLD))
    text = rolloutstatus.text(state, Observation(), [], environment="production")
    assert "as `assay rollback --env production --to v1.3.0`" in text


def test_copies_are_no_share_of_the_traffic() -> None:
    state = State(stable=OLD, routing=Routing(stable=OLD, candidate=NEW, shadow=True))
    text = rolloutstatus.text(state, Observation(), [], environment="production")
    assert "100 % v1.2.0, copies to v1.3.0" in text
