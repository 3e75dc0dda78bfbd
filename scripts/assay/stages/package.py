"""package: the model as a bundle that provably gives the same answers."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import OutsideError, UsageError
from assay.packaging import archive, asking, bundle, contents, licenses, source
from assay.packaging.facts import Tolerance
from assay.packaging.job import ExportJob
from assay.packaging.manifest import Environment, Manifest, MetricValue
from assay.packaging.profile import FILE as PROFILE
from assay.packaging.section import PackageSection
from assay.section import Reason, Status
from assay.verdict import decide
from assay.workspace import not_written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.context import Context
    from assay.packaging.facts import Export
    from assay.packaging.job import ExportAnswer
    from assay.packaging.manifest import Source
    from assay.record import RunRecord
    from assay.stats.alone import Interval


def run(context: Context) -> PackageSection:
    """Export the model, prove the export, and put the bundle together.

    Raises:
        UsageError: There is no model, no table to prove the export on, or no record of this commit.
        OutsideError: The bundle cannot be written, or the export was killed.
    """
    record = _measured(context)
    files = context.workspace.head_files()
    model = source.model_file(context.config, files)
    whole = _Subject(
        name=source.artifact_name(context.config, files, model, folder=context.workspace.root.name),
        description=source.description(files, model),
        license=_license(context),
        source=source.of(context, model),
    )
    parent = context.workspace.state / bundle.FOLDER
    with _scratch(parent) as scratch, ThreadPoolExecutor(max_workers=1) as pool:
        # The child imports for seconds: what is known already is put into words meanwhile.
        beside = pool.submit(contents.known, context)
        answer = _export(context, model, scratch)
        export = answer.export
        if export is None or not export.parity.passed:
            return _refused(answer)
        manifest = _manifest(whole, record, export, beside.result().intervals)
        exported = _exported(scratch, manifest)
        made = bundle.write(
            parent, manifest, contents.files(manifest, exported, record, beside.result())
        )
    _forget_others(parent, made.folder)
    packed = archive.pack(made, parent / archive.NAME)
    return _section(context, made, packed, answer)


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


def _measured(context: Context) -> RunRecord:
    """The record, if it says what this commit's model is worth."""
    record = context.record
    if record.compare is None or record.evaluate is None or record.evaluate.head is None:
        raise UsageError(
            "This commit's model was not evaluated here, so nothing is known of it.",
            hint="Run `assay check` first.",
        )
    return record


def _export(context: Context, model: str, scratch: Path) -> ExportAnswer:
    config, root = context.config, context.workspace.root
    spec, predictions = config.package, config.predictions
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
    positive = None if predictions is None else predictions.positive
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
        positive=None if positive is None else str(positive),
    )
    return asking.export(job, scratch, cwd=root, environ=context.environ, console=context.console)


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


def _forget_others(parent: Path, keep: Path) -> None:
    """What earlier runs left: `.assay/` is of one run."""
    for path in parent.iterdir():
        if path == keep:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _section(
    context: Context, made: bundle.Bundle, packed: Path, answer: ExportAnswer
) -> PackageSection:
    manifest, root = made.manifest, context.workspace.root
    reasons = answer.reasons
    native = manifest.kind == "native" and context.config.package.format == "auto"
    if native and manifest.why_native is not None:
        reasons = (*reasons, Reason(message=manifest.why_native, severity="warning"))
    return PackageSection(
        status=Status.WARN if native else Status.PASS,
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
