"""What the supervisor runs when the lease of a rollout has run out: the way back to stable.

python -m assay.rollout.host.watchdog FOLDER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.rollout import journal
from assay.rollout.host import lease
from assay.rollout.host.agent import Agent, local
from assay.rollout.journal import Event
from assay.rollout.targets.base import Routing, TargetError

if TYPE_CHECKING:
    from assay.rollout.targets.base import VersionId

OWNER = "the watchdog"
_TTL = 300.0


def back(agent: Agent) -> str:
    """Go back to stable where a rollout has no end and nobody is at it; returns what was done.

    Raises:
        BusyError: Somebody is.
    """
    held = lease.read(agent.place.lease)
    if held is None or not held.expired(agent.clock):
        return "nothing to do"
    agent.acquire(OWNER, _TTL)
    try:
        rollout = journal.unfinished(agent.events())
        if rollout is None:
            return f"the lease of {held.owner} had run out, and nothing was unfinished"
        said = _finish(agent, rollout, held.owner)
    finally:
        agent.release(OWNER)
    return said


def _finish(agent: Agent, rollout: str, owner: str) -> str:
    state = agent.state()
    why = f"{owner} did not go on with it: its lease ran out"
    facts = {"outcome": "rolled back", "by": OWNER}
    if state.stable is None:
        # The first version of all: there is nothing to go back to, and it may be what answers.
        what = f"{why}; there is no version before it, so nothing was changed"
        _end(agent, rollout, what, {"outcome": "error", "by": OWNER})
        return what
    agent.start(state.stable)
    agent.route(Routing(stable=state.stable))
    for one in state.running:
        if not one.same(state.stable):
            _stopped(agent, one)
    what = f"{why}; back to {state.stable}"
    _end(agent, rollout, what, facts)
    return what


def _stopped(agent: Agent, version: VersionId) -> None:
    """Users are answered by stable already; what does not end must not keep us from saying so."""
    try:
        agent.stop(version)
    except TargetError as error:
        print(error.message, flush=True)


def _end(agent: Agent, rollout: str, what: str, facts: dict[str, str]) -> None:
    agent.append(Event(kind="end", rollout=rollout, time=time.time(), what=what, facts=facts))


def main(folder: Path) -> int:
    """Returns: The exit code."""
    try:
        print(back(local(folder)), flush=True)
    except AssayError as error:
        print(error.message, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
