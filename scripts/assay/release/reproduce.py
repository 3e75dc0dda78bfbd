"""A release built again from its tag, in a clean folder and an environment of its own."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay import config as configuration
from assay import process
from assay.console import printable
from assay.environment import launch
from assay.errors import OutsideError, RepositoryError
from assay.packaging import bundle, source
from assay.packaging.job import AlikeAnswer, AlikeJob
from assay.release import likeness
from assay.workspace import Workspace, dvcconfig, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.console import Console
    from assay.packaging.bundle import Bundle
    from assay.release.likeness import Likeness

_AUTHOR = (
    "-c",
    "user.name=assay",
    "-c",
    "user.email=assay@localhost",
    "-c",
    "commit.gpgsign=false",
)


def reproduce(
    released: Bundle, workspace: Workspace, console: Console, *, keep: Path | None = None
) -> Likeness:
    """Build a release again and hold it against the bundle that was released.

    Data comes from DVC's remote, packages from the lock of that commit, and every stage of the
    pipeline runs, whatever a cache knows.

    Args:
        released: The bundle, verified.
        workspace: A clone with its commit; nothing in it is changed.
        console: Where people read along.
        keep: Where the rebuilt bundle is left; nowhere by default.

    Raises:
        RepositoryError: The commit is not here.
        OutsideError: A step of building it failed; the message says which.
    """
    origin = released.manifest.source
    if workspace.git.resolve(origin.commit) is None:
        raise RepositoryError(
            f"The commit {origin.commit[:12]} of the release is not in this repository.",
            hint="Fetch it: `git fetch --tags origin`.",
        )
    with tempfile.TemporaryDirectory(prefix="assay-reproduce-") as scratch:
        clone = _clone(workspace, origin.commit, Path(scratch) / "clone")
        project = Workspace(clone / origin.project, workspace.environ)
        _share_remotes(workspace, project.root)
        build = _Build(project, console)
        build.data()
        build.pipeline()
        build.package(origin.base)
        rebuilt = _made(project)
        found = _hold(released, rebuilt, build)
        if keep is not None:
            kept = keep / rebuilt.folder.name
            shutil.copytree(rebuilt.folder, kept, dirs_exist_ok=True)
            console.line(f"kept {printable(str(kept))}")
    return found


def _clone(workspace: Workspace, commit: str, folder: Path) -> Path:
    """The repository at a commit."""
    top = workspace.git.text("rev-parse", "--show-toplevel") or str(workspace.root)
    origin = workspace.git.text("remote", "get-url", "origin")
    _git(workspace, "clone", "--quiet", "--no-checkout", "--", top, str(folder))
    clone = Workspace(folder, workspace.environ)
    if origin is not None:
        _git(clone, "remote", "set-url", "origin", origin)
    _git(clone, "checkout", "--quiet", "--detach", commit)
    return folder


def _share_remotes(workspace: Workspace, project: Path) -> None:
    """Let the clone reach DVC's remotes as this checkout does, with what config.local says too."""
    settings = workspace.dvc.settings()
    remotes = {name: value for name, value in settings.items() if name.startswith("remote ")}
    if remotes and (project / ".dvc").is_dir():
        config = project / ".dvc" / "config.local"
        config.touch(mode=0o600)
        config.write_text(dvcconfig.render(remotes), encoding="utf-8")


def _git(workspace: Workspace, *args: str) -> None:
    done = workspace.git.run(*args)
    if done.returncode != 0:
        said = printable(done.stderr.decode(errors="replace").strip())
        raise OutsideError(f"`git {args[0]}` failed: {said}")


@dataclass(frozen=True)
class _Build:
    """The steps of building, in the environment that the commit's own lock describes."""

    project: Workspace
    console: Console

    def data(self) -> None:
        """What no stage makes, from the remote."""
        tracked = self.project.git.working_files()
        files = [name for name in tracked if name.endswith(".dvc") and not name.startswith(".dvc/")]
        if files:
            self._run("Fetching the data", "dvc", "pull", "--quiet", *files)

    def pipeline(self) -> None:
        """Every stage, although caches may know what comes out of it."""
        if (self.project.root / "dvc.yaml").is_file():
            self._run("Running the pipeline", "dvc", "repro", "--force", "--no-run-cache")
        git = self.project.git
        if git.is_dirty():
            # A package names its commit. That this one is another is what will be found.
            git.run(*_AUTHOR, "commit", "--quiet", "--all", "--no-verify", "-m", "Built again")

    def package(self, base: str | None) -> None:
        """Metrics and gates as then, and the bundle."""
        against = () if base is None else ("--base", base)
        how = ("--no-report", "--train", "verify", *against)
        self._run("Checking", "assay.cli", "check", *how)
        self._run("Packaging", "assay.cli", "package")

    def ask(self, job: Path, answer: Path) -> None:
        """Both models about the same rows."""
        self._run("Asking both models", "assay.packaging.alike", str(job), str(answer))

    def _run(self, what: str, module: str, *args: str) -> None:
        self.console.line(f"{what} …")
        python, env = self._python
        with self.console.untrusted():
            done = process.stream(
                [python, "-P", "-m", module, *args],
                cwd=self.project.root,
                env=env,
                on_line=lambda line: self.console.raw(printable(line.expandtabs())),
            )
        if done.code != 0:
            raise OutsideError(
                f"{what} {done.ending}, so the release cannot be built again here.",
                hint="The lines above say why.",
            )

    @functools.cached_property
    def _python(self) -> tuple[str, Mapping[str, str]]:
        """The commit's own environment; ours, where Assay is installed as a package."""
        environ, root = self.project.environ, self.project.root
        if not (launch.ROOT / "scripts" / "assay-action").is_file():
            return sys.executable, process.user_environment(environ)
        launcher = launch.Launcher({**environ, "ASSAY_WORKING_DIRECTORY": str(root)})
        command, env = launcher.plan("package", ())
        return command[0], env


def _made(project: Workspace) -> Bundle:
    (folder,) = (path for path in (project.state / bundle.FOLDER).iterdir() if path.is_dir())
    return bundle.read(folder)


def _hold(released: Bundle, rebuilt: Bundle, build: _Build) -> Likeness:
    answer = AlikeAnswer()
    if released.digest != rebuilt.digest:
        answer = _ask(released, rebuilt, build)
    found = likeness.judge(
        released.manifest, rebuilt.manifest, rows=answer.rows, outputs=answer.outputs
    )
    if answer.problem is None:
        return found
    why = f"Their answers could not be compared: {answer.problem}"
    return found.model_copy(update={"findings": (*found.findings, why)})


def _ask(released: Bundle, rebuilt: Bundle, build: _Build) -> AlikeAnswer:
    root, state = build.project.root, build.project.state
    table = source.table(configuration.load(root))
    if table is None:
        return AlikeAnswer(problem="assay.yaml names no table of features.")
    features, apart = table
    asked, answered = state / "alike-job.json", state / "alike-answer.json"
    job = AlikeJob(
        root=str(root),
        bundles=(str(released.folder.resolve()), str(rebuilt.folder)),
        features=str(root / features),
        apart=apart,
    )
    write_atomically(asked, job.model_dump_json())
    build.ask(asked, answered)
    try:
        return AlikeAnswer.model_validate_json(answered.read_bytes())
    except (OSError, ValidationError):
        return AlikeAnswer(problem="the process that loads them gave no answer.")
