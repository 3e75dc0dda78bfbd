"""What people said about gates that stop the run, one line each, and how to say it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from assay.override import request
from assay.report import wording
from assay.report.escape import Code, Phrase, pieces

if TYPE_CHECKING:
    from assay.override import Override
    from assay.record import RunRecord

MOST_REFUSED = 5
"""Words that do not count are shown up to here, the newest; strangers can write many."""


def lines(record: RunRecord) -> tuple[Phrase, ...]:
    """Who accepted which gate, whose word does not count, and what to write in a comment."""
    accepted = record.accepted()
    said = [_accepted(override) for override in accepted.values()]
    refused = [one for one in record.overrides if one.refused and one.gate not in accepted]
    said += [_refused(override) for override in refused[-MOST_REFUSED:]]
    if len(refused) > MOST_REFUSED:
        earlier = wording.count(len(refused) - MOST_REFUSED, "earlier word")
        said.append((f"Not accepted: …and {earlier}, in the record.",))
    hint = _how_to(record)
    return (*said, hint) if hint else tuple(said)


def _accepted(override: Override) -> Phrase:
    when = f"{override.when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    author = ", the author of the pull request," if override.by_author else ""
    label = ", by a label" if override.how == "label" else ""
    said = ("Accepted: ", Code(override.gate), f" by @{override.who}{author} on {when} for ")
    why = f"because {override.why}" if override.why else "no reason given"
    return (*said, Code(override.sha[:7]), f"{label}: {why}")


def _refused(override: Override) -> Phrase:
    said = ("Not accepted: ", Code(override.gate), f" by @{override.who}: ")
    return (*said, *pieces(override.refused), ".")


def _how_to(record: RunRecord) -> Phrase:
    """What accepts the first gate that still stops the run, ready to be copied."""
    ci, compare, accepted = record.ci, record.compare, record.accepted()
    if ci.host != "github" or ci.pull_request is None or compare is None or not record.commit:
        return ()
    stopping = [gate.name for gate in compare.gates if gate.stops and gate.name not in accepted]
    # A fork's run cannot post the comment that would say which commit was seen.
    sha = record.commit if ci.from_fork else record.commit[:7]
    command = request(stopping[0], sha, record.comment_key) if stopping else None
    if command is None:
        return ()
    return ("Whoever may write to the repository can accept a gate by a comment: ", Code(command))
