"""New data brought in, and the pipeline run on it, as `assay train` runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from assay import process, yamlfile
from assay.errors import ProgramError, RemoteError, RepositoryError
from assay.retrain import changes
from assay.retrain.outcome import Trained
from assay.section import Reason, Status
from assay.stages import checkout, train
from assay.workspace import dvccli, remotefailure

if TYPE_CHECKING:
    from assay.context import Context

_SEE_LOG = "What it printed is in the log."


def run(context: Context) -> Trained:
    """Train anew, and push what was made to the DVC remote.

    Args:
        context: The project, at a commit without changes beside it.

    Raises:
        RepositoryError: There is no pipeline, or no remote that the checks could pull from.
        RemoteError: The remote cannot be read, or not be written.
        ProgramError: The program that brings the data in failed.
    """
    workspace = context.workspace
    workspace.dvc.require()
    commit = workspace.git.head()
    if not workspace.head_files().stages:
        raise RepositoryError(
            "There is no pipeline in dvc.yaml, so nothing can be trained anew.",
            hint="`dvc stage add` writes one: https://dvc.org/doc/start/data-pipelines",
        )
    remote = workspace.dvc.remote()
    if remote is None:
        raise RepositoryError(
            "There is no default DVC remote, so nobody could pull what is trained here.",
            file=".dvc/config",
            hint="Add one: `dvc remote add --default NAME URL`.",
        )
    before = changes.locks(workspace)
    # Whatever the checks do with what others trained: this is where it is trained.
    here = replace(context, config=context.config.model_copy(update={"train": "run"}))
    with context.console.group("data"):
        checkout.run(here)
        _bring(context)
    with context.console.group("train"):
        trained = train.run(here)
    time = context.config.retrain.recent.time if context.config.retrain.recent else None
    found = Trained(
        ending="trained",
        commit=commit,
        reasons=trained.reasons,
        arrivals=changes.arrivals(workspace, time),
        stages=trained.stages,
        remote=remote.name,
    )
    if trained.status is not Status.PASS:
        return found.model_copy(update={"ending": "failed"})
    if changes.locks(workspace) == before:
        return found.model_copy(update={"ending": "nothing new"})
    with context.console.group("push"):
        _push(context)
    return found


def _bring(context: Context) -> None:
    """Bring the new data in: by the user's command, or everything that was imported."""
    command = context.config.retrain.bring
    dvc, console = context.workspace.dvc, context.console
    if command is not None:
        with console.untrusted():
            done = process.stream(
                _program(context, command),
                cwd=context.workspace.root,
                env=process.user_environment(context.environ),
                on_line=console.raw,
            )
        if done.code != 0:
            raise ProgramError(
                f"`retrain.bring` {done.ending}, so there is no new data to train on.",
                hint=_SEE_LOG,
            )
        return
    imported = _imports(context)
    if not imported:
        console.line("Nothing was imported (`dvc import`, `dvc import-url`), so nothing comes in.")
        return
    with console.untrusted():
        done = dvc.stream("update", "--", *imported, on_line=console.raw)
    if done.code != 0:
        said = dvccli.explanation(done.tail) or f"it {done.ending}"
        raise RemoteError(f"`dvc update` failed: {said.rstrip('.')}.", hint=_SEE_LOG)


def _program(context: Context, command: tuple[str, ...]) -> list[str]:
    """The command; `dvc` is the one that everything else is done with."""
    name, *arguments = command
    return context.workspace.dvc.argv(*arguments) if name == "dvc" else [name, *arguments]


def _imports(context: Context) -> tuple[str, ...]:
    """The `.dvc` files of what was imported, which say where it came from.

    https://dvc.org/doc/user-guide/project-structure/dvc-files#import-stages
    """
    workspace = context.workspace
    found = []
    for path in workspace.git.working_files():
        if not path.endswith(".dvc") or path.endswith("/.dvc"):
            continue
        document = yamlfile.load((workspace.read(path) or b"").decode(errors="replace"), file=path)
        if isinstance(document, dict) and document.get("frozen") and document.get("deps"):
            found.append(path)
    return tuple(found)


def _push(context: Context) -> None:
    """To the DVC remote: the checks of the pull request pull from there."""
    console = context.console
    with console.untrusted():
        done = context.workspace.dvc.stream("push", on_line=console.raw)
    if done.code == 0:
        return
    error = remotefailure.explain(done, context.workspace.dvc.remote())
    raise RemoteError(
        f"What was trained could not be pushed: {error.message}",
        hint=error.hint or "The job needs credentials that may write to the DVC remote.",
    )


def why_failed(trained: Trained) -> Reason:
    """The first reason of a training that failed."""
    if trained.reasons:
        return trained.reasons[0]
    return Reason(message="The pipeline failed.", hint=_SEE_LOG)
