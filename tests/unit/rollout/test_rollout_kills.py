"""A rollout that is killed anywhere, and whoever comes after it: users are always served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from assay.configrollout import EnvironmentSpec, HostSpec
from assay.errors import AssayError
from assay.rollout import machine
from assay.rollout.plan import plan
from assay.rollout.targets.base import Routing, VersionId
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rollout_target import V1, V2, V3, Behaviour, Killed, World, conduct, world_with

PLAN = plan(
    EnvironmentSpec(
        target=HostSpec(folder="x"), steps=("shadow", 25, 100), interval=2, bake=4, patience=2
    )
)
BAD = Behaviour(errors=0.3)


def _calls(world: World, act: Any) -> int:
    before = len(world.calls)
    act(conduct(world))
    return len(world.calls) - before


def _deploy(acting: Any) -> Any:
    return machine.roll(acting, Path("bundle"), V2, PLAN)


def _bad_world() -> World:
    world = world_with(V1)
    world.behaviours[V2.digest] = BAD
    return world


GOOD_CALLS = _calls(world_with(V1), _deploy)
BAD_CALLS = _calls(_bad_world(), _deploy)
ROLLBACK_CALLS = _calls(world_with(V1, V2), machine.rollback)


def _kill(world: World, act: Any, at: int) -> bool:
    """Whether it was killed before it had ended."""
    try:
        act(conduct(world, f"killed-{at}-{len(world.calls)}", kill_at=at))
    except Killed:
        return True
    return False


def _check(world: World, version: VersionId) -> None:
    """One version serves everybody, and nothing is left of any rollout."""
    state = conduct(world).target.state()
    assert state.stable == version
    assert state.routing == Routing(stable=version)
    assert state.running == (version,)
    assert state.rollout is None
    world.time.sleep(1)
    world.pass_time()
    assert world.lost == 0


def _resume(world: World) -> None:
    """Not at once: whoever was killed holds the lease for a while."""
    assert machine.resume(conduct(world, "resume")).exit_code == 0
    assert machine.resume(conduct(world, "resume")).ending == "nothing to do"


SIGNS = [1, -1]


@pytest.mark.parametrize("sign", SIGNS)
def test_killed_at_every_call_of_a_good_rollout(sign: int) -> None:
    ended = {V1.version: 0, V2.version: 0}
    for at in range(1, GOOD_CALLS + 1):
        world = world_with(V1)
        assert _kill(world, _deploy, sign * at) or at == GOOD_CALLS
        promoted = world.stable == V2
        _resume(world)
        _check(world, V2 if promoted else V1)
        ended[(world.stable or V1).version] += 1
    assert ended[V1.version] > 30
    assert ended[V2.version] > 4


@pytest.mark.parametrize("sign", SIGNS)
def test_killed_at_every_call_of_a_bad_rollout(sign: int) -> None:
    for at in range(1, BAD_CALLS + 1):
        world = _bad_world()
        _kill(world, _deploy, sign * at)
        _resume(world)
        _check(world, V1)


@pytest.mark.parametrize("sign", SIGNS)
def test_killed_at_every_call_of_a_rollback(sign: int) -> None:
    """It has said where it goes: whoever finishes it goes there too."""
    for at in range(1, ROLLBACK_CALLS + 1):
        world = world_with(V1, V2)
        _kill(world, machine.rollback, sign * at)
        begun = any(event.kind == "begin" for event in world.journal)
        _resume(world)
        _check(world, V1 if begun else V2)
        if not begun:
            machine.rollback(conduct(world))
            _check(world, V1)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_rollback_after_a_killed_rollback_goes_the_same_way(sign: int) -> None:
    for at in range(1, ROLLBACK_CALLS):
        world = world_with(V1, V2)
        _kill(world, machine.rollback, sign * at)
        # Once it has ended, the next one would go further back, to a version that is not there.
        if world.stable == V2 or conduct(world).target.state().rollout is not None:
            machine.rollback(conduct(world, "again"))
        _check(world, V1)


STEP = st.integers(-GOOD_CALLS, GOOD_CALLS).filter(bool)


@settings(max_examples=120)
@given(
    kills=st.lists(st.tuples(st.sampled_from(["deploy", "resume", "rollback"]), STEP), max_size=4),
    errors=st.sampled_from([0.0, 0.3]),
    crash=st.sampled_from([None, 1, 3, 7]),
    rate=st.sampled_from([0.0, 1000.0]),
    last=st.sampled_from(["resume", "deploy", "rollback"]),
)
def test_any_row_of_deaths_ends_with_one_version_for_all(
    kills: list[tuple[str, int]], errors: float, crash: int | None, rate: float, last: str
) -> None:
    world = world_with(V3, V1, rate=rate)
    world.behaviours[V2.digest] = Behaviour(errors=errors)
    if crash is not None:
        world.time.events.append((1000.0 + crash, lambda: _crash(world)))
    acts = {"deploy": _deploy, "resume": machine.resume, "rollback": machine.rollback}
    for name, at in kills:
        world.time.sleep(40)  # the lease of the one before has run out
        try:
            _kill(world, acts[name], at)
        except AssayError:  # nothing to go back to any more
            continue
    world.time.sleep(40)
    try:
        acts[last](conduct(world, "last"))
    except AssayError:
        machine.resume(conduct(world, "last"))
    stable = world.stable
    assert stable is not None
    _check(world, stable)


def _crash(world: World) -> None:
    if V2.digest in world.processes:
        world.die(V2)
