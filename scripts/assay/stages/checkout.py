"""checkout: DVC data and models of head, and of base as far as a comparison needs them."""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from assay import rescoring
from assay.console import printable
from assay.datadiff import revisions
from assay.errors import RemoteError, RepositoryError
from assay.notwritten import not_written
from assay.section import Reason, Section, Status
from assay.transfer import Transfer, move, present
from assay.workspace import dvccli, objects, remotefailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.context import Context
    from assay.process import Completed
    from assay.workspace.dvccli import Remote
    from assay.workspace.dvcfiles import DvcFiles, Output


class CheckoutSection(Section):
    """What was fetched, from where, how much, how fast."""

    remote: str | None = None
    """The name of the DVC remote."""
    url: str | None = None
    """Its address, without credentials."""
    transfers: tuple[Transfer, ...] = ()


def run(context: Context) -> CheckoutSection:
    """Pull head's data, and base's predictions and metrics.

    Raises:
        RepositoryError: Not a DVC repository, or no remote where one is needed.
        RemoteError: The remote cannot be read, or lacks a file that is needed, or holds it damaged.
    """
    workspace = context.workspace
    workspace.dvc.require()
    shutil.rmtree(workspace.base_folder, ignore_errors=True)
    head = workspace.head_files()
    stays = {spec.path for spec in context.config.data if spec.remote}
    wanted = [out for out in head.outputs if out.path not in stays]
    _refuse_links(context, head)
    if context.config.train == "verify" and head.stages and not head.has_lock:
        raise no_lock()
    remote = workspace.dvc.remote()
    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            second = pool.submit(_fetch_base, context, head)  # beside head's pull
            transfer, reasons = _pull_head(context, head, wanted, remote)
            reasons += _missing_at_head(context, wanted, remote)
            base, needed, fetched = second.result()
        transfers = [transfer, *([fetched] if isinstance(fetched, Transfer) else [])]
        reasons += [*_base_problems(base, fetched), *_place_base(context, base, needed)]
    except OSError as error:
        raise not_written(Path(error.filename or workspace.state), error) from error
    context.console.line(_said(transfers, remote))
    return CheckoutSection(
        status=Status.WARN if any(r.severity != "note" for r in reasons) else Status.PASS,
        reasons=tuple(reasons),
        remote=remote.name if remote else None,
        url=remote.url if remote else None,
        transfers=tuple(transfers),
    )


def _refuse_links(context: Context, head: DvcFiles) -> None:
    """Refuse to place data in folders of somebody's machine that a repository chose.

    `dvc add` refuses folders that are links, `dvc pull` writes into them. One that git does not
    know was made by whoever owns the machine, and is theirs to make.

    Raises:
        RepositoryError: A folder of an output is a link in git that leads out of the project.
    """
    root, git = context.workspace.root.resolve(), context.workspace.git
    folders = {str(f): out for out in head.outputs for f in PurePosixPath(out.path).parents}
    for folder, out in sorted(folders.items()):
        path = root / folder
        if not path.is_symlink() or path.resolve().is_relative_to(root):
            continue
        if git.is_tracked(folder):
            raise RepositoryError(
                f"{printable(out.path)} would be written outside of the project: "
                f"{printable(folder)} is a symbolic link.",
                file=folder,
                hint="Remove the link from git; data can be moved with `dvc config cache.dir`.",
            )


def no_lock() -> RepositoryError:
    """The error of a pipeline that was never reproduced."""
    return RepositoryError(
        "There is a dvc.yaml but no dvc.lock, so nothing says what was trained.",
        file="dvc.yaml",
        hint="Run `dvc repro`, commit dvc.lock and `dvc push`; or set `train: run` in assay.yaml.",
    )


# --- head ---------------------------------------------------------------------------------------


def _pull_head(
    context: Context, head: DvcFiles, outputs: Sequence[Output], remote: Remote | None
) -> tuple[Transfer, list[Reason]]:
    """Fetch and place outputs of head; those of its files that stay in the remote are not given."""
    dvc, cache = context.workspace.dvc, context.workspace.dvc.cache_dir()
    named = [out.path for out in outputs if out.object_path]
    if not named:
        context.console.line("DVC tracks no data here.")
        return Transfer(revision="head", files=0, bytes=0, seconds=0.0, cached=0), []
    needed = [out for out in outputs if out.pushed and not _is_made_here(context, out)]
    if remote is None and not present(cache, needed):
        raise RepositoryError(
            "DVC tracks data, but there is no default remote to pull it from.",
            file=".dvc/config",
            hint="Add one with `dvc remote add --default NAME URL` and `dvc push`.",
        )
    # The run cache is what lets `dvc repro` restore a stage that somebody ran and pushed.
    run_cache = context.config.train == "run" and bool(head.stages)
    arguments = (
        ["checkout", "--allow-missing"]
        if remote is None
        else ["pull", "--allow-missing", *(["--run-cache"] if run_cache else [])]
    )
    if len(outputs) < len(head.outputs):
        arguments += ["--", *named]
    transfer, done = move(context, dvc, arguments, outputs, remote, revision="head")
    return transfer, _keep_unsaved(context, outputs, done)


def _is_made_here(context: Context, out: Output) -> bool:
    """Whether training makes an output anew if it is not there."""
    return context.config.train == "run" and out.kind != "data"


def _keep_unsaved(context: Context, outputs: Sequence[Output], done: Completed) -> list[Reason]:
    """Put everything in place but what somebody is working on.

    DVC rightly does not overwrite data that is saved nowhere, and then places no file at all.
    """
    if done.code == 0:
        return []
    root = context.workspace.root
    unsaved = [
        out.path
        for out in outputs
        if any(_is_below(line, root / out.path) for line in done.tail.splitlines())
    ]
    others = [out.path for out in outputs if out.object_path and out.path not in unsaved]
    if others:
        dvc = context.workspace.dvc
        second = dvc.stream("checkout", "--allow-missing", "--", *others, on_line=lambda _: None)
        if second.code != 0:
            raise remotefailure.explain(second, None)
    names = remotefailure.listed(unsaved)
    message = f"Changed here and not saved in DVC, so it is left as it is: {names}."
    hint = "Run `dvc add` or `dvc commit` to keep the change, `dvc checkout --force` to drop it."
    return [Reason(message=message, severity="warning", hint=hint)]


def _is_below(line: str, path: Path) -> bool:
    return line == str(path) or line.startswith(f"{path}{os.sep}")


def _missing_at_head(
    context: Context, outputs: Sequence[Output], remote: Remote | None
) -> list[Reason]:
    """What is still not there: an error for data, and for a stage's output unless we train."""
    absent = [
        found
        for found in objects.objects(context.workspace.dvc.cache_dir(), outputs)
        if not found.present
        and found.output.pushed
        and not (context.workspace.root / found.name).exists()
    ]
    needed = [found for found in absent if not _is_made_here(context, found.output)]
    if needed:
        raise remotefailure.not_in_remote(needed, remote)
    if not absent:
        return []
    names = remotefailure.listed([found.name for found in absent])
    message = f"Not in the remote, so it will be made anew: {names}."
    return [Reason(message=message, severity="note", file="dvc.lock")]


# --- base ---------------------------------------------------------------------------------------


def _base_needs(context: Context) -> tuple[DvcFiles | None, list[Output]]:
    """What DVC's files say at base, and the outputs that a comparison reads."""
    revision = context.record.base
    if revision is None:
        return None, []
    base = context.workspace.files_at(revision.sha)
    predictions = context.config.predictions
    wanted = {out.path for out in base.outputs if out.kind in ("metric", "plot")}
    if predictions is not None and (found := base.output(predictions.path)) is not None:
        wanted.add(found.path)
    needs = (base.output(path) for path in rescoring.base_paths(context.config, base))
    wanted.update(out.path for out in needs if out is not None)
    return base, [out for out in base.outputs if out.path in wanted and out.object_path]


def _fetch_base(
    context: Context, head: DvcFiles
) -> tuple[DvcFiles | None, list[Output], Transfer | RemoteError | None]:
    """What base needs; and the transfer, where it needs objects that head does not bring."""
    base, needed = _base_needs(context)
    cache, own = context.workspace.dvc.cache_dir(), {out.md5 for out in head.outputs}
    # Data that changed is compared where it lies in the cache.
    data = [] if base is None else revisions.needed(context.config, head, base)
    wanted = {out.path: out for out in (*needed, *data)}.values()
    missing = [o for o in wanted if o.md5 not in own and not present(cache, [o])]
    return base, needed, _pull_base(context, missing) if missing else None


def _pull_base(context: Context, missing: Sequence[Output]) -> Transfer | RemoteError:
    """Fetch base's objects into the cache. An error is returned: base's absence is no failure."""
    workspace, revision = context.workspace, context.record.base
    remote = workspace.dvc.remote()
    if revision is None or remote is None:
        return RemoteError("There is no DVC remote to pull base's files from.")
    files = workspace.git.files(revision.sha)
    described = [p for p in files if p.endswith(".dvc") or p.rsplit("/", 1)[-1] in _DVC_FILES]
    contents = {path: workspace.git.read(revision.sha, path) or b"" for path in described}
    # Outside of the project, where head's DVC would find these files as well.
    with tempfile.TemporaryDirectory(prefix="assay-base-") as folder:
        skeleton = dvccli.skeleton(workspace.dvc, Path(folder), contents)
        arguments = ["fetch", "--", *(out.path for out in missing)]
        try:
            transfer, _ = move(context, skeleton, arguments, missing, remote, revision="base")
        except RemoteError as error:
            return error
    return transfer


_DVC_FILES = ("dvc.yaml", "dvc.lock", ".dvcignore")


def _base_problems(base: DvcFiles | None, fetched: Transfer | RemoteError | None) -> list[Reason]:
    """What kept base from being read or fetched, as warnings."""
    reasons = []
    if isinstance(fetched, RemoteError):
        message = f"Base: {fetched.message}"
        reasons.append(Reason(message=message, severity="warning", hint=fetched.hint))
    if base is not None and base.problem is not None:
        message = f"Base: {base.problem.message} There is no comparison with it."
        reasons.append(Reason(message=message, severity="warning", file=base.problem.file))
    return reasons


def _place_base(context: Context, base: DvcFiles | None, needed: Sequence[Output]) -> list[Reason]:
    """Put base's files where `evaluate` reads them; say which cannot be had."""
    workspace, revision = context.workspace, context.record.base
    reasons: list[Reason] = []
    if revision is None or base is None:
        return []
    stored = {out.path for out in needed}
    predictions = context.config.predictions
    in_git = [
        *base.metrics,
        *([predictions.path] if predictions else []),
        *rescoring.base_paths(context.config, base),
    ]
    for path in dict.fromkeys(in_git):
        content = None if path in stored else workspace.git.read(revision.sha, path)
        if content is not None:
            target = workspace.base_folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for found in objects.objects(workspace.dvc.cache_dir(), needed):
        if found.md5.endswith(".dir"):
            continue
        if not found.present:
            message = f"Base's {printable(found.name)} is not in the remote: no comparison with it."
            hint = "Run `dvc push` on the base branch."
            reasons.append(Reason(message=message, severity="warning", hint=hint))
            continue
        target = workspace.base_folder / found.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.path, target)
    return reasons


def _said(transfers: Sequence[Transfer], remote: Remote | None) -> str:
    files = sum(t.files for t in transfers)
    if files == 0:
        return "Nothing to fetch: everything is cached."
    size = sum(t.bytes for t in transfers)
    seconds = max(t.seconds for t in transfers)
    source = f" from {remote.name} ({remote.url})" if remote else ""
    count = f"{files} file{'s' if files > 1 else ''}"
    return f"Fetched {count}, {size / 1e6:.1f} MB in {seconds:.1f} s{source}."
