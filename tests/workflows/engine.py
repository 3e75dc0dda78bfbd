"""Runs workflow files for real, in act, shut off from this machine's own settings.

What comes back is what the engine said, job by job and step by step, so that tests assert on
results and not on log text. `scripts/demo.py` shows a pull request with it too.
https://nektosact.com
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).parent / "stand-ins"
STORE_VARIABLE = "STAND_IN_STORE"
RUNNERS = ("ubuntu-latest", "ubuntu-24.04", "macos-15")
# Not a short word: the engine masks a secret wherever it stands in the log.
TOKEN = "ghs_PretendTokenOfTheWorkflow0123456789"

# The only part of our environment that goes on: what a machine needs to reach its package index,
# and what tests/conftest.py sets.
_PASSED_ON = re.compile(
    r"(PIP|UV)_\w+|\w+_(CA_BUNDLE|CAINFO|CA_CERTS)|(PIP|NIX_SSL)_CERT\w*|SSL_CERT_(FILE|DIR)"
    r"|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy|LANG|LC_ALL|TZ|TMPDIR"
    r"|OMP_NUM_THREADS",
)
_NOT_PASSED_ON = re.compile(
    r"UV_(PROJECT|PYTHON|FROZEN|LOCKED|RUN|INTERNAL|TOOL|WORKING)\w*|PIP_PREFIX"
)
_DEPLOYMENT = re.compile(r"^ +deployment: false.*\n", re.MULTILINE)
_USES = re.compile(r"uses:\s*(?P<repository>[\w-]+/[\w-]+)[\w/.-]*@(?P<ref>[\w.-]+)")

Event = dict[str, Any]


@dataclass(frozen=True)
class Annotation:
    """A line that the user sees at a file, or at the top of the run."""

    level: str
    message: str
    file: str | None = None
    line: str | None = None


@dataclass
class Run:
    """What a run of a workflow came to."""

    exit_code: int
    jobs: dict[str, str] = field(default_factory=dict)
    """The result by job id. A job that was skipped is not here."""
    steps: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """By job id: the result of each step by its id: `report`, or `a/report` within an action."""
    outputs: dict[str, dict[str, dict[str, str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    """By job id and step id: the outputs."""
    annotations: list[Annotation] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)
    """Name and argument of every workflow command that the engine obeyed."""
    lines: list[str] = field(default_factory=list)
    """The log as a person reads it."""

    @property
    def log(self) -> str:
        """The log as one text."""
        return "\n".join(self.lines)

    @property
    def tail(self) -> str:
        """The end of the log, where it says what went wrong."""
        return "\n".join(self.lines[-60:])

    @property
    def summary(self) -> str:
        """The page that the run shows under its graph."""
        return "\n".join(self.summaries)

    def add(self, event: Event) -> None:
        """Take in one event of the engine."""
        job = _job(event)
        step = "/".join(event.get("stepID") or ())
        message = str(event.get("msg", "")).rstrip("\r\n")
        self.lines.append(f"[{job}] {message}" if job else message)
        if event.get("jobResult"):
            self.jobs[job] = event["jobResult"]
        if event.get("stepResult") and event.get("stage") == "Main":
            self.steps[job][step] = event["stepResult"]
        command = event.get("command")
        if command is None:
            return
        self.commands.append((command, event.get("arg", "")))
        if command == "set-output":
            self.outputs[job][step][event["name"]] = event["arg"]
        elif command == "summary" and event["content"] not in self.summaries:
            # An action's summary is told twice, as the inner step's and as the action's own.
            self.summaries.append(event["content"])
        elif command in {"error", "warning", "notice"}:
            where = event.get("kvPairs") or {}
            self.annotations.append(
                Annotation(command, event["arg"], where.get("file"), where.get("line"))
            )


def _job(event: Event) -> str:
    matrix = event.get("matrix") or {}
    suffix = ", ".join(str(value) for value in matrix.values())
    return f"{event.get('jobID', '')}{f' ({suffix})' if suffix else ''}"


@dataclass(frozen=True)
class Engine:
    """act, with a home of its own.

    Args:
        home: A folder that this engine may fill; what is downloaded lands outside, see `caches`.
        action: What `uses: your-org/assay@v1` stands for; see `export_action`.
        variables: Environment variables of every step.
    """

    home: Path
    action: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        repository: Path,
        workflow: Path,
        *,
        event: Path,
        event_name: str = "pull_request",
        store: Path,
        variables: Mapping[str, str] | None = None,
        token: str = TOKEN,
        secrets: Mapping[str, str] | None = None,
        name: str = "acme/bikes",
        only: Sequence[str] = (),
        timeout: float = 300,
        watch: Callable[[Event], None] = lambda _: None,
    ) -> Run:
        """Run one workflow file in a copy of `repository`.

        Args:
            repository: A git work tree, as `actions/checkout` would leave it.
            workflow: The file; it need not lie in the repository.
            event: The file with the event's payload.
            event_name: `pull_request`, `push`, ...
            store: Where the stand-ins of artifacts and caches keep their files.
            variables: Environment variables, `GITHUB_API_URL` and the like.
            token: What `github.token` is.
            secrets: What the repository's secrets are; they may have several lines.
            name: `owner/name` of the repository.
            only: Options that choose a part: `--job ID`, `--matrix KEY:VALUE`.
            timeout: After so many seconds the run is stopped.
            watch: Is told every event as it happens.
        """
        with tempfile.TemporaryDirectory(prefix="act-", dir=self.home) as folder:
            temporary = Path(folder)
            listed = temporary / "secrets"
            lines = [f"{key}={json.dumps(text)}\n" for key, text in (secrets or {}).items()]
            listed.write_text(f"GITHUB_TOKEN={token}\n{''.join(lines)}", encoding="utf-8")
            given = {"GITHUB_REPOSITORY": name, **self.variables, **(variables or {})}
            command = [
                *(_act(), event_name, "--json", "--no-cache-server", "--action-offline-mode"),
                *("--directory", str(repository), "--workflows", str(workflow)),
                *("--action-cache-path", str(temporary / "act")),
                *("--eventpath", str(event), "--secret-file", str(listed)),
                *(part for key, value in given.items() for part in ("--env", f"{key}={value}")),
                *(part for label in RUNNERS for part in ("-P", f"{label}=-self-hosted")),
                *self._repositories(workflow),
                *only,
            ]
            environment = self._environment(temporary) | {STORE_VARIABLE: str(store)}
            return _run(command, environment, cwd=temporary, timeout=timeout, watch=watch)

    def _environment(self, configuration: Path) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if _PASSED_ON.fullmatch(key) and not _NOT_PASSED_ON.fullmatch(key)
        }
        return kept | {
            "ACT_DISABLE_VERSION_CHECK": "1",
            "HOME": str(self.home),
            "PATH": _path_without_our_environment(),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_PROXY": ",".join(filter(None, [kept.get("NO_PROXY"), "127.0.0.1"])),
            # Downloads may be shared, so that a second run needs no network. What a run makes of
            # them may not: environments lie below RUNNER_TEMP.
            "XDG_CACHE_HOME": str(user_cache()),
            "XDG_CONFIG_HOME": str(configuration),
        }

    def _repositories(self, workflow: Path) -> Iterable[str]:
        """What each `uses:` stands for: ours, and a stand-in for everybody else's."""
        files = [workflow, *self.action.rglob("action.yml"), *self.action.rglob("workflows/*.yml")]
        for repository, ref in sorted(set().union(*(uses(file) for file in files))):
            ours = repository.startswith("your-org/")
            place = self.action if ours else STAND_INS / repository.split("/")[1]
            if place.is_dir():
                yield from ("--local-repository", f"{repository}@{ref}={place}")


def uses(file: Path) -> set[tuple[str, str]]:
    """The repositories that a workflow or an action uses, each with its ref."""
    found = _USES.finditer(file.read_text(encoding="utf-8"))
    return {(match["repository"], match["ref"]) for match in found}


def work_tree() -> list[str]:
    """The files of this work tree that git knows or would add."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return [name for name in listed if name and (ROOT / name).is_file()]


def copy(files: Iterable[str], destination: Path) -> Path:
    """Copy files of this work tree, each to its place below `destination`."""
    for name in files:
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return destination


def export_action(destination: Path) -> Path:
    """Copy what a `uses:` line downloads: this work tree without what `export-ignore` leaves out.

    GitHub sends the archive of a commit. Here it is the work tree, so that what is being edited is
    what is tested.
    """
    files = work_tree()
    folders = {str(parent) for name in files for parent in Path(name).parents}
    answer = _git(
        "check-attr", "-z", "--stdin", "export-ignore", given="\0".join([*files, *folders])
    )
    fields = answer.split("\0")
    paths_and_values = zip(fields[::3], fields[2::3], strict=False)
    ignored = {path for path, value in paths_and_values if value == "set"}
    wanted = [f for f in files if ignored.isdisjoint([f, *map(str, Path(f).parents)])]
    # Reusable workflows are no part of the archive: GitHub reads them from the repository.
    wanted += [name for name in files if name.startswith(".github/workflows/")]
    copy(wanted, destination)
    for path in destination.glob(".github/workflows/*.yml"):
        # The engine refuses a key that GitHub has since March 2026, and has no environments anyway.
        # https://github.com/nektos/act/issues/6086
        text = path.read_text(encoding="utf-8")
        path.write_text(_DEPLOYMENT.sub("", text), encoding="utf-8")
    return destination


def user_cache() -> Path:
    """Where uv, and our launcher, keep what they download."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _git(*arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, input=given, capture_output=True, text=True, check=True
    )
    return done.stdout


def _act() -> str:
    beside = Path(sys.executable).parent / "act"
    program = str(beside) if beside.exists() else shutil.which("act")
    if program is None:
        message = f"act is missing; it comes with the `dev` group of {ROOT / 'pyproject.toml'}"
        raise FileNotFoundError(message)
    return program


def _path_without_our_environment() -> str:
    """PATH as a runner has it: a `dvc` or `pytest` of ours must not stand in for the project's."""
    ours = {Path(sys.prefix) / "bin", Path(sys.executable).parent}
    return os.pathsep.join(
        entry for entry in os.environ["PATH"].split(os.pathsep) if entry and Path(entry) not in ours
    )


def _run(
    command: list[str],
    environment: Mapping[str, str],
    *,
    cwd: Path,
    timeout: float,
    watch: Callable[[Event], None],
) -> Run:
    run = Run(exit_code=-1)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as complaints,
        subprocess.Popen(
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        # Asked to end, act ends the steps too; killed, it would leave a training behind.
        timers = [threading.Timer(timeout, process.terminate)]
        timers += [threading.Timer(timeout + 20, process.kill)]
        for timer in timers:
            timer.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                event = _parse(line)
                run.add(event)
                watch(event)
            run.exit_code = process.wait()
        finally:
            for timer in timers:
                timer.cancel()
            if process.poll() is None:
                process.terminate()
        complaints.seek(0)
        run.lines.extend(complaints.read().splitlines())
    return run


def _parse(line: str) -> Event:
    try:
        event = json.loads(line)
    except ValueError:
        return {"msg": line}
    return event if isinstance(event, dict) else {"msg": line}
