"""`make demo`: a pull request against a real model repository, from clone to comment.

The repository is `example-repo/`, the workflow is its own, the engine is act, `uses:` stands for
this checkout, and GitHub is a server on this machine that keeps what is posted to it. Nothing
leaves the machine, and nothing is written outside of `build/demo/` but caches of downloads.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.rule import Rule

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fakes.github_api import (  # noqa: E402 (the line above makes it importable)
    GitHubApi,
    Pull,
    Repository,
    State,
    workflow_token,
)
from tests.workflows import scratch  # noqa: E402
from tests.workflows.engine import TOKEN, Engine, export_action  # noqa: E402

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.status import Status

    from tests.workflows.engine import Run
    from tests.workflows.scratch import PullRequest

FOLDER = ROOT / "build/demo"
WORKFLOW = ".github/workflows/model-check.yml"
NAME = "acme/bikes"
BRANCH = "lighter-days-off"
TITLE = "Weigh days off less, and learn from mid-April on"
WIDTH = 80
TAIL = 25
# A cold machine fetches a few hundred megabytes of packages first.
PATIENCE = 1800

_STAGE = re.compile(r"(\w+): (pass|warn|fail|skipped|error) \(([\d.]+) s\)")
_BUILT = re.compile(r"(project|tool) environment: .*\((.*)\)")
_GROUP = re.compile(r"::group::(\w+)")
_MARKS = {"pass": "[green]✓[/]", "warn": "[yellow]![/]", "skipped": "[dim]-[/]"}


class DemoError(Exception):
    """Something did not go as it should; the log says what."""


@dataclass
class Progress:
    """Turns the engine's events into a few short lines."""

    console: Console
    started: float = field(default_factory=time.monotonic)
    status: Status | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        text = str(event.get("msg", "")).strip()
        if done := _STAGE.fullmatch(text):
            self._line(_MARKS.get(done[2], "[red]✗[/]"), done[1], f"{done[2]}, {done[3]} s")
        elif built := _BUILT.fullmatch(text):
            self._line(_MARKS["pass"], f"environment of the {built[1]}", built[2])
        elif begun := _GROUP.search(text):
            self.now(begun[1])

    def now(self, what: str) -> None:
        """Say what is under way; a terminal shows it until the next line."""
        if self.status is not None:
            self.status.update(f"  {what} …")

    def _line(self, mark: str, what: str, how: str) -> None:
        self.console.print(f"   {mark} {what:<26} [dim]{escape(how)}[/]", highlight=False)


def main() -> int:
    """Run the demo; 0 if the comment arrived."""
    console = Console(width=min(Console().width, 100) if sys.stdout.isatty() else WIDTH)
    console.print("[bold]A pull request against a model repository[/]\n")
    log = FOLDER / "log.txt"
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        pull = _repository(console)
        state = _github(pull)
        run = _workflow(console, pull, state)
        log.write_text(run.log, encoding="utf-8")
        body = _comment(run, state)
    except (DemoError, OSError, RuntimeError) as error:
        _explain(console, error, log)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    _show(console, body, log)
    return 0


def _repository(console: Console) -> PullRequest:
    console.print(f"1. Repository {NAME}, from example-repo/")
    pull = scratch.pull_request(FOLDER / "repository", branch=BRANCH, title=TITLE, name=NAME)
    changed = scratch.git(pull.work_tree, "diff", "--unified=0", pull.base_sha, pull.head_sha)
    console.print(f"2. Pull request #{scratch.NUMBER}: {TITLE}")
    for line in changed.splitlines():
        if re.match(r"[-+](?![-+])", line):
            color = "red" if line[0] == "-" else "green"
            text = escape(f"{line[0]} {line[1:].split('#')[0].strip()}")
            console.print(f"   [{color}]{text}[/]", highlight=False)
    return pull


def _github(pull: PullRequest) -> State:
    pulls = {scratch.NUMBER: Pull(pull.head_sha, pull.branch, pull.title, base_sha=pull.base_sha)}
    repositories = {NAME: Repository(id=1, pulls=pulls)}
    return State(tokens={TOKEN: workflow_token()}, repositories=repositories)


def _workflow(console: Console, pull: PullRequest, state: State) -> Run:
    console.print(f"3. {WORKFLOW}, with `uses:` for this checkout")
    home, store = FOLDER / "home", FOLDER / "github"
    home.mkdir()
    store.mkdir()
    engine = Engine(home, export_action(FOLDER / "action"))
    progress = Progress(console)
    waiting: AbstractContextManager[Status | None] = nullcontext()
    if console.is_terminal:
        waiting = console.status("  environments …")
    with GitHubApi(state) as api, waiting as progress.status:
        run = engine.run(
            pull.work_tree,
            pull.work_tree / WORKFLOW,
            event=pull.event,
            store=store,
            name=NAME,
            variables={"GITHUB_API_URL": api.url},
            timeout=PATIENCE,
            watch=progress,
        )
    seconds = time.monotonic() - progress.started
    console.print(f"   [dim]{seconds:.0f} s in all[/]", highlight=False)
    return run


def _comment(run: Run, state: State) -> str:
    """The comment that was posted.

    Raises:
        DemoError: The check did not say no, as it should to this change, or there is no comment.
    """
    jobs = ", ".join(f"{job}: {result}" for job, result in run.jobs.items()) or "no job ran"
    comments = state.repositories[NAME].comments
    verdict = run.outputs.get("check", {}).get("assay", {}).get("verdict")
    if set(run.jobs.values()) != {"failure"} or verdict != "fail":
        raise DemoError(f"The check should say no to this change, and did not ({jobs}).")
    if len(comments) != 1:
        raise DemoError(f"{len(comments)} comments were posted, and not one.")
    return comments[0].body


def _show(console: Console, body: str, log: Path) -> None:
    comment = FOLDER / "comment.md"
    comment.write_text(body, encoding="utf-8")
    page = FOLDER / "report.html"
    shutil.copyfile(FOLDER / "github/artifacts/assay-report/report.html", page)
    console.print("4. github-actions[bot] comments:", markup=False)
    console.print(Rule(style="dim"))
    console.print(Markdown(folded(body)))
    console.print(Rule(style="dim"))
    for what, path in (
        ("The whole report, with plots", page),
        ("The comment", comment),
        ("The log", log),
        ("The repository", FOLDER / "repository/checkout"),
    ):
        console.print(f"{what:<29} {path.relative_to(ROOT)}", highlight=False)
    console.print(f"\nOpen it: {page.as_uri()}", highlight=False, soft_wrap=True)


def folded(body: str) -> str:
    """The comment as GitHub first shows it: its details are closed, and HTML is no text."""
    text = re.sub(
        r"<details>\s*<summary>(.*?)</summary>.*?</details>",
        lambda match: f"▸ {match[1]}\n",
        body,
        flags=re.DOTALL,
    )
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    return text.replace("<br>", ", ")


def _explain(console: Console, error: Exception, log: Path) -> None:
    console.print(f"\n[bold red]The demo failed.[/] {escape(str(error))}", highlight=False)
    if log.is_file():
        lines = log.read_text(encoding="utf-8").splitlines()
        console.print(f"\nThe last lines of {log.relative_to(ROOT)}:", highlight=False)
        for line in lines[-TAIL:]:
            console.print(f"  {line}", style="dim", markup=False, highlight=False)
        console.print(f"\nThe whole log is {log}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
