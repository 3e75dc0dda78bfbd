"""rollback: users back to the version before, at once; and the end of what was left unfinished.

Nothing comes before it: no gate, no build, no download, no request to GitHub. What GitHub is told,
it is told afterwards.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from assay.report import rolloutstatus
from assay.rollout import admission, interrupt, machine, placing
from assay.rollout.placing import CLOCK

if TYPE_CHECKING:
    from assay.context import Context
    from assay.report.rollout import Told
    from assay.rollout.conduct import Clock
    from assay.rollout.outcome import Outcome


def run(context: Context, environment: str, *, to: str | None, clock: Clock = CLOCK) -> Told:
    """Send all requests to the version before, whatever is under way.

    Args:
        context: The project.
        environment: Where.
        to: A version that is on the target; by default the last good one.
        clock: Time.

    Raises:
        UsageError: There is no such version on the target, or none to go back to.
        OutsideError: The target cannot be reached.
    """
    spec = admission.environment(context.config.environments, environment)
    with (
        placing.target(context, environment, spec, None) as target,
        interrupt.once(),
    ):
        conduct = placing.conduct(context, target, f"rollback of {environment}", clock)
        outcome = machine.rollback(conduct, to)
    return _recorded(context, environment, spec.url, outcome)


def resume(context: Context, environment: str, *, clock: Clock = CLOCK) -> Told:
    """Finish what an interrupted rollout left.

    Raises:
        BusyError: It is under way.
        OutsideError: The target cannot be reached.
    """
    spec = admission.environment(context.config.environments, environment)
    with (
        placing.target(context, environment, spec, None) as target,
        interrupt.once(),
    ):
        conduct = placing.conduct(context, target, f"resumption in {environment}", clock)
        outcome = machine.resume(conduct)
    return _recorded(context, environment, spec.url, outcome)


def _recorded(context: Context, environment: str, url: str | None, outcome: Outcome) -> Told:
    # What talks to GitHub is loaded when users are back already.
    from assay.rollout.recording import Recording

    return Recording(context, environment, url).end(outcome)


def status(context: Context, environment: str) -> str:
    """What an environment is like now, for people.

    Raises:
        OutsideError: The target cannot be reached.
    """
    spec = admission.environment(context.config.environments, environment)
    with placing.target(context, environment, spec, None) as target:
        state, seen, events = target.state(), target.observe(), target.events()
    width = shutil.get_terminal_size((100, 0)).columns
    return rolloutstatus.text(state, seen, events, environment=environment, width=width)
