"""Builds the context of a run from the command line, the environment and the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import config as configuration
from assay import record as records
from assay.context import Context
from assay.environment import PROBLEM
from assay.errors import AssayError, ConfigError, OutsideError, ProjectEnvironmentError
from assay.record import Revision
from assay.workspace import base as bases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.ci import CiContext
    from assay.config import Config
    from assay.console import Console
    from assay.workspace import Workspace

TRAIN_MODES = ("run", "verify", "skip")


def event_payload(environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The JSON that GitHub wrote about the event, or `None`."""
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        return None
    try:
        payload = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return payload if isinstance(payload, dict) else None


def context(
    *,
    workspace: Workspace,
    ci: CiContext,
    console: Console,
    clock: Callable[[], float],
    config_name: str,
    base: str | None,
    train: str | None,
    fresh: bool,
) -> tuple[Context, AssayError | None]:
    """The context, and what is wrong with the configuration or the repository.

    Args:
        workspace: The user's project.
        ci: Where the run takes place.
        console: Where people read along.
        clock: Seconds.
        config_name: The configuration file, relative to the project.
        base: The revision to compare with, where the user named one.
        train: Beats `train:` of the configuration.
        fresh: Whether to start a new record. Otherwise the record of an earlier stage goes on, if
            it is of the commit that is checked out.
    """
    problem: AssayError | None = None
    if not workspace.root.is_dir():
        message = f"The working directory {workspace.root} does not exist."
        raise ConfigError(message, hint="Check `working-directory`.")
    config = configuration.Config()
    try:
        config = _override(configuration.load(workspace.root, name=config_name), train)
    except AssayError as error:
        problem = error
    head: Revision | None = None
    try:
        head = _head(workspace)
    except AssayError as error:
        problem = problem or error
    record = None
    try:
        record = None if fresh else _earlier(workspace, head)
    except AssayError as error:
        problem = problem or error
    if record is None:
        project = "" if head is None else workspace.git.prefix()
        record = records.new(ci=ci, config=config, head=head, project=project)
        try:
            record = record.model_copy(update={"base": _base(workspace, ci, base, head)})
        except AssayError as error:
            problem = problem or error
    elif problem is None:
        record = record.model_copy(update={"config": config})
    return (
        Context(
            config=config,
            workspace=workspace,
            ci=ci,
            record=record,
            console=console,
            clock=clock,
            environ=workspace.environ,
            config_file=config_name,
        ),
        problem,
    )


def environment_problem(workspace: Workspace) -> AssayError | None:
    """Why the project's environment could not be built, where the launcher left word of it."""
    try:
        told = json.loads((workspace.state / PROBLEM).read_text(encoding="utf-8"))
        message, code = told["message"], told["exit_code"]
        hint, file = told["hint"], told["file"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    kind = {2: ProjectEnvironmentError, 3: OutsideError}.get(code, AssayError)
    return kind(str(message), hint=hint and str(hint), file=file and str(file))


def _override(config: Config, train: str | None) -> Config:
    if train is None:
        return config
    if train not in TRAIN_MODES:
        raise ConfigError(f"`train` is {train!r}.", hint=f"Allowed: {', '.join(TRAIN_MODES)}.")
    return config.model_copy(update={"train": train})


def _head(workspace: Workspace) -> Revision:
    git = workspace.git
    git.prefix()  # says clearly when there is no repository
    return Revision(sha=git.head(), branch=git.branch(), dirty=git.is_dirty())


def _base(
    workspace: Workspace, ci: CiContext, named: str | None, head: Revision | None
) -> Revision | None:
    if head is None:
        return None
    sha = bases.find(workspace.git, ci, named=named, head=head.sha, dirty=head.dirty)
    return None if sha is None else Revision(sha=sha, branch=ci.base_ref)


def _earlier(workspace: Workspace, head: Revision | None) -> records.RunRecord | None:
    path = workspace.state / records.FILE
    if not path.is_file():
        return None
    found = records.load(path)
    # One without a commit may be of any: a pull request can bring such a file, with its verdict.
    same = head is None or (found.head is not None and found.head.sha == head.sha)
    return found if same else None
