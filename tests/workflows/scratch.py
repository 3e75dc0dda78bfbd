"""Repositories to run workflows in: the example as a user's own, with a pull request on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "example-repo"
DEMO = ".demo"
PATCH = EXAMPLE / DEMO / "pull-request.patch"
NUMBER = 7

# The same commits on every machine and every day, so that nothing has to be built anew.
_MOMENT = "2026-01-05T09:00:00Z"
_GIT = {
    "GIT_AUTHOR_NAME": "Octo Cat",
    "GIT_AUTHOR_EMAIL": "octocat@example.org",
    "GIT_AUTHOR_DATE": _MOMENT,
    "GIT_COMMITTER_NAME": "Octo Cat",
    "GIT_COMMITTER_EMAIL": "octocat@example.org",
    "GIT_COMMITTER_DATE": _MOMENT,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class PullRequest:
    """A repository with a pull request, checked out as `actions/checkout` leaves it."""

    work_tree: Path
    """At the commit that would merge the pull request, on no branch."""
    event: Path
    """The payload of `on: pull_request`."""
    base_sha: str
    head_sha: str
    branch: str
    title: str


def patch(root: Path) -> None:
    """The change that the example brings along: better on the whole, worse on a slice."""
    git(root, "apply", "--whitespace=nowarn", str(PATCH))


def pull_request(
    folder: Path,
    change: Callable[[Path], None] = patch,
    *,
    files: Callable[[Path], None] | None = None,
    on_main: Callable[[Path], None] | None = None,
    branch: str = "better-features",
    title: str = "Better features",
    fork: str | None = None,
    name: str = "acme/bikes",
) -> PullRequest:
    """Build the repository: the example on `main`, and a branch with one change.

    Args:
        folder: Where to; it must not exist.
        change: Edits the files of the branch.
        files: Fills a folder with what is to be the repository, if it is not the example.
        on_main: Edits the files of `main` before its first commit.
        branch: The name of the branch.
        title: The title of the pull request.
        fork: The full name of the repository that the branch is in, if it is another one.
        name: The full name of the repository.
    """
    author = folder / "author"
    (files or copy_example)(author)
    if on_main is not None:
        on_main(author)
    git(author, "init", "--quiet", "--initial-branch=main")
    base = commit(author, "Predict peak hours")
    git(author, "switch", "--quiet", "--create", branch)
    change(author)
    head = commit(author, title)
    _merge(author, base, head, branch)
    work_tree = _clone(author, folder / "checkout")
    event = folder / "event.json"
    payload = _payload(base, head, branch=branch, title=title, fork=fork or name, name=name)
    event.write_text(json.dumps(payload, indent=2), encoding="utf-8")
    return PullRequest(work_tree, event, base, head, branch, title)


def push(pull: PullRequest, change: Callable[[Path], None], *, title: str = "More") -> PullRequest:
    """Add a commit to the pull request's branch, and check out anew what would merge it."""
    folder = pull.event.parent
    author = folder / "author"
    git(author, "switch", "--quiet", pull.branch)
    change(author)
    head = commit(author, title)
    _merge(author, pull.base_sha, head, pull.branch)
    event = json.loads(pull.event.read_text(encoding="utf-8"))
    event["pull_request"]["head"]["sha"] = head
    pull.event.write_text(json.dumps(event, indent=2), encoding="utf-8")
    shutil.rmtree(pull.work_tree)
    return replace(pull, work_tree=_clone(author, pull.work_tree), head_sha=head)


def light(root: Path) -> None:
    """Make the example quick: no training, one small test, no bounds."""
    (root / "tests/test_light.py").write_text("def test_light():\n    assert True\n")
    (root / "assay.yaml").write_text(
        "data: [{path: data/raw/2011.csv, schema: 'schema.py:Schema'}]\n"
        "tests: tests/test_light.py\n"
        "train: skip\n"
        "predictions: {path: reports/predictions.csv, key: instant, truth: y_true,\n"
        "  prediction: y_pred, score: y_score}\n"
        "metrics: {roc_auc: {min: 0.5}, f1: }\n"
    )


def reword(root: Path) -> None:
    """A change that leaves the model as it is."""
    with (root / "README.md").open("a", encoding="utf-8") as file:
        file.write("\nA sentence more.\n")


def copy_example(destination: Path) -> None:
    """The files of the example that git knows or would add, without those that show it off."""
    listed = git(ROOT, "ls-files", "-z", "-co", "--exclude-standard", "--", EXAMPLE.name)
    for entry in filter(None, listed.split("\0")):
        path = Path(entry).relative_to(EXAMPLE.name)
        if path.parts[0] != DEMO and (ROOT / entry).is_file():
            target = destination / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / entry, target)


def git(root: Path, *arguments: str) -> str:
    """Run git with settings of our own only, and return what it prints."""
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=root,
        env={**os.environ, **_GIT},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        message = f"git {' '.join(arguments)}: {done.stderr.strip()}"
        raise RuntimeError(message)
    return done.stdout


def commit(root: Path, message: str) -> str:
    """Commit all that is there, and return the commit's name."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)
    return git(root, "rev-parse", "HEAD").strip()


def _merge(author: Path, base: str, head: str, branch: str) -> None:
    """The commit that GitHub makes to try a pull request out; the author never sees it."""
    git(author, "switch", "--quiet", "--detach", "main")
    git(author, "merge", "--quiet", "--no-ff", "--message", f"Merge {head} into {base}", branch)
    git(author, "update-ref", f"refs/pull/{NUMBER}/merge", "HEAD")


def _clone(author: Path, work_tree: Path) -> Path:
    """What `actions/checkout` does with `fetch-depth: 0`."""
    merge = f"refs/pull/{NUMBER}/merge"
    git(author.parent, "clone", "--quiet", "--no-checkout", author.as_uri(), str(work_tree))
    git(work_tree, "fetch", "--quiet", "origin", f"+{merge}:refs/remotes/pull/{NUMBER}/merge")
    git(work_tree, "checkout", "--quiet", "--detach", f"refs/remotes/pull/{NUMBER}/merge")
    return work_tree


def _payload(
    base: str, head: str, *, branch: str, title: str, fork: str, name: str
) -> dict[str, Any]:
    repository = {"full_name": name, "name": name.split("/")[1], "default_branch": "main"}
    return {
        "action": "synchronize",
        "number": NUMBER,
        "repository": repository,
        "sender": {"login": "octocat"},
        "pull_request": {
            "number": NUMBER,
            "title": title,
            "state": "open",
            "user": {"login": "octocat"},
            "base": {"ref": "main", "sha": base, "repo": repository},
            "head": {"ref": branch, "sha": head, "repo": {"full_name": fork}},
        },
    }
