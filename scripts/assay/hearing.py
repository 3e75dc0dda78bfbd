"""What people answered on a pull request: the words that let a gate pass, asked of the forge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay import record as records
from assay.connection import connect
from assay.errors import ForgeError
from assay.forge.comment import marker
from assay.override import judge, speakers
from assay.section import Reason

if TYPE_CHECKING:
    from assay.context import Context
    from assay.override import Override
    from assay.provenance import Provenance
    from assay.record import RunRecord


def hear(
    context: Context, *, key: str, title: str = "", provenance: Provenance | None = None
) -> Context:
    """The context with what people said about the gates that stop this run, in its record.

    What was there before is gone: the project's code can write the record too, and only the forge
    says who said what. Where it does not answer nothing is accepted.

    Args:
        context: The run.
        key: What tells its comment from others.
        title: What the report calls the model.
        provenance: Whose word it rests on, where another run found it.
    """
    named = {"comment_key": key, "title": title, "provenance": provenance}
    record = context.record.model_copy(update={"overrides": (), **named})
    try:
        record = record.model_copy(update={"overrides": _overrides(context, record)})
    except ForgeError as error:
        message = f"Nobody's word on a gate could be read, so none counts: {error.message}"
        context.console.annotate(Reason(message=message, hint=error.hint, severity="warning"))
    if record != context.record:
        records.save(record, context.workspace.state / records.FILE)
    return context.with_record(record)


def _overrides(context: Context, record: RunRecord) -> tuple[Override, ...]:
    number, head = context.ci.pull_request, record.pushed
    gates = record.compare.gates if record.compare else ()
    if number is None or head is None or context.ci.host != "github":
        return ()
    if not any(gate.stops for gate in gates):
        return ()  # nobody has to be asked
    forge = connect(context.ci, context.environ)
    thread = forge.thread(number)
    if thread.head != head:
        # Its own run reads them. The commit is the event's to say, which earlier steps can change.
        context.console.line(f"The pull request is at {thread.head[:7]} now, not at {head[:7]}.")
        return ()
    if thread.labels_hidden:
        message = "Nobody's label on a gate could be read, so none counts; a comment does."
        hint = "Add `permissions: issues: read` to the job."
        context.console.annotate(Reason(message=message, hint=hint, severity="warning"))
    voices = thread.voices()
    return judge(
        voices,
        permitted=forge.writers(speakers(voices)),
        author=thread.author,
        head=head,
        shown=thread.shown(marker(record.comment_key)),
        gates=[gate.name for gate in gates if gate.stops or gate.warns],
        key=record.comment_key,
    )
