"""From a model's file to a bundle's: loaded, converted, and proved to say the same.

All of it in a process of its own (see `__main__`). What is written are the model's file and
`profile.json`, and only where parity holds.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay import extras
from assay.console import printable
from assay.contract import reader, usercode
from assay.errors import AssayError, ProjectEnvironmentError
from assay.packaging import conversion, loading, native, parity, profile, quantizing, signature
from assay.packaging.facts import Export
from assay.packaging.job import ExportAnswer
from assay.packaging.licenses import Installed
from assay.packaging.parity.answers import Original
from assay.packaging.parity.session import Session
from assay.packaging.structure import described
from assay.packaging.tested import hold, predict
from assay.section import Reason
from assay.stats.columns import text_names
from assay.workspace import write_atomically

if TYPE_CHECKING:
    import pandas as pd

    from assay.models import Model
    from assay.packaging.facts import Conversion, Kind, Parity, Signature
    from assay.packaging.job import ExportJob
    from assay.packaging.parity import Questions
    from assay.packaging.parity.answers import Answerer
    from assay.workspace.dvcfiles import DvcFiles

_FILES: dict[Kind, str] = {"onnx": "model.onnx", "native": "model.skops"}
_SAMPLE = 100
"""Rows that a converter may look at."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A model, the rows that it is asked about, and what it says of them."""

    job: ExportJob
    model: Model
    frame: pd.DataFrame
    original: Original
    signature: Signature
    questions: Questions


@dataclass(frozen=True, eq=False)
class Candidate:
    """An export, held against the model."""

    kind: Kind
    content: bytes
    signature: Signature
    parity: Parity
    conversion: Conversion | None = None
    why_native: str | None = None
    native_hint: str | None = None
    quantized: Session | None = None
    """Where its weights were quantized: itself, to be asked."""


def export(job: ExportJob, files: DvcFiles) -> ExportAnswer:
    """Export a model. Call it inside `usercode.importable`.

    Args:
        job: Which model, on which rows, to where.
        files: What DVC's files say.

    Raises:
        AssayError: It cannot be done.
    """
    subject = prepare(job, files)
    tested = hold(subject.model, job)
    candidate = chosen(subject)
    fact = Export(
        kind=candidate.kind,
        file=_FILES[candidate.kind],
        estimator=described(subject.model.estimator),
        signature=candidate.signature,
        conversion=candidate.conversion,
        why_native=candidate.why_native,
        native_hint=candidate.native_hint,
        parity=candidate.parity,
        tested=tested.rows,
        packages=Installed.here().versions,
        python=platform.python_version(),
    )
    if not candidate.parity.passed:
        return ExportAnswer(export=fact, reasons=tuple(_disagreement(fact, job)), exit_code=1)
    folder = Path(job.folder)
    said = subject.questions.evaluation
    known = profile.of(said.rows.frame, said.expected, candidate.signature, sensitive=job.sensitive)
    write_atomically(folder / fact.file, candidate.content)
    write_atomically(folder / profile.FILE, known.model_dump_json() + "\n")
    notes = (*subject.model.notes, *([] if tested.why is None else [tested.why]))
    columns: list[str] = []
    if candidate.quantized is not None and tested.head is not None:
        columns = predict(tested.head, candidate.quantized, subject.original.outputs, folder)
    return ExportAnswer(export=fact, columns=tuple(columns), reasons=notes)


def prepare(job: ExportJob, files: DvcFiles) -> Subject:
    """Load the model, and ask it.

    Raises:
        AssayError: It cannot be loaded, or the table does not fit it.
    """
    root, model_file, table_file = Path(job.root), Path(job.model), Path(job.features)
    _say(f"Loading {job.shown}")
    model = loading.load(model_file, shown=job.shown, root=root, files=files)
    shown = table_file.relative_to(root).as_posix() if table_file.is_relative_to(root) else "table"
    shown = printable(shown)
    table = reader.read(table_file, backend="pandas", shown=shown, private=bool(job.sensitive))
    frame = signature.rows_of(model, text_names(table), apart=job.apart)
    matrix = model.fitted_names() is None and hasattr(model.estimator, "n_features_in_")
    signed = signature.of(
        model.estimator, frame, matrix=matrix, shown=shown, sensitive=job.sensitive
    )
    dtype = signed.inputs[0].dtype if matrix else None
    if dtype is not None and dtype != "string":
        frame = frame.astype(dtype)
    outputs = tuple(one.name for one in signed.outputs)
    original = Original(model.estimator, dtype, outputs, private=bool(job.sensitive))
    _say(f"Asking the model about {len(frame):,} rows, and about rows that are hard to get right")
    asked = parity.questions(original, frame, signed)
    return Subject(job, model, frame, original, _nullable(signed, asked), asked)


def _nullable(signed: Signature, asked: Questions) -> Signature:
    """A signature that says where a missing value was answered."""
    one_matrix = len(signed.inputs) == 1 and signed.inputs[0].name not in asked.nullable
    inputs = [
        one.model_copy(update={"nullable": True})
        if one.nullable or one.name in asked.nullable or (one_matrix and asked.nullable)
        else one
        for one in signed.inputs
    ]
    return signed.model_copy(update={"inputs": tuple(inputs)})


def chosen(subject: Subject) -> Candidate:
    """The export in the form that is asked for; native where ONNX cannot be and need not be.

    Raises:
        AssayError: There is none.
    """
    form = subject.job.form
    if form == "native":
        return _native(subject, "assay.yaml asks for a native bundle (`package.format`).")
    try:
        converted, session = _converted(subject)
    except conversion.NotConvertible as error:
        if form == "onnx":
            raise
        _say(f"Not ONNX: {error.message}")
        return replace(_native(subject, error.message), native_hint=error.hint)
    content, facts = converted.model, converted.conversion
    found = _held(subject, session, graph=content)
    if not (subject.job.quantize and found.passed):
        return Candidate("onnx", content, session.signature, found, facts)
    content = quantizing.quantized(content)
    session = Session(content, subject.signature)
    found = quantizing.judged(_held(subject, session, graph=None))
    facts = quantizing.facts(facts, content)
    return Candidate("onnx", content, session.signature, found, facts, quantized=session)


def _converted(subject: Subject) -> tuple[conversion.Converted, Session]:
    """The model as ONNX, loaded.

    Raises:
        NotConvertible: It cannot become ONNX, or nothing that runs.
        ProjectEnvironmentError: A package is missing.
    """
    _say("Converting to ONNX")
    sample = subject.frame.iloc[:_SAMPLE]
    try:
        converted = conversion.convert(subject.model.estimator, subject.signature, sample)
        return converted, Session(converted.model, subject.signature)
    except conversion.NotConvertible:
        raise
    except ImportError as error:
        raise ProjectEnvironmentError(
            f"Converting to ONNX needs `{printable(error.name or str(error))}`, which is not "
            "installed.",
            hint=extras.hint("onnx"),
        ) from error
    except Exception as error:  # converters are the user's and skl2onnx's: they raise anything
        what = type(error).__name__ if subject.job.sensitive else _said(error)
        raise conversion.NotConvertible(
            f"{described(subject.model.estimator)} does not become ONNX: {what}.".replace(
                "..", "."
            ),
            hint="Set `package.format: native`, or register a converter.",
        ) from error


def _said(error: BaseException) -> str:
    if isinstance(error, AssayError):
        return error.message.rstrip(".")
    return f"{type(error).__name__}: {usercode.first_line(error)}"


def _native(subject: Subject, why: str) -> Candidate:
    _say("Writing the model with skops")
    root = Path(subject.job.root)
    content = native.dumped(subject.model.estimator, root=root)
    again = replace(subject.original, estimator=native.loaded(content, root=root))
    found = _held(subject, again, graph=None)
    return Candidate("native", content, subject.signature, found, why_native=why)


def _held(subject: Subject, export: Answerer, *, graph: bytes | None) -> Parity:
    rows = sum(len(one.rows.frame) for one in subject.questions.each)
    _say(f"Asking the export about the same {rows:,} rows")
    return parity.hold(
        subject.questions,
        subject.original,
        export,
        subject.job.tolerance,
        sensitive=subject.job.sensitive,
        graph=graph,
    )


def _disagreement(fact: Export, job: ExportJob) -> list[Reason]:
    """What to say of an export that says something else than its model."""
    wrong = [
        (one.name, max(output.mismatches for output in one.outputs), one.count)
        for one in fact.parity.rows
        if any(output.mismatches for output in one.outputs)
    ]
    sets = ", ".join(f"{count:,} of {total:,} rows of `{name}`" for name, count, total in wrong)
    hint = "`package.format: native` packages the model as it is. Please report the estimator."
    if fact.conversion is not None and fact.conversion.quantized:
        hint = "Set `package.quantize: false`, or a wider `package.tolerance`."
    said = f"{job.shown} and {fact.file} disagree: {sets}."
    reasons = [Reason(message=" ".join(filter(None, (said, fact.parity.cause))), hint=hint)]
    for one in fact.parity.mismatches:
        values = ", ".join(f"{name} = {value}" for name, value in one.inputs.items())
        reasons.append(
            Reason(
                severity="note",  # the first says that, and how many
                message=f"Row {one.row + 1:,} of `{one.rows}`: {one.output} is {one.expected} by "
                f"the model and {one.got} by {fact.file}. {printable(values)}.",
            )
        )
    return reasons


_STARTED = time.monotonic()


def _say(what: str) -> None:
    """A line of progress: a reader of the log sees what takes long."""
    print(f"{time.monotonic() - _STARTED:6.1f} s  {what}", flush=True)
