"""What the supervisor runs when the lease of a rollout has run out: the way back to stable.

Run as `python -m assay.rollout.host.watchdog FOLDER`. It goes the same way as `assay rollout
resume`, which anybody may run elsewhere at the same time: the lease is one's alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.rollout import machine
from assay.rollout.conduct import TTL, Conduct
from assay.rollout.host import lease
from assay.rollout.host.agent import Agent, local
from assay.rollout.targets.host import HostTarget

if TYPE_CHECKING:
    from assay.rollout.journal import Event

OWNER = "the watchdog"
_AGAIN = 10.0
"""Seconds after which it is tried again where it did not succeed."""


def back(agent: Agent) -> str:
    """Go back to stable where a rollout has no end and nobody is at it; returns what was done.

    Raises:
        BusyError: Somebody is.
        AssayError: It did not succeed; then the lease is left to run out again, which is when the
            supervisor asks for the next try.
    """
    held = lease.read(agent.place.lease)
    if held is None or not held.expired(agent.clock):
        return "nothing to do"
    agent.acquire(OWNER, TTL)
    try:
        outcome = machine.resume(Conduct(HostTarget(agent), OWNER, tell=_tell))
    except BaseException:
        agent.acquire(OWNER, _AGAIN)
        raise
    return f"after the lease of {held.owner}: {outcome.reason}"


def _tell(event: Event) -> None:
    print(event.what, flush=True)


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
