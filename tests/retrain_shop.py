"""A project with a pipeline and an origin, and the GitHub that it is at."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay import ci
from assay.retrain import outcome
from assay.retrain.decision import Attempt, Decision
from assay.retrain.marks import line
from assay.retrain.outcome import Trained

from tests.asking import REPO, SECRET, serving
from tests.builders import make_context, write
from tests.fakes.github_api import Pull, workflow_token
from tests.repos import Repo, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from assay.context import Context

    from tests.fakes.github_api import GitHubApi, Level, Repository

BRANCH = "assay/retrain"


def founded(folder: Path, files: Mapping[str, str]) -> Path:
    """A clone and its origin, to be copied: git takes longer than that."""
    made = Repo(folder / "project")
    made.commit(files)
    made("clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    made("remote", "add", "origin", "../origin.git")
    return folder


@contextlib.contextmanager
def opened(founded: Path, folder: Path, server: GitHubApi, **token: Level) -> Iterator[Shop]:
    """A copy of it, at a GitHub."""
    target = folder / "shop"
    shutil.copytree(founded, target)
    bare = str(target / "origin.git")
    with serving(server, workflow_token(contents="write", **token), bare=bare) as api:
        yield Shop(target / "project", environment(folder / "home"), api)


@dataclass(frozen=True)
class Shop:
    """A clone, its origin, and GitHub."""

    root: Path
    environ: Mapping[str, str]
    github: GitHubApi

    @property
    def origin(self) -> Path:
        return self.root.parent / "origin.git"

    @property
    def repository(self) -> Repository:
        return self.github.state.repositories[REPO]

    def context(self, config: str = "", **environ: str) -> Context:
        """As the command line makes it; `ASSAY_TOKEN` may be taken away by an empty text."""
        given = {
            "ASSAY_TOKEN": SECRET,
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_API_URL": self.github.url,
            **environ,
        }
        together = {**self.environ, **{name: text for name, text in given.items() if text}}
        return replace(make_context(self.root, config, environ=together), ci=ci.detect(together))

    def git(self, *args: str, where: Path | None = None) -> str:
        """Git, in the clone."""
        done = subprocess.run(
            ["git", *args],
            cwd=where or self.root,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def there(self, *args: str) -> str:
        """Git, in origin."""
        return self.git("--git-dir", str(self.origin), *args)

    def head(self, ref: str = BRANCH) -> str:
        return self.there("rev-parse", ref)

    def shown(self, path: str, ref: str = BRANCH) -> str:
        return self.there("show", f"{ref}:{path}")

    def push(self, files: Mapping[str, str | bytes], *, branch: str = BRANCH) -> str:
        """A person's commit on a branch, from a clone of their own; where it is then."""
        theirs = self.root.parent / "theirs"
        if not theirs.exists():
            self.git("clone", "--quiet", str(self.origin), str(theirs))
        self.git("fetch", "--quiet", "origin", where=theirs)
        start = branch if branch in self.there("branch", "--list", branch) else "main"
        self.git("checkout", "--quiet", "-B", "work", f"origin/{start}", where=theirs)
        write(theirs, files)
        self.git("add", "--all", where=theirs)
        self.git("commit", "--quiet", "--message=Mine", where=theirs)
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", where=theirs)
        return self.head(branch)

    def train(self, files: Mapping[str, str | bytes], **decided: Any) -> Context:
        """What the two steps before leave: a decision, and files that the pipeline wrote."""
        context = self.context()
        facts = {"retrain": True, "outcome": "retrain", "why": "hand", "reason": "It was asked."}
        outcome.save(context.workspace, Decision.model_validate({**facts, **decided}))
        trained = Trained(ending="trained", commit=context.workspace.git.head(), remote="store")
        outcome.save(context.workspace, trained)
        write(self.root, files)
        return context

    def pull(self, opened: datetime, state: str = "open", **facts: Any) -> int:
        """A retraining pull request of the past; its number."""
        number = max([0, *self.repository.pulls]) + 1
        seen = facts.setdefault("seen", None)
        attempt = Attempt.model_validate(
            {"number": number, "url": "", "state": state, "opened": opened, **facts}
        )
        when = opened.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.repository.pulls[number] = Pull(
            head_sha=seen or "c" * 40,
            head_ref=BRANCH,
            title="Retrain",
            author="github-actions[bot]",
            body=f"{line(attempt)}\nWhy.\n",
            state="open" if state == "open" else "closed",
            created_at=when,
            closed_at=None if state == "open" else when,
            merged_at=when if state == "merged" else None,
        )
        return number
