"""The entries of `data:` as jobs: their globs expanded, base's files found where they lie."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assay.console import printable
from assay.contract.job import JobSpec, Outcome, Table
from assay.datadiff import revisions
from assay.errors import AssayError, ConfigError, DataError
from assay.section import Reason
from assay.stages.validate import FileResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.config import DataSpec
    from assay.context import Context


def expand(context: Context, scratch: Path) -> tuple[list[JobSpec], list[Outcome]]:
    """The tables of each entry, and an outcome for each entry that has none."""
    found, absent = [], []
    for number, spec in enumerate(context.config.data):
        if spec.table is not None or spec.remote:
            tables: tuple[Table, ...] = (Table(path=spec.table or spec.path),)
            found.append(_job(context, number, spec, tables))
            continue
        paths = _files(spec.path, context.workspace.root, key=("data", number, "path"))
        if paths:
            found.append(_local(context, number, spec, paths, scratch / str(number)))
            continue
        shown = printable(spec.path)
        error = DataError(
            f"No file matches {shown}." if _is_glob(spec.path) else f"{shown} does not exist.",
            hint=f"Correct `data.{number}.path`, or fetch the files: `assay checkout`, `dvc pull`.",
            key=("data", number, "path"),
        )
        result = FileResult(
            path=shown,
            schema_name=spec.pandera_schema,
            rows=None,
            columns=None,
            bytes=0,
            error=error.message,
        )
        outcome = Outcome(file=result, problem=Reason.of(error), exit_code=error.exit_code)
        absent.append(outcome)
    return found, absent


def _job(
    context: Context, number: int, spec: DataSpec, tables: Sequence[Table], **facts: str
) -> JobSpec:
    return JobSpec(
        number=number,
        config=context.config_file,
        reference=spec.pandera_schema,
        tables=tuple(tables),
        sensitive=spec.sensitive,
        engine=spec.engine,
        connection=spec.connection,
        remote=spec.remote,
        more=spec.model_dump(by_alias=True) if spec.promises_more else None,
        **facts,
    )


def _local(
    context: Context, number: int, spec: DataSpec, paths: Sequence[str], scratch: Path
) -> JobSpec:
    """An entry whose tables are files, with those of base where a promise looks at them."""
    if not spec.looks_at_base:
        return _job(context, number, spec, [Table(path=path) for path in paths])
    scratch.mkdir()
    try:
        known, why = revisions.base_paths(context, spec, scratch), {}
    except AssayError as error:
        known, why = {}, {"no_base": error.message.rstrip(".")}
    if not known and not why and context.record.base is not None:
        why = {"no_base": "base's file is not there, or was not fetched"}
    tables = [
        Table(
            path=path,
            base=tuple(
                (name, str(lies))
                for name, lies in sorted(known.items())
                if name == path or name.startswith(f"{path}/")
            ),
        )
        for path in paths
    ]
    return _job(context, number, spec, tables, **why)


def _is_glob(pattern: str) -> bool:
    return any(char in pattern for char in "*?[")


def _files(pattern: str, root: Path, *, key: tuple[str | int, ...]) -> tuple[str, ...]:
    """The files that a path or a glob stands for, relative to the project, sorted."""
    dotted = ".".join(map(str, key))
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ConfigError(
            f"`{dotted}` is {pattern!r}, which leads out of the project.",
            hint="Data files are named relative to the project folder, without `..`.",
            key=key,
        )
    if (root / pattern).exists():
        return (path.as_posix(),)
    if not _is_glob(pattern):
        return ()
    try:
        files = revisions.matching(root, pattern)
    except ValueError as error:
        raise ConfigError(
            f"`{dotted}` is {pattern!r}, which is not a glob: {error}.", key=key
        ) from error
    for file in files:
        if file.encode(errors="replace") != file.encode(errors="surrogateescape"):
            raise ConfigError(
                f"`{dotted}` matches {printable(file)}, whose name is not UTF-8.",
                hint="Rename the file.",
                key=key,
            )
    return tuple(files)
