"""Runs stages: times them, turns exceptions into sections, keeps the record on disk."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from assay import record as records
from assay.errors import AssayError
from assay.report.annotations import limited
from assay.section import Reason, Section, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assay.context import Context
    from assay.record import RunRecord

# What a stage cannot do without. A stage whose need ended in an error is skipped; one whose need
# merely failed still runs, because people want to see everything that is wrong at once.
NEEDS = {
    "validate": ("checkout",),
    "test": ("checkout",),
    "train": ("checkout",),
    "evaluate": ("checkout", "train"),
    "compare": ("evaluate",),
    "package": ("evaluate", "compare"),
}

INTERRUPTED = 130
"""What shells say of a program that Ctrl-C ended."""


def run_stages(
    names: Sequence[str],
    context: Context,
    *,
    problem: AssayError | None = None,
    debug: bool = False,
) -> Context:
    """Run stages in order and return the context with all their sections.

    Never raises for a failing stage: its section says what happened, so that the record stays
    readable and the report gets posted. An interruption is recorded likewise, and goes on.

    Args:
        names: Stages, from `record.STAGES`.
        context: What they are given.
        problem: What is wrong already; the first stage ends with it instead of running.
        debug: Print tracebacks of expected errors too.
    """
    shown: list[Reason] = []
    for at, name in enumerate(names, start=1):
        context = _run_stage(name, context, problem=problem, debug=debug)
        shown += _annotate(name, context, shown=shown, to_come=len(names) - at)
        section = context.record.section(name)
        if section and section.exit_code == INTERRUPTED and section.blocked_by is None:
            raise KeyboardInterrupt
        problem = None
    return context


def _annotate(
    name: str, context: Context, *, shown: Sequence[Reason], to_come: int
) -> Sequence[Reason]:
    """Put the reasons of a stage on the lines that they are about; returns what was shown."""
    section = context.record.section(name)
    if section is None or section.blocked_by is not None:
        return ()  # its closing line has said it, and it is no news
    reasons = limited(section.reasons, shown=shown, to_come=to_come)
    for reason in reasons:
        context.console.annotate(_placed(reason, context))
    return reasons


def _run_stage(name: str, context: Context, *, problem: AssayError | None, debug: bool) -> Context:
    start = context.clock()
    with context.console.group(name):
        if problem is not None:
            section = _error(_module(name)[1], problem)
        else:
            section = _blocked(name, context.record) or _guarded(name, context, debug=debug)
        section = section.model_copy(update={"seconds": round(context.clock() - start, 3)})
        context.console.line(_closing_line(name, section), style=_STYLES[section.status])
    record = context.record.with_section(name, section)
    if section.reasons:
        from assay.report import places  # parses with ast, which a run without findings need not

        reasons = places.located(
            record, section.reasons, context.workspace.read, config=context.config_file
        )
        record = record.with_section(name, section.model_copy(update={"reasons": reasons}))
    records.save(record, context.workspace.state / records.FILE)
    return context.with_record(record)


def _guarded(name: str, context: Context, *, debug: bool) -> Section:
    run, section_type = _module(name)
    try:
        section = run(context)
    except AssayError as error:
        if debug:
            context.console.trace()
        return _error(section_type, error)
    except KeyboardInterrupt:
        reason = Reason(message=f"{name} was interrupted before it ended.")
        return section_type(status=Status.ERROR, exit_code=INTERRUPTED, reasons=(reason,))
    except Exception as error:  # noqa: BLE001 (the one place where defects become a section)
        context.console.trace()
        return section_type(
            status=Status.ERROR,
            exit_code=AssayError.exit_code,
            reasons=(
                Reason(
                    message=f"Assay itself failed in {name}: {type(error).__name__}: {error}",
                    hint="This is a defect of ours: please report it with the log above.",
                ),
            ),
        )
    if section.status is Status.FAIL and section.exit_code == 0:
        return section.model_copy(update={"exit_code": 1})
    return section


def _module(name: str) -> tuple[Callable[[Context], Section], type[Section]]:
    """The `run` of a stage and the type of its section; heavy stages are imported when they run."""
    module = importlib.import_module(f"assay.stages.{name}")
    return module.run, getattr(module, f"{name.capitalize()}Section")


def _error(section_type: type[Section], error: AssayError) -> Section:
    reasons = (Reason.of(error),)
    return section_type(status=Status.ERROR, exit_code=error.exit_code, reasons=reasons)


def _blocked(name: str, record: RunRecord) -> Section | None:
    for need in NEEDS.get(name, ()):
        found = record.section(need)
        if found is None:
            continue
        blocks = found.status is Status.ERROR or (need == "train" and found.status is Status.FAIL)
        if blocks or (found.status is Status.SKIPPED and need == "evaluate"):
            message = f"Skipped, because {need} did not succeed."
            reason = Reason(message=message, severity="note", hint=f"Run `assay {need}` again.")
            return _module(name)[1](
                status=Status.SKIPPED,
                reasons=(reason,),
                blocked_by=need,
                exit_code=found.exit_code,  # run alone, it must not look like a success
            )
    return None


def _placed(reason: Reason, context: Context) -> Reason:
    """The reason with its file named from the root of the git repository, as GitHub wants it."""
    if reason.file is None:
        return reason
    try:
        prefix = context.workspace.git.prefix()
    except AssayError:
        return reason
    return reason.model_copy(update={"file": f"{prefix}{reason.file}"})


_STYLES = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "red",
    Status.SKIPPED: "dim",
    Status.ERROR: "red",
}


def _closing_line(name: str, section: Section) -> str:
    if section.blocked_by is not None:
        return f"{name}: skipped, because {section.blocked_by} did not succeed"
    return f"{name}: {section.status.value} ({section.seconds:.1f} s)"
