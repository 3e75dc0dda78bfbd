"""One call of `assay-action`: prepares what the verb needs, and plans how it is run."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from assay.console import Console, command, printable
from assay.environment import PROBLEM
from assay.environment.build import EXTRAS, OURS, Builder, Environment
from assay.environment.given import check
from assay.errors import AssayError, UsageError
from assay.process import FORGE_SECRETS, RUNNER_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.environment.uv import Uv

_STAGES = ("check", "checkout", "compare", "evaluate", "init", "test", "train", "validate")
VERBS = {
    **dict.fromkeys(_STAGES, "project"),
    "package": "package",
    "retrain-train": "project",
    **dict.fromkeys(("accept", "comment", "report", "schema"), "tool"),
    **dict.fromkeys(("history", "release", "reproduce", "sign", "verify"), "release"),
    **dict.fromkeys(("retrain-decide", "retrain-propose"), "monitor"),
    **dict.fromkeys(("deploy", "rollback", "rollout"), "deploy"),
    "monitor": "monitor",
    # A native model needs the packages that it was made with.
    "serve-test": "serve",
}
"""Which environment each verb runs in."""

REMEMBERED = ("ASSAY_PYTHON", "ASSAY_PYTHON_VERSION", "ASSAY_REQUIREMENTS")

ROOT = Path(__file__).resolve().parents[3]


class BuildLog(Console):
    """What is printed while environments are built; never needs Rich, which is not there yet.

    A group of the log opens with the first line, so that environments that are there already
    print nothing. Build backends of strangers write into it: none of it is a workflow command.
    """

    def __init__(self, *, github: bool, out: TextIO | None = None) -> None:
        super().__init__(github=github, out=out)
        self._open = ExitStack()
        self._is_open = False
        self._lock = threading.Lock()

    @property
    def interactive(self) -> bool:
        """Whether styles are to be used: no."""
        return False

    def say(self, text: str) -> None:
        """One line of progress, ours or uv's."""
        with self._lock:
            if not self._is_open:
                self._is_open = True
                self._open.enter_context(self.group("Environments"))
                self._open.enter_context(self.untrusted())
            self.raw(printable(text))

    def close(self) -> None:
        """End the group, if there is one."""
        with self._lock:
            self._is_open = False
            self._open.close()


class Launcher:
    """Answers one call of `assay-action`.

    Args:
        environ: The environment; inputs arrive as `ASSAY_*`, and an empty one is not set.
        out: Where people read along.
        root: The checkout of Assay.
    """

    def __init__(
        self, environ: Mapping[str, str], *, out: TextIO | None = None, root: Path = ROOT
    ) -> None:
        inputs = {name: text for name, text in environ.items() if name.startswith("ASSAY_")}
        empty = {name for name, text in inputs.items() if not text.strip()}
        self.environ = {name: text for name, text in environ.items() if name not in empty}
        self.console = BuildLog(github=environ.get("GITHUB_ACTIONS") == "true", out=out)
        project = Path(self.environ.get("ASSAY_WORKING_DIRECTORY", ".")).resolve()
        self.builder = Builder(root, project, self.environ, self.console.say)
        self._uv: Uv | None = None
        self._lock = threading.Lock()

    def plan(self, verb: str, args: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The command and the environment that run a verb; builds what they need."""
        name = VERBS[verb]
        if name in OURS:
            (tool,) = self.prepare(name)
            # Isolated: nothing in the user's repository or environment changes what it imports.
            return [tool.python, "-I", "-X", "utf8", "-m", "assay.cli", verb, *args], self.environ
        (project,) = self.prepare(name)
        # `-P`: a file of theirs named like a module of the library must not be imported instead.
        return [project.python, "-P", "-m", "assay.cli", verb, *args], self._for_project(project)

    def prepare(self, *names: str) -> list[Environment]:
        """Build environments at the same time, and return them in order."""
        # What needs no project may run where nothing is checked out.
        if EXTRAS.keys() & set(names) and not self.builder.project.is_dir():
            raise UsageError(
                f"The working directory {self.builder.project} does not exist.",
                hint="Check `working-directory`.",
            )
        results: dict[str, Environment | BaseException] = {}

        def make(name: str) -> None:
            try:
                results[name] = self._environment(name)
            except BaseException as error:  # noqa: BLE001 (raised again below, in the main thread)
                results[name] = error

        threads = [threading.Thread(target=make, args=(name,)) for name in names[1:]]
        for thread in threads:
            thread.start()
        make(names[0])
        for thread in threads:
            thread.join()
        self.console.close()
        found: list[Environment] = []
        for name in names:
            result = results[name]
            if name in EXTRAS:
                self._leave_word(result)
            if isinstance(result, BaseException):
                raise result
            for note in result.notes:
                self._annotate("notice", note)
            found.append(result)
        return found

    def uv(self) -> Uv:
        """uv, found once."""
        with self._lock:
            if self._uv is None:
                self._uv = self.builder.uv()
            return self._uv

    def setup(self) -> None:
        """Prepare both environments and say where they are."""
        project, tool = self.prepare("project", "tool")
        for env in (project, tool):
            how = "was there" if env.cached else f"built in {env.seconds:.1f} s"
            self.console.line(f"{env.name} environment: {env.python} ({env.source}; {how})")
        self.output("project-python", project.python)
        self.output("tool-python", tool.python)
        self.output("cached", str(project.cached and tool.cached).lower())
        self._remember()

    def cache_key(self) -> None:
        """Say which folder is worth keeping between jobs, and under which key."""
        uv = self.uv()
        folder = uv.run("cache", "dir", label="", cwd=self.builder.root).strip()
        self.output("uv-cache-dir", folder)
        self.output("cache-key", f"assay-{self.builder.key()}")

    def output(self, name: str, value: str) -> None:
        """Set an output of the step; elsewhere than in Actions, print it."""
        path = self.environ.get("GITHUB_OUTPUT")
        if path is None:
            self.console.line(f"{name}={printable(value)}")
        elif printable(value) == value:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(f"{name}={value}\n")
        else:  # a path with a newline in it would set outputs of its own
            raise UsageError(f"The output {name} has control characters: {value!r}.")

    def _remember(self) -> None:
        """Let later steps of the job ask for the same environment; else they build another one."""
        path = self.environ.get("GITHUB_ENV")
        if path is None:
            return
        end = os.urandom(16).hex()
        # What is empty too: an earlier `setup`, of another project, may have set it.
        lines = [f"{name}<<{end}\n{self.environ.get(name, '')}\n{end}\n" for name in REMEMBERED]
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def fail(self, error: AssayError) -> int:
        """Say what went wrong as one line; returns the exit code."""
        text = error.message if error.hint is None else f"{error.message} {error.hint}"
        self._annotate("error", text, file=error.file)
        return error.exit_code

    def _leave_word(self, result: Environment | BaseException) -> None:
        """Tell a later `report` why no stage could run; it has an environment of its own."""
        folder = self.builder.project / ".assay"
        path = folder / PROBLEM
        if folder.is_symlink():  # to a folder that the repository chose
            return
        if not isinstance(result, AssayError):
            path.unlink(missing_ok=True)
            return
        told = {
            "message": result.message,
            "hint": result.hint,
            "file": result.file,
            "exit_code": result.exit_code,
        }
        # Somebody's checkout may be read-only; the error itself is told anyway.
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            for name, text in ((".gitignore", "*\n"), (PROBLEM, json.dumps(told))):
                # Made anew: the repository may hold a link of that name, to any file.
                (folder / name).unlink(missing_ok=True)
                (folder / name).write_text(text, encoding="utf-8")

    def _environment(self, name: str) -> Environment:
        if name in OURS:
            return self.builder.ours(self.uv, name)
        given = self.environ.get("ASSAY_PYTHON")
        if given is not None:
            return check(given, self.builder.root, self.environ, EXTRAS[name])
        return self.builder.theirs(self.uv, name)

    def _for_project(self, project: Environment) -> dict[str, str]:
        """No token, no way to speak to the runner; the project's own `python` first on `PATH`."""
        # Already here, and not only for what the stages start: the project's packages run code of
        # their own when its interpreter starts.
        hidden = FORGE_SECRETS | RUNNER_FILES
        env = {name: text for name, text in self.environ.items() if name not in hidden}
        folder = Path(project.python).parent
        path = [str(folder), env.get("PATH", os.defpath)]
        if self.environ.get("ASSAY_PYTHON") is None:
            env["VIRTUAL_ENV"] = str(folder.parent)
            # `uv run` in a dvc.yaml then uses this environment and does not build another one.
            env.setdefault("UV_PROJECT_ENVIRONMENT", str(folder.parent))
        env["PATH"] = os.pathsep.join(path)
        env.setdefault("PYTHONIOENCODING", "utf-8")
        return env

    def _annotate(self, level: str, text: str, *, file: str | None = None) -> None:
        if self.console.github:
            self.console.raw(command(level, text, {"file": file}))
        else:
            place = "" if file is None else f" {file}:"
            self.console.line(f"{level}:{place} {printable(text)}")
