"""The machine on a simulated target: how each rollout ends, and what users got meanwhile."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from assay.configrollout import AnalysisSpec, EnvironmentSpec, HostSpec
from assay.errors import UsageError
from assay.rollout import machine
from assay.rollout.journal import Event
from assay.rollout.plan import Plan, plan
from assay.rollout.targets.base import (
    BusyError,
    MissingVersionError,
    Routing,
    Target,
    TargetError,
)

from tests.rollout_target import V1, V2, V3, Behaviour, Killed, World, conduct, world_with

if TYPE_CHECKING:
    from assay.rollout.outcome import Outcome

BUNDLE = Path("bundle")


def _plan(**facts: Any) -> Plan:
    facts = {"bake": 60, "interval": 10, "patience": 3, **facts}
    return plan(EnvironmentSpec(target=HostSpec(folder="x"), **facts))


def _roll(world: World, version: Any = V2, bundle: Path = BUNDLE, **facts: Any) -> Outcome:
    return machine.roll(conduct(world), bundle, version, _plan(**facts))


def _serves(world: World, version: Any) -> bool:
    """Whether one version answers everybody, nothing else runs, and nothing is unfinished."""
    target = conduct(world).target
    state = target.state()
    return (
        (state.stable, state.routing) == (version, Routing(stable=version))
        and state.running == (version,)
        and state.owner is None
        and state.rollout is None
    )


def test_the_simulated_target_is_one() -> None:
    assert isinstance(conduct(World()).target, Target)


def test_a_good_version_goes_all_the_way() -> None:
    world = world_with(V1)
    outcome = _roll(world)
    assert (outcome.ending, outcome.exit_code) == ("promoted", 0)
    assert _serves(world, V2)
    assert (world.last_good, world.lost) == (V1, 0)
    percents = [routing.percent for _, routing in world.routed if routing.candidate]
    assert percents == [5, 25, 100]
    assert (outcome.before, outcome.stable, outcome.stage) == (V1, V2, None)
    assert outcome.reason == "bike@v2.0.0 answers all requests."
    assert [one.stage for one in outcome.verdicts][-6:] == ["100 %"] * 6


def test_the_bake_lasts_with_the_old_version_alive() -> None:
    world = world_with(V1)
    _roll(world, bake=300)
    all_at, end = world.routed[-2][0], world.routed[-1][0]
    assert world.routed[-2][1] == Routing(stable=V1, candidate=V2, percent=100)
    assert 300 <= end - all_at < 310


BAD = {
    "errors": Behaviour(errors=0.05),
    "latency": Behaviour(latency=0.1),
    "predictions[label]": Behaviour(bins=(4, 1, 1, 1)),
    "health": Behaviour(not_finite=1),
}


@pytest.mark.parametrize("measure", BAD)
def test_a_bad_version_goes_back_in_the_first_step(measure: str) -> None:
    world = world_with(V1)
    world.behaviours[V2.digest] = BAD[measure]
    outcome = _roll(world)
    assert (outcome.ending, outcome.exit_code) == ("rolled back", 1)
    assert measure in {one.measure for one in outcome.verdicts[-1].failed}
    assert (outcome.stage, outcome.stable) == ("5 %", V1)
    assert _serves(world, V1)
    assert world.lost == 0


@pytest.mark.parametrize("at", [15.0, 45.0, 95.0, 200.0])
def test_from_a_bad_window_to_stable_is_one_interval_and_two_seconds(at: float) -> None:
    world = world_with(V1)
    world.time.events.append((1000 + at, lambda: _worse(world)))
    outcome = _roll(world, bake=300)
    assert outcome.ending == "rolled back"
    assert world.routed[-1][1] == Routing(stable=V1)
    # It began within an interval, the next one is all bad.
    assert world.routed[-1][0] - (1000 + at) <= 2 * 10 + 2


def _worse(world: World) -> None:
    world.pass_time()
    world.behaviours[V2.digest] = Behaviour(errors=0.5)


@pytest.mark.parametrize("at", [1005.0, 1025.0, 1060.0])
@pytest.mark.parametrize("again", [False, True])
def test_a_crash_is_found_within_two_seconds(at: float, again: bool) -> None:
    world = world_with(V1)
    world.time.events.append((at, lambda: world.die(V2, again=again)))
    outcome = _roll(world)
    assert outcome.ending == "rolled back"
    assert "bike@v2.0.0 died" in outcome.reason
    assert world.routed[-1][0] - at <= 2.0
    assert (_serves(world, V1), world.lost) == (True, 0)


def test_a_candidate_that_hangs_is_found_after_two_looks() -> None:
    world = world_with(V1)

    def hang() -> None:
        world.of(V2).silent = True

    world.time.events.append((1003.0, hang))
    outcome = _roll(world)
    assert outcome.reason == "bike@v2.0.0 gave no answer 2 times in a row."
    assert world.routed[-1][0] <= 1005.0
    assert _serves(world, V1)


def test_one_look_without_an_answer_is_forgiven() -> None:
    world = world_with(V1)
    for at, silent in ((1003.0, True), (1004.0, False)):
        world.time.events.append((at, lambda s=silent: setattr(world.of(V2), "silent", s)))
    assert _roll(world).ending == "promoted"


def test_an_interval_without_the_last_look_is_no_pass() -> None:
    """Nobody knows what happened in it, and in the one after it."""
    world = world_with(V1)
    for at, silent in ((1009.5, True), (1010.5, False)):
        world.time.events.append((at, lambda s=silent: setattr(world.of(V2), "silent", s)))
    outcome = _roll(world, patience=1)
    assert (outcome.ending, outcome.exit_code) == ("inconclusive", 5)
    assert "could not be read" in outcome.reason
    assert _serves(world, V1)


def test_a_crash_at_start_changes_nothing_for_users() -> None:
    world = world_with(V1)
    world.behaviours[V2.digest] = Behaviour(starts=False)
    outcome = _roll(world)
    assert (outcome.ending, outcome.reason) == (
        "rolled back",
        "bike@v2.0.0 does not start: out of cheese.",
    )
    assert _serves(world, V1)
    assert all(routing.candidate is None for _, routing in world.routed)


def test_a_damaged_bundle_is_an_error() -> None:
    world = world_with(V1)
    outcome = _roll(world, bundle=Path("damaged"))
    assert (outcome.ending, outcome.exit_code) == ("error", 3)
    assert _serves(world, V1)


def test_no_traffic_is_no_pass() -> None:
    world = world_with(V1, rate=0.0)
    outcome = _roll(world)
    assert (outcome.ending, outcome.exit_code) == ("inconclusive", 5)
    assert outcome.reason.endswith("in 30 s: it got no traffic.")
    assert _serves(world, V1)


def test_little_traffic_says_what_to_do() -> None:
    outcome = _roll(world_with(V1, rate=20.0))
    assert outcome.ending == "inconclusive"
    assert "`patience: 30`" in outcome.reason


def test_traffic_that_ends_while_baking_is_no_failure() -> None:
    """Few requests are waited for with patience; those that came are judged."""
    world = world_with(V1)

    def quiet() -> None:
        world.pass_time()
        world.rate = 0.0

    world.time.events.append((1085.0, quiet))
    assert _roll(world).ending == "promoted"


def test_all_traffic_at_once_is_compared_with_before() -> None:
    world = world_with(V1)
    outcome = _roll(world, steps=(100,))
    assert outcome.ending == "promoted"
    assert [one.stage for one in outcome.verdicts][:2] == ["before", "100 %"]
    assert "in the step before" in outcome.verdicts[-1].compared
    world = world_with(V1)
    world.behaviours[V2.digest] = Behaviour(errors=0.05)
    assert _roll(world, steps=(100,)).ending == "rolled back"
    assert _serves(world, V1)


def test_all_traffic_at_once_without_traffic_never_moves() -> None:
    world = world_with(V1, rate=0.0)
    outcome = _roll(world, steps=(100,))
    assert outcome.ending == "inconclusive"
    assert "`analysis: false`" in outcome.reason
    assert all(routing.candidate is None for _, routing in world.routed)


def test_without_analysis_it_must_live() -> None:
    world = world_with(V1, rate=0.0)
    outcome = _roll(world, steps=(100,), analysis=False, bake=5)
    assert (outcome.ending, outcome.notes) == (
        "promoted",
        ("Nothing was compared: `analysis` is off.",),
    )
    world = world_with(V1, rate=0.0)
    world.time.events.append((1005.0, lambda: world.die(V2)))
    assert _roll(world, steps=(100,), analysis=False).ending == "rolled back"


def test_a_shadow_compares_and_users_see_nothing() -> None:
    world = world_with(V1)
    outcome = _roll(world, steps=("shadow", 100))
    assert outcome.ending == "promoted"
    assert world.routed[0][1] == Routing(stable=V1, candidate=V2, percent=0, shadow=True)
    world = world_with(V1)
    world.behaviours[V2.digest] = Behaviour(agreement=0.5)
    outcome = _roll(world, steps=("shadow", 100))
    assert outcome.verdicts[-1].failed[0].measure == "agreement"
    assert [routing.percent for _, routing in world.routed] == [0, 0]


def test_the_first_version_is_not_judged_and_that_is_said() -> None:
    world = World()
    outcome = _roll(world, V1)
    assert (outcome.ending, outcome.notes) == ("promoted", (machine.FIRST,))
    assert _serves(world, V1)
    assert world.last_good is None


def test_a_first_version_that_dies_is_taken_away() -> None:
    world = World()
    world.behaviours[V1.digest] = Behaviour(silent=True)
    outcome = _roll(world, V1)
    assert outcome.ending == "rolled back"
    assert (world.processes, world.stable) == ({}, None)


def test_what_is_deployed_already_is_left_alone() -> None:
    world = world_with(V1)
    outcome = _roll(world, V1)
    assert (outcome.ending, outcome.exit_code) == ("nothing to do", 0)
    assert "route" not in world.calls
    assert world.owner is None


def test_what_is_deployed_already_and_does_not_run_is_put_in_order() -> None:
    world = world_with(V1)
    world.processes.clear()
    outcome = _roll(world, V1)
    assert (outcome.ending, outcome.notes) == ("promoted", (machine.AGAIN,))
    assert _serves(world, V1)


def test_the_last_good_version_is_what_was_stable() -> None:
    world = world_with(V1, V2)
    assert _roll(world, V3).ending == "promoted"
    assert world.last_good == V2
    world = world_with(V1, V2)
    assert _roll(world, V1).ending == "promoted"
    assert (world.stable, world.last_good) == (V1, V2)


def test_two_rollouts_at_once_are_one() -> None:
    world = world_with(V1)
    world.owner, world.expires = "bob", 2000.0
    with pytest.raises(BusyError, match="bob holds the lease"):
        _roll(world)
    assert (world.journal[1:], world.owner) == ([], "bob")


def test_a_rollback_goes_to_the_version_before_and_then_further() -> None:
    world = world_with(V1, V2, V3)
    outcome = machine.rollback(conduct(world))
    assert (outcome.ending, outcome.exit_code) == ("rolled back", 0)
    assert (_serves(world, V2), world.last_good) == (True, V1)
    machine.rollback(conduct(world))
    assert (_serves(world, V1), world.last_good) == (True, None)
    with pytest.raises(UsageError, match="is known to be good") as caught:
        machine.rollback(conduct(world))
    assert caught.value.exit_code == 2
    assert world.owner is None


def test_a_version_can_be_deployed_again_after_a_rollback() -> None:
    world = world_with(V1, V2)
    machine.rollback(conduct(world))
    assert _roll(world, V2).ending == "promoted"
    assert (world.stable, world.last_good) == (V2, V1)


@pytest.mark.parametrize("to", ["v1.0.0", "1.0.0", "bike@v1.0.0", "1111111"])
def test_a_rollback_to_a_version(to: str) -> None:
    world = world_with(V1, V2, V3)
    assert machine.rollback(conduct(world), to).version == V1
    assert _serves(world, V1)


def test_a_rollback_to_what_is_not_there() -> None:
    world = world_with(V1, V2)
    with pytest.raises(MissingVersionError) as caught:
        machine.rollback(conduct(world), "v9.9.9")
    assert caught.value.message == "v9.9.9 is not on the target; there are: v2.0.0, v1.0.0."
    assert caught.value.exit_code == 2
    assert _serves(world, V2)


def test_a_rollback_to_what_serves_already() -> None:
    world = world_with(V1, V2)
    assert machine.rollback(conduct(world), "v2.0.0").ending == "nothing to do"


def test_a_rollback_of_nothing() -> None:
    with pytest.raises(UsageError, match="nothing is deployed"):
        machine.rollback(conduct(World()))


@pytest.mark.parametrize("at", [1002.0, 1012.0, 1070.0])
def test_a_rollback_wins_over_a_rollout(at: float) -> None:
    world = world_with(V1)
    done: list[Outcome] = []
    world.time.events.append(
        (at, lambda: done.append(machine.rollback(conduct(world, "bob"), None)))
    )
    outcome = _roll(world)
    assert [one.ending for one in done] == ["rolled back"]
    assert outcome.ending == "error"
    assert outcome.reason.startswith("Somebody else took over the target")
    assert _serves(world, V1)


@pytest.mark.parametrize("after", [3, 10, 25, 40])
def test_ctrl_c_goes_back(after: int) -> None:
    world = world_with(V1)
    acting = conduct(world, interrupt_at=after)
    if after < 5:
        with pytest.raises(KeyboardInterrupt):
            machine.roll(acting, BUNDLE, V2, _plan())
        assert world.owner is None
        return
    outcome = machine.roll(acting, BUNDLE, V2, _plan())
    assert (outcome.ending, outcome.exit_code) == ("interrupted", 130)
    assert _serves(world, V1)


def test_a_short_silence_of_the_target_is_waited_for() -> None:
    world = world_with(V1)
    acting = conduct(world, unreachable=lambda number, _: 20 <= number < 24)
    assert machine.roll(acting, BUNDLE, V2, _plan()).ending == "promoted"
    assert len({event.model_dump_json() for event in world.journal}) == len(world.journal)


def test_a_long_silence_is_an_error_that_says_who_finishes() -> None:
    world = world_with(V1)
    outcome = machine.roll(
        conduct(world, unreachable=lambda number, _: number >= 20), BUNDLE, V2, _plan()
    )
    assert (outcome.ending, outcome.exit_code) == ("error", 3)
    assert outcome.hint == machine.UNFINISHED
    world.time.sleep(60)
    assert machine.resume(conduct(world)).ending == "resumed"
    assert _serves(world, V1)


def test_a_full_disk_stops_no_way_back() -> None:
    world = world_with(V1)
    acting = conduct(world)

    def fill() -> None:
        acting.target.full = True  # type: ignore[attr-defined]

    world.time.events.append((1013.0, fill))
    outcome = machine.roll(acting, BUNDLE, V2, _plan())
    assert outcome.ending == "error"
    assert "No space left" in outcome.reason
    assert (world.routing, list(world.processes)) == (Routing(stable=V1), [V1.digest])


def test_a_rollback_on_a_full_disk_moves_users_all_the_same() -> None:
    world = world_with(V1, V2)
    outcome = machine.rollback(conduct(world, full=True))
    assert (outcome.ending, outcome.exit_code) == ("error", 3)
    assert outcome.reason == (
        "bike@v1.0.0 answers all requests, but not all else could be done: No space left on device."
    )
    assert world.routing == Routing(stable=V1)
    machine.rollback(conduct(world))  # the disk has room again
    assert _serves(world, V1)


def test_a_rollback_to_what_does_not_start_changes_nothing() -> None:
    world = world_with(V1, V2)
    world.behaviours[V1.digest] = Behaviour(starts=False)
    outcome = machine.rollback(conduct(world))
    assert (outcome.ending, outcome.exit_code, outcome.stable) == ("error", 3, V2)
    assert outcome.reason == (
        "bike@v1.0.0 could not be gone back to, so bike@v2.0.0 answers all requests. "
        "bike@v1.0.0 does not start: out of cheese."
    )
    assert (_serves(world, V2), world.lost) == (True, 0)


def test_what_follows_a_rollback_that_failed_does_not_try_it_again() -> None:
    world = world_with(V2, V1)
    world.placed.append(V2)
    world.behaviours[V2.digest] = Behaviour(starts=False)
    machine.rollback(conduct(world), "v2.0.0")
    world.behaviours[V2.digest] = Behaviour()  # it would come up now
    assert _roll(world, V3).before == V1
    assert V2 not in [one.stable for _, one in world.routed]


@pytest.mark.parametrize("kill_at", [-7, 7])
def test_a_killed_rollback_to_what_does_not_start_ends_at_stable(kill_at: int) -> None:
    world = world_with(V1, V2)
    world.behaviours[V1.digest] = Behaviour(starts=False)
    with contextlib.suppress(Killed):
        machine.rollback(conduct(world, kill_at=kill_at))
    outcome = machine.resume(conduct(world, "bob"))
    assert (outcome.ending, _serves(world, V2)) == ("resumed", True)
    assert "so bike@v2.0.0 answers all requests." in outcome.reason


def test_a_rollback_from_a_step_to_what_does_not_start_leaves_no_candidate() -> None:
    world = world_with(V1, V2)
    world.behaviours[V1.digest] = Behaviour(starts=False)
    with pytest.raises(Killed):
        machine.roll(conduct(world, kill_at=40), BUNDLE, V3, _plan())
    assert world.routing is not None
    assert world.routing.candidate == V3
    assert machine.rollback(conduct(world, "bob"), "v1.0.0").ending == "error"
    assert _serves(world, V2)


def test_a_rollout_that_does_not_say_what_it_is_ends_at_stable() -> None:
    world = world_with(V1)
    world.journal.append(Event(kind="begin", rollout="other", time=1.0))
    world.journal.append(
        Event(kind="done", rollout="other", time=1.0, facts={"step": "promote", "version": 7})
    )
    outcome = machine.resume(conduct(world))
    assert outcome.reason == "A rollout was left unfinished: bike@v1.0.0 answers all requests."
    assert _serves(world, V1)


def test_resume_has_nothing_to_do_twice() -> None:
    world = world_with(V1)
    assert machine.resume(conduct(world)).ending == "nothing to do"
    assert _serves(world, V1)


def test_resume_of_a_living_rollout_is_refused() -> None:
    world = world_with(V1)
    world.owner, world.expires = "bob", 1e9
    with pytest.raises(BusyError):
        machine.resume(conduct(world))


def test_a_restart_of_stable_is_nobodys_fault() -> None:
    world = world_with(V1)
    world.time.events.append((1005.0, lambda: world.die(V1, again=True)))
    outcome = _roll(world)
    assert outcome.ending == "promoted"
    assert any("was restarted" in event.what for event in world.journal)


def test_measures_that_are_off_do_not_stop_a_version() -> None:
    world = world_with(V1)
    world.behaviours[V2.digest] = Behaviour(bins=(9, 1, 1, 1))
    assert _roll(world, analysis=AnalysisSpec(predictions=None)).ending == "promoted"


def test_a_defect_of_ours_goes_back_and_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(V1)
    monkeypatch.setattr("assay.rollout.analysis.judge", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _roll(world)
    assert _serves(world, V1)
    assert "A defect of Assay's" in world.journal[-1].what


def test_an_unfinished_rollout_is_finished_before_the_next() -> None:
    world = world_with(V1)
    with pytest.raises(Killed):
        machine.roll(conduct(world, kill_at=30), BUNDLE, V2, _plan())
    world.time.sleep(60)
    outcome = _roll(world, V3)
    assert (outcome.ending, outcome.before) == ("promoted", V1)
    assert outcome.notes == (
        "The rollout of bike@v2.0.0 was left unfinished: bike@v1.0.0 answers all requests.",
    )
    assert _serves(world, V3)


def test_the_journal_tells_the_whole_story() -> None:
    world = world_with(V1)
    acting = conduct(world)
    outcome = machine.roll(acting, BUNDLE, V2, _plan())
    own = [event for event in world.journal if event.rollout == outcome.rollout]
    assert [event.kind for event in own if event.kind != "judged"] == [
        "begin",
        *["intent", "done"] * 6,  # place, start, three steps, promote
        "end",
    ]
    judged = [event.facts["verdict"] for event in own if event.kind == "judged"]
    assert [one["stage"] for one in judged] == [one.stage for one in outcome.verdicts]
    assert all(not bar["bars"] for one in judged for bar in one["judgements"])


def test_what_resume_tells_has_the_evidence() -> None:
    world = world_with(V1)
    with pytest.raises(Killed):
        machine.roll(conduct(world, kill_at=40), BUNDLE, V2, _plan())
    outcome = machine.resume(conduct(world, "bob"))
    assert (outcome.version, outcome.stable) == (V2, V1)
    assert outcome.verdicts[0].stage == "5 %"
    assert outcome.reason.endswith("left unfinished: bike@v1.0.0 answers all requests.")


def test_resume_says_for_whom_it_waits() -> None:
    """Once: a terminal that is silent for half a minute looks hung."""
    world = world_with(V1)
    world.owner, world.expires = "deploy by ann", world.time.seconds + 20
    told: list[Event] = []
    acting = replace(conduct(world, "bob"), tell=told.append)
    assert machine.resume(acting).ending == "nothing to do"
    assert [one.what for one in told] == [
        "Waiting until the lease ends: deploy by ann holds the lease."
    ]


def test_a_target_that_fails_on_the_way_back_too_is_told_in_sentences() -> None:
    """As a user's program does whose last words end anyhow."""
    world = world_with(V1)
    acting = conduct(world)

    def route(_: Routing) -> None:
        raise TargetError("`weight` ended with exit code 7. It said: no such cluster")

    acting.target.route = route  # type: ignore[method-assign]
    outcome = machine.roll(acting, BUNDLE, V2, _plan())
    said = "`weight` ended with exit code 7. It said: no such cluster"
    assert (outcome.ending, outcome.exit_code) == ("error", 3)
    assert outcome.reason == f"{said}. Going back did not succeed: {said}"
    assert outcome.hint == machine.UNFINISHED
