"""Which bundles stay on a host: a way back needs those that were good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.rollout.host.agent import Agent, local
from assay.rollout.host.settings import HostSettings
from assay.rollout.journal import Event
from assay.rollout.targets.base import VersionId

if TYPE_CHECKING:
    from pathlib import Path

    from assay.rollout.host.settings import Trusted


def _version(number: int) -> VersionId:
    return VersionId(name="bikes", version=f"v1.{number}.0", digest=f"{number:x}" * 64)


def _received(source: Path, parts: Path, one: VersionId, _: Trusted) -> Path:
    del source
    folder = parts / f"bundle-{one.version}"
    folder.mkdir()
    return folder


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    settings = HostSettings(listen="127.0.0.1:1", assay="assay", keep=3, keeper="supervisor")
    agent = local(tmp_path, settings)
    agent.receive = _received
    agent.place.make()
    return agent


def _place(agent: Agent, *numbers: int) -> None:
    for number in numbers:
        agent.place_bundle(agent.place.folder, _version(number))


def _promote(agent: Agent, number: int, last_good: int | None = None) -> None:
    version = _version(number)
    agent.promote(version, None if last_good is None else _version(last_good))
    facts = {"step": "promote", "version": version.model_dump()}
    agent.append(Event(kind="done", rollout=f"r{number}", time=1.0, facts=facts))


def _there(agent: Agent) -> set[str]:
    return {one.version for one in agent.state().placed}


def test_candidates_that_failed_do_not_push_out_what_was_good(agent: Agent) -> None:
    for number in (1, 2, 3):
        _place(agent, number)
        _promote(agent, number, number - 1 or None)
    _place(agent, 4, 5, 6, 7)
    assert _there(agent) == {"v1.1.0", "v1.2.0", "v1.3.0", "v1.7.0"}


def test_of_many_good_ones_the_newest_stay(agent: Agent) -> None:
    for number in range(1, 7):
        _place(agent, number)
        _promote(agent, number, number - 1 or None)
    _place(agent, 7)
    assert _there(agent) == {"v1.4.0", "v1.5.0", "v1.6.0", "v1.7.0"}


def test_what_was_gone_back_from_is_no_better_than_a_candidate(agent: Agent) -> None:
    _place(agent, 1, 2)
    _promote(agent, 1)
    _promote(agent, 2, 1)
    _promote(agent, 1)
    _place(agent, 3, 4, 5)
    assert _there(agent) == {"v1.1.0", "v1.5.0", "v1.4.0"}
