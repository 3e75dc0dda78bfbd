"""A user's repository for tests: real git, real DVC, built once a session and then copied."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from assay.record import Revision
from assay.workspace import base as bases
from assay.workspace.git import Git

from tests.builders import make_context, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.ci import CiContext
    from assay.context import Context

# A training that takes no time: the deeper, the closer its scores are to the truth.
TRAIN = """\
import json
import random
from pathlib import Path

depth = int(Path("params.yaml").read_text().split("depth:")[1].split()[0])
rows = Path("data/prepared.csv").read_text().splitlines()[1:]
noise = random.Random(7)
lines, right = ["id,y_true,score,season"], 0
for row in rows:
    number, truth, season = row.split(",")
    score = 0.5 + (int(truth) - 0.5) * depth / 10 + noise.uniform(-0.4, 0.4)
    score = round(min(max(score, 0.01), 0.99), 4)
    right += (score >= 0.5) == (truth == "1")
    lines.append(f"{number},{truth},{score},{season}")
Path("predictions.csv").write_text("\\n".join(lines) + "\\n")
Path("metrics.json").write_text(json.dumps({"accuracy": right / len(rows)}))
Path("model.bin").write_bytes(b"m" * 100 * depth)
print("trained with depth", depth)
"""

PIPELINE = """\
stages:
  prepare:
    cmd: cp data/raw.csv data/prepared.csv
    deps: [data/raw.csv]
    outs: [data/prepared.csv]
  train:
    cmd: python src/train.py
    deps: [data/prepared.csv, src/train.py]
    params: [depth]
    outs: [model.bin, predictions.csv]
    metrics:
      - metrics.json: {cache: false}
artifacts:
  peak:
    path: model.bin
    type: model
"""

CONFIG = """\
predictions:
  path: predictions.csv
  score: score
  key: id
  slices: season
metrics:
  accuracy:
    min: 0.5
    max_regression: 0.02
"""

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "DVC_NO_ANALYTICS": "true",
}


class Repo:
    """A git repository without DVC, and a `Git` for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = environment(root.with_name(f"{root.name}-home"))
        root.mkdir()
        self("init", "--quiet", "--initial-branch=main")

    def __call__(self, *args: str) -> str:
        return subprocess.run(
            ["git", *args],
            cwd=self.root,
            env=self.environ,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        write(self.root, files or {})
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "--message=Change")
        return self("rev-parse", "HEAD")

    def git(self, folder: str = ".") -> Git:
        return Git(self.root / folder, self.environ)


def with_origin(folder: Path) -> Repo:
    """A repository `clone` without a commit, whose bare origin is beside it."""
    origin = folder / "origin.git"
    bare = ["git", "init", "--quiet", "--bare", "--initial-branch=main", origin]
    subprocess.run(bare, check=True)
    repo = Repo(folder / "clone")
    repo("remote", "add", "origin", str(origin))
    return repo


@dataclasses.dataclass(frozen=True)
class Project:
    """A checkout of the repository, and the directory that is its DVC remote."""

    root: Path
    environ: Mapping[str, str]

    @property
    def remote(self) -> Path:
        return self.root.parent / "remote"

    @property
    def cache(self) -> Path:
        return self.root / ".dvc" / "cache"

    def run(self, *argv: str) -> str:
        done = subprocess.run(
            argv, cwd=self.root, env=dict(self.environ), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def git(self, *args: str) -> str:
        return self.run("git", *args)

    def dvc(self, *args: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *args)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        write(self.root, files)

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        """Commit everything that git does not ignore; returns the commit."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=Change")
        return self.git("rev-parse", "HEAD")

    def context(
        self,
        *,
        base: str | None = None,
        train: str | None = None,
        github: bool = False,
        ci: CiContext | None = None,
        environ: Mapping[str, str] | None = None,
        config: str | None = None,
    ) -> Context:
        """What `cli.py` would build for this checkout."""
        file = self.root / "assay.yaml"
        text = config if config is not None else file.read_text() if file.is_file() else ""
        found = make_context(
            self.root, text, environ={**self.environ, **(environ or {})}, github=github
        )
        git = found.workspace.git
        head = Revision(sha=git.head(), branch=git.branch(), dirty=git.is_dirty())
        record = found.record.model_copy(update={"head": head})
        if base is not None or ci is not None:
            sha = bases.find(git, ci or found.ci, named=base, head=head.sha, dirty=head.dirty)
            record = record.model_copy(update={"base": None if sha is None else Revision(sha=sha)})
        config_ = found.config
        if train is not None:
            config_ = config_.model_copy(update={"train": train})
        return dataclasses.replace(found, config=config_, record=record)

    def objects(self) -> list[str]:
        """What lies in the cache, temporary files included."""
        return sorted(str(p.relative_to(self.cache)) for p in self.cache.rglob("*") if p.is_file())

    def object_of(self, path: str, *, where: Path | None = None) -> Path:
        """The object of a tracked file in the cache or in the remote."""
        from assay.workspace import Workspace

        out = Workspace(self.root, self.environ).head_files().output(path)
        assert out is not None
        assert out.object_path is not None
        return (where or self.cache) / out.object_path


def environment(home: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's configuration counts."""
    hidden = ("GITHUB_", "GIT_", "AWS_", "CI_", "DVC_", "ASSAY_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(hidden) and k != "CI"}
    home.mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        **IDENTITY,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        # Those of Hydra, which DVC brings along, take twice as long to load as pytest does.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def template(folder: Path) -> Path:
    """The folder of a project with the branches `main` and `better`, built if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes run tests
        if not (folder / "done").exists():
            _build(Project(folder / "project", environment(folder / "home")))
            (folder / "done").touch()
    return folder


def _build(project: Project) -> None:
    project.root.mkdir()
    project.git("init", "--quiet", "--initial-branch=main")
    project.dvc("init", "--quiet")
    rows = [f"{i},{i * 7 % 3 % 2},{('spring', 'summer')[i % 2]}" for i in range(300)]
    project.write(
        {
            "data/raw.csv": "\n".join(["id,y,season", *rows]) + "\n",
            "data/photos/a.jpg": "a photo",
            "data/photos/b.jpg": "another photo",
            "src/train.py": TRAIN,
            "dvc.yaml": PIPELINE,
            "params.yaml": "depth: 4\n",
            "assay.yaml": CONFIG,
        }
    )
    project.dvc("remote", "add", "--quiet", "--default", "store", "../remote")
    project.dvc("add", "--quiet", "data/raw.csv", "data/photos")
    project.dvc("repro", "--quiet")
    project.commit()
    # One by one: of another branch, DVC 3.67 takes a relative remote for one below `/`.
    project.dvc("push", "--quiet", "--run-cache")
    project.git("checkout", "--quiet", "-b", "better")
    project.write({"params.yaml": "depth: 6\n"})
    project.dvc("repro", "--quiet")
    project.commit()
    project.dvc("push", "--quiet", "--run-cache")


def clone(source: Path, target: Path, *, branch: str = "better") -> Project:
    """A fresh clone beside a copy of the remote: nothing is in the cache."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source / "remote", target / "remote")
    project = Project(target / "project", environment(target / "home"))
    subprocess.run(
        ["git", "clone", "--quiet", "--branch", branch, str(source / "project"), project.root],
        env=dict(project.environ),
        check=True,
    )
    return project


def copy(source: Path, target: Path) -> Project:
    """A copy of the developer's own checkout of `better`: everything is in the cache."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("project", "remote"):
        shutil.copytree(source / name, target / name, symlinks=True)
    return Project(target / "project", environment(target / "home"))
