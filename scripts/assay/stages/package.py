"""package: the model as a bundle that provably gives the same answers."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import evaluation, extras, rescoring
from assay.errors import OutsideError, UsageError
from assay.evaluation import Found
from assay.notwritten import not_written
from assay.packaging import archive, asking, bundle, contents, licenses, source
from assay.packaging.facts import Tolerance
from assay.packaging.job import COLUMNS, ExportJob
from assay.packaging.manifest import PASSED, Environment, Manifest, MetricValue
from assay.packaging.profile import FILE as PROFILE
from assay.packaging.section import PackageSection
from assay.report.wording import size
from assay.section import Reason, Status
from assay.stages import compare, evaluate
from assay.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.context import Context
    from assay.packaging.facts import Export
    from assay.packaging.job import ExportAnswer
    from assay.packaging.manifest import Source
    from assay.record import RunRecord
    from assay.stats.alone import Interval

_NO_LICENSE = Reason(
    message="Nothing says under which licence the model is passed on.",
    severity="note",
    hint="Set `package.license` in assay.yaml, as `Apache-2.0`.",
)
_PACKAGES = {
    "onnx": ("onnx", "onnxruntime", "zstandard"),
    "native": ("skops", "zstandard"),
    "auto": ("onnx", "onnxruntime", "skops", "zstandard"),
}
"""By the format that is asked for."""


def run(context: Context) -> PackageSection:
    """Export the model, prove the export, and put the bundle together.

    Raises:
        UsageError: There is no model, no table to prove the export on, or no record of this commit.
        ProjectEnvironmentError: A package is missing; said before the model takes its time.
        OutsideError: The bundle cannot be written, or the export was killed.
    """
    parent = context.workspace.state / bundle.FOLDER
    # `.assay/` is of one run: what is not made now must not be signed as if it had been.
    shutil.rmtree(parent, ignore_errors=True)
    _require_evaluation(context.record)
    extras.require(_PACKAGES[context.config.package.format], extra="package", what="Bundles need")
    files = context.workspace.head_files()
    model = source.model_file(context.config, files)
    whole = _Subject(
        name=source.artifact_name(context.config, files, model, folder=context.workspace.root.name),
        description=source.description(files, model),
        license=_license(context),
        source=source.of(context, model),
    )
    with _scratch(parent) as scratch, ThreadPoolExecutor(max_workers=1) as pool:
        # The child imports for seconds: what is known already is put into words meanwhile.
        beside = pool.submit(contents.known, context)
        answer = _export(context, model, scratch)
        export = answer.export
        if export is None or not export.parity.passed:
            return _refused(answer)
        known = beside.result()
        if export.conversion is not None and export.conversion.quantized:
            head = _predicted(context, answer, scratch / "out")
            context = _measured_again(context, head)
            if refusal := _worse(context.record):
                return refusal
            known = contents.known(context, head)
        record = context.record
        manifest = _manifest(whole, record, export, known.intervals)
        exported = _exported(scratch, manifest)
        made = bundle.write(
            parent,
            manifest,
            contents.files(
                manifest,
                exported,
                record,
                known,
                labels=source.labels(files, model),
                hint=export.native_hint,
            ),
        )
    packed = archive.pack(made, parent / archive.NAME)
    section = _section(context, made, packed, answer)
    context.console.line(_said(section))
    return section


@dataclass(frozen=True)
class _Subject:
    """What is packaged."""

    name: str
    description: str | None
    license: str | None
    source: Source


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=parent, prefix=".export-")
    except OSError as error:
        raise not_written(parent, error) from error
    with folder as path:
        yield Path(path)


def _license(context: Context) -> str | None:
    said = context.config.package.license
    return None if said is None else licenses.canonical(said)


def _exported(scratch: Path, manifest: Manifest) -> Path:
    """The folder with what the child wrote; code of the model's may have written there too.

    Raises:
        OutsideError: A file is not there, or is a link.
    """
    folder = scratch / "out"
    for name in (manifest.model, PROFILE):
        path = folder / name
        if path.parent != folder or path.is_symlink() or not path.is_file():
            raise OutsideError(
                f"The process that loads the model did not write {name!r}.",
                hint="Code of the model's own may have removed it.",
            )
    return folder


def _require_evaluation(record: RunRecord) -> None:
    """Refuse a record that does not say what this commit's model is worth."""
    if record.compare is None or record.evaluate is None or record.evaluate.head is None:
        raise UsageError(
            "This commit's model was not evaluated here, so nothing is known of it.",
            hint="Run `assay check` first.",
        )


def _export(context: Context, model: str, scratch: Path) -> ExportAnswer:
    config, root = context.config, context.workspace.root
    spec = config.package
    table = source.table(config)
    if table is None:
        raise UsageError(
            "No table is known that the model could be asked about, so no export can be proved.",
            hint="Name the features of the evaluation data, as `predictions.features`.",
            key=("package", "features"),
        )
    out = scratch / "out"
    out.mkdir()
    features, apart = table
    job = ExportJob(
        root=str(root),
        model=str(root / model),
        shown=model,
        features=str(root / features),
        apart=apart,
        sensitive=tuple(sorted(contents.sensitive(context.record))),
        folder=str(out),
        form=spec.format,
        tolerance=Tolerance(absolute=spec.tolerance.absolute, relative=spec.tolerance.relative),
        quantize=spec.quantize,
        predictions=config.predictions,
    )
    return asking.export(job, scratch, cwd=root, environ=context.environ, console=context.console)


def _predicted(context: Context, answer: ExportAnswer, out: Path) -> Found:
    """What a quantized export predicts, as head's predictions.

    Raises:
        UsageError: Its predictions could not be made, so that no gate can be decided.
    """
    workspace, spec = context.workspace, context.config.predictions
    found = evaluation.read(workspace.root, workspace.head_files(), context.config)
    if spec is None or found.frame is None or not answer.columns:
        raise UsageError(
            "What the quantized model is worth is not known: its predictions could not be made.",
            hint="Name the predictions and the table of their features in assay.yaml "
            "(`predictions.features`), or set `package.quantize: false`.",
        )
    frame = rescoring.with_columns(found.frame, out / COLUMNS, answer.columns)
    return Found(frame=frame, predictions=evaluation.parse(frame, spec, like=found.predictions))


def _measured_again(context: Context, head: Found) -> Context:
    """The run as it would have been with other predictions: the metrics, and what gates say."""
    section = evaluate.again(context, head)
    found = context.with_record(context.record.model_copy(update={"evaluate": section}))
    compared = compare.run(found)
    return found.with_record(found.record.model_copy(update={"compare": compared}))


def _worse(record: RunRecord) -> PackageSection | None:
    """A refusal, where a quantized model does not pass what the model passed."""
    sections = [one for one in (record.evaluate, record.compare) if one is not None]
    wrong = [one for section in sections for one in section.reasons if one.severity == "error"]
    if not wrong:
        return None
    hint = "Set `package.quantize: false`: quantizing costs more than that allows."
    reasons = [
        one.model_copy(update={"message": f"Quantized: {one.message}", "hint": hint})
        for one in wrong
    ]
    return PackageSection(status=Status.FAIL, reasons=tuple(reasons), exit_code=1)


def _refused(answer: ExportAnswer) -> PackageSection:
    """A bundle that is not made; parity is shown where it is why."""
    code = answer.exit_code or 1
    return PackageSection(
        status=Status.FAIL if code == 1 else Status.ERROR,
        reasons=answer.reasons,
        exit_code=code,
        mismatches=answer.export.parity.mismatches if answer.export else (),
    )


def _manifest(
    whole: _Subject, record: RunRecord, export: Export, intervals: Mapping[str, Interval]
) -> Manifest:
    """All that is known of the model, but the files."""
    return Manifest(
        name=whole.name,
        description=whole.description,
        license=whole.license,
        kind=export.kind,
        model=export.file,
        estimator=export.estimator,
        signature=export.signature,
        source=whole.source,
        environment=Environment(python=export.python, packages=export.packages),
        conversion=export.conversion,
        why_native=export.why_native,
        parity=export.parity,
        tested=export.tested,
        metrics=tuple(_metrics(record, intervals)),
        confidence=record.config.statistics.confidence if intervals else None,
        gates=tuple(contents.gates(record)),
        # Not what packaging came to the last time.
        verdict=decide(record.model_copy(update={"package": None})).outcome,
        files=(),
    )


def _metrics(record: RunRecord, intervals: Mapping[str, Interval]) -> Iterator[MetricValue]:
    evaluation = record.evaluate.head if record.evaluate else None
    for one in evaluation.metrics if evaluation else ():
        known = intervals.get(one.name) if one.recomputed else None
        yield MetricValue(
            name=one.name,
            value=one.value,
            low=known.low if known else None,
            high=known.high if known else None,
            configured=one.name in record.config.metrics,
        )


def _section(
    context: Context, made: bundle.Bundle, packed: Path, answer: ExportAnswer
) -> PackageSection:
    manifest, root = made.manifest, context.workspace.root
    reasons = answer.reasons
    if manifest.license is None:
        reasons = (*reasons, _NO_LICENSE)
    if manifest.why_native is not None and context.config.package.format == "auto":
        hint = answer.export.native_hint if answer.export else None
        why = Reason(message=manifest.why_native, severity="warning", hint=hint)
        reasons = (*reasons, why)
    if manifest.verdict not in PASSED:
        message = f"The check of this commit came to `{manifest.verdict}`: nobody will release it."
        reasons = (*reasons, Reason(message=message, severity="warning"))
    warned = any(one.severity == "warning" for one in reasons)
    return PackageSection(
        status=Status.WARN if warned else Status.PASS,
        reasons=reasons,
        name=manifest.name,
        digest=made.digest,
        folder=made.folder.relative_to(root).as_posix(),
        archive=packed.relative_to(root).as_posix(),
        bytes=packed.stat().st_size,
        kind=manifest.kind,
        why_native=manifest.why_native,
        rows=sum(rows.count for rows in manifest.parity.rows),
    )


def _said(section: PackageSection) -> str:
    """What was made, in three lines."""
    form = "ONNX" if section.kind == "onnx" else "skops"
    return (
        f"bundle  {section.folder}: {form}, the same answers on {section.rows:,} rows\n"
        f"archive {section.archive}: {size(section.bytes or 0)}\n"
        f"digest  {section.digest}"
    )
