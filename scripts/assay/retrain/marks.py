"""What a retraining pull request remembers, in a line of its body that nobody sees.

So nothing has to be kept anywhere else. Who may write to the repository can change it, and then
what is gone is not known.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic import ValidationError

from assay.forge.comment import hidden
from assay.retrain.decision import Attempt

if TYPE_CHECKING:
    from datetime import datetime

    from assay.forge.proposals import Proposal
    from assay.retrain.decision import Decision

_MARK = re.compile(r"^<!-- assay:retrain (\S+) -->")
_KEPT = ("why", "until", "digest", "runs", "seen", "stopped")
MOST_RUNS = 50


def line(attempt: Attempt) -> str:
    """The first line of the body."""
    facts = attempt.model_dump(mode="json", include=set(_KEPT), exclude_none=True)
    return f"<!-- assay:retrain {hidden(json.dumps(facts, separators=(',', ':')))} -->\n"


def attempt(proposal: Proposal) -> Attempt | None:
    """What a pull request was; `None` of one that is not ours."""
    found = _MARK.match(proposal.body)
    if found is None:
        return None
    known = {
        "number": proposal.number,
        "url": proposal.url,
        "state": proposal.state,
        "opened": proposal.opened,
        "ended": proposal.ended,
    }
    try:
        return Attempt.model_validate({**_facts(found[1]), **known})
    except ValidationError:
        return Attempt.model_validate(known)


def _facts(encoded: str) -> dict[str, Any]:
    try:
        facts = json.loads(unquote(encoded))
    except (ValueError, RecursionError):
        return {}
    return {name: facts[name] for name in _KEPT if name in facts} if isinstance(facts, dict) else {}


def changed(body: str, new: Attempt) -> str:
    """A body with another mark."""
    return line(new) + _MARK.sub("", body, count=1).lstrip("\r\n")


def next_attempt(
    before: Attempt | None, decision: Decision, *, seen: str | None, now: datetime
) -> Attempt:
    """What the body is to remember after a training."""
    runs = (*(before.trainings if before else ()), now)[-MOST_RUNS:]
    return Attempt(
        number=before.number if before else 0,
        url=before.url if before else "",
        state="open",
        opened=before.opened if before else now,
        why=decision.why or "hand",
        until=decision.until,
        digest=decision.digest,
        runs=runs,
        seen=seen,
    )
