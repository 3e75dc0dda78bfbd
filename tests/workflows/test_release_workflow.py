"""A tag becomes a release, and goes to users: the reusable workflows, whole, on the example."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from assay.packaging import archive as archives
from assay.packaging import keys

from tests.fakes.github.objects import GitObject
from tests.fakes.github_api import Asset, workflow_token
from tests.workflows import deployed, scratch
from tests.workflows.conftest import REPOSITORY
from tests.workflows.deployed import Places
from tests.workflows.engine import ROOT, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.packaging.bundle import Bundle

    from tests.fakes.github_api import Level, Release
    from tests.workflows.conftest import World
    from tests.workflows.engine import Run

TAG = "peak-hour@v1.0.0"
# The example's own workflow, but for the environment: the engine knows none, so the key is passed.
WORKFLOW = """
on:
  push:
    tags: ["**@v*"]
permissions: {}
jobs:
  model-release:
    permissions:
      contents: write
      actions: read
      id-token: write
      attestations: write
    uses: your-org/assay/.github/workflows/model-release.yml@v1
    secrets:
      ASSAY_SIGNING_KEY: ${{ secrets.ASSAY_SIGNING_KEY }}
"""
# What a person does whose own workflow packages: the action alone, on the bundle that there is.
AGAIN = """
on:
  push:
    tags: ["**@v*"]
permissions: {}
jobs:
  release:
    runs-on: ubuntu-latest
    permissions:
      contents: write
      actions: read
      id-token: write
      attestations: write
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: actions/download-artifact@37930b1c2abaa49bbe596cd826c3c89aef350131 # v7.0.0
        with:
          name: assay-bundle
          path: ${{ runner.temp }}/bundle
      - uses: your-org/assay/actions/release@v1
        with:
          bundle: ${{ runner.temp }}/bundle/bundle.tar.zst
          signing-key: ${{ secrets.ASSAY_SIGNING_KEY }}
          attest: "true"
"""


# The starter's button is for production, where nothing is to go back from.
ROLLBACK = """
on: workflow_dispatch
permissions: {}
jobs:
  model-deploy:
    permissions:
      contents: write
      deployments: write
      issues: write
    uses: your-org/assay/.github/workflows/model-deploy.yml@v1
    with:
      rollback: true
      environment: staging
"""
DEPLOY = (ROOT / "workflow-templates/model-deploy.yml").read_text(encoding="utf-8")


class Tagged:
    """The example with a version of it tagged, at GitHub and checked out."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.places = Places(folder / "places")
        author = folder / "author"
        scratch.copy_example(author)
        scratch.light(author)
        with (author / "assay.yaml").open("a", encoding="utf-8") as file:
            file.write("package: {features: data/features/evaluation.csv}\n")
            file.write(self.places.config)
        self.private, self.public = keys.new_pair(folder / "keys", None)
        (author / "keys").mkdir()
        shutil.copy(self.public, author / "keys" / "assay.pub")
        scratch.git(author, "init", "--quiet", "--initial-branch=main")
        scratch.git(author, "add", "--all")
        scratch.git(author, "commit", "--quiet", "--message", "Predict peak hours")
        scratch.git(author, "tag", "--annotate", TAG, "--message", "The first")
        self.commit = scratch.git(author, "rev-parse", "HEAD").strip()
        self.work_tree = folder / "checkout"
        scratch.git(folder, "clone", "--quiet", author.as_uri(), str(self.work_tree))
        scratch.git(self.work_tree, "checkout", "--quiet", "--detach", TAG)
        self._push(author)

    def _push(self, author: Path, tag: str = TAG) -> None:
        """GitHub learns of the commit, the branch and the tag."""
        state = self.world.api.state
        rights: dict[str, Level] = {"deployments": "write", "issues": "write"}
        state.tokens[TOKEN] = workflow_token(contents="write", actions="read", **rights)
        repository = state.repositories[REPOSITORY]
        for ref in ("refs/heads/main", f"refs/tags/{tag}"):
            sha = scratch.git(author, "rev-parse", ref).strip()
            repository.refs[ref] = sha
        for line in scratch.git(author, "rev-list", "--objects", "--all", tag).splitlines():
            self._object(author, line.split()[0])
        self._object(author, repository.refs[f"refs/tags/{tag}"])

    def release_a_bad_one(self, tag: str, good: Bundle) -> None:
        """A version that is released in order, and gives no number."""
        author, state = self.folder / "author", self.world.api.state
        commit = scratch.commit(author, "Predict otherwise")
        scratch.git(author, "tag", "--annotate", tag, "--message", "The second")
        self._push(author, tag)
        scratch.git(self.work_tree, "fetch", "--quiet", "--tags", "origin", "main")
        key = keys.private(self.private.read_bytes(), None, shown="key")
        made = deployed.without_numbers(good, self.folder, commit, key)
        release = replace(self.releases[0], id=999_999, tag=tag, assets=[])
        for name, content in deployed.packed(made, self.folder).items():
            state.last_id += 1
            kind = "application/octet-stream"
            asset = Asset(state.last_id, name, content, kind, None, "ann", state.now())
            release.assets.append(asset)
        self.releases.append(release)

    def _object(self, author: Path, sha: str) -> None:
        kind: Any = scratch.git(author, "cat-file", "-t", sha).strip()
        if kind in ("commit", "tag"):
            content = scratch.git(author, "cat-file", kind, sha).encode()
            repository = self.world.api.state.repositories[REPOSITORY]
            repository.objects[sha] = GitObject(kind, content)

    def checked(self, conclusion: str) -> None:
        """The check of the commit has ended."""
        state = self.world.api.state
        state.run(REPOSITORY, self.commit, event="push", conclusion=conclusion)

    def run(self, text: str) -> Run:
        return self.started(text, "push", {"after": self.commit}, ref=f"refs/tags/{TAG}")

    def started(self, text: str, name: str, payload: dict[str, Any], *, ref: str) -> Run:
        """A workflow, as an event starts it."""
        event = self.folder / "event.json"
        repository = {"full_name": REPOSITORY, "name": "bikes", "default_branch": "main"}
        event.write_text(json.dumps({"ref": ref, "repository": repository, **payload}))
        workflow = self.folder / "workflow.yml"
        workflow.write_text(text, encoding="utf-8")
        return self.world.engine.run(
            self.work_tree,
            workflow,
            event=event,
            event_name=name,
            store=self.world.store,
            secrets={"ASSAY_SIGNING_KEY": self.private.read_text()},
            variables={
                "GITHUB_API_URL": self.world.api.url,
                "GITHUB_REF": ref,
                **self.world.variables,
            },
        )

    def deploy(self, name: str, **payload: Any) -> Run:
        """The starter, which runs on the default branch."""
        return self.started(DEPLOY, name, payload, ref="refs/heads/main")

    @property
    def releases(self) -> list[Release]:
        return self.world.api.state.repositories[REPOSITORY].releases


@pytest.fixture
def tagged(world: World, tmp_path: Path) -> Iterator[Tagged]:
    made = Tagged(world, tmp_path)
    yield made
    made.places.down()


def verified(archive: Path, key: Path) -> subprocess.CompletedProcess[str]:
    """`assay verify`, as whoever downloads the bundle runs it: nothing else of ours is there."""
    command = [sys.executable, "-m", "assay.cli", "verify", str(archive), "--key", str(key)]
    return subprocess.run(
        command,
        cwd=archive.parent,
        env={"PATH": "/nowhere", "HOME": str(archive.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.needs("nginx")
def test_a_tag_becomes_a_release_once_its_commit_is_checked(tagged: Tagged, tmp_path: Path) -> None:
    tagged.checked("failure")

    run = tagged.run(WORKFLOW)

    assert (run.exit_code, run.jobs) == (1, {"package": "success", "release": "failure"}), run.tail
    assert tagged.releases == []
    assert any("model-check.yml" in one.message for one in run.annotations), run.tail
    # Neither can be taken back, so it is decided first.
    assert "Signed by " not in run.log
    assert not (tagged.world.store / "attested").exists()

    tagged.checked("success")
    without_key = AGAIN.replace("signing-key:", "signing-password:")

    run = tagged.run(without_key)

    assert (run.exit_code, run.jobs) == (1, {"release": "failure"}), run.tail
    assert any("there is no key to sign with" in one.message for one in run.annotations), run.tail
    assert not (tagged.world.store / "attested").exists()
    assert tagged.releases == []

    run = tagged.run(AGAIN)

    assert (run.exit_code, run.jobs) == (0, {"release": "success"}), run.tail
    (release,) = tagged.releases
    assert (release.tag, release.draft) == (TAG, False)
    files = {asset.name: bytes(asset.content) for asset in release.assets}
    archive = tmp_path / "peak-hour-v1.0.0.tar.zst"
    archive.write_bytes(files[archive.name])
    assert len(files[archive.name]) < 1_000_000
    manifest = json.loads(files["manifest.json"])
    assert (manifest["kind"], manifest["source"]["commit"]) == ("onnx", tagged.commit)
    done = verified(archive, tagged.public)
    assert done.returncode == 0, done.stdout + done.stderr
    # What GitHub was asked to attest is what was released.
    attested = (tagged.world.store / "attested").read_text()
    assert hashlib.sha256(files[archive.name]).hexdigest() in attested
    for secret in (TOKEN, *tagged.private.read_text().splitlines()[1:-1]):
        assert secret not in run.log
        assert not any(secret.encode() in content for content in files.values())
    flipped = bytearray(files[archive.name])
    flipped[len(flipped) // 2] ^= 1
    archive.write_bytes(flipped)
    assert verified(archive, tagged.public).returncode == 1

    archive.write_bytes(files[archive.name])
    _to_users(tagged, archives.unpack(archive, tmp_path))


def _to_users(tagged: Tagged, good: Bundle) -> None:
    """The release goes to staging and to production; a bad one goes away while users ask."""
    github = tagged.world.api.state.repositories[REPOSITORY]
    run_of_release = {
        "event": "push",
        "conclusion": "success",
        "head_branch": TAG,
        "head_sha": tagged.commit,
    }

    run = tagged.deploy("workflow_run", workflow_run=run_of_release)

    ended = {"staging": "success", "smoke": "success", "production": "success"}
    assert (run.exit_code, run.jobs) == (0, ended), run.tail
    states = [(one.environment, one.ref, one.state) for one in github.deployments]
    assert states == [("staging", TAG, "success"), ("production", TAG, "success")]
    assert github.issues == {}
    assert "is in" in run.summary

    bad = "peak-hour@v1.1.0"
    tagged.release_a_bad_one(bad, good)
    port = tagged.places.ports[1]
    with deployed.users(port, deployed.rows_of(good)) as seen:
        run = tagged.deploy("workflow_dispatch", inputs={"do": "deploy", "version": bad})

    assert (run.exit_code, run.jobs) == (1, {**ended, "production": "failure"}), run.tail
    assert seen.bad == []
    assert seen.answers > 100
    assert tagged.places.state("production")["stable"]["version"] == "v1.0.0"
    assert tagged.places.state("staging")["stable"]["version"] == "v1.1.0"
    assert [(one.environment, one.ref, one.state) for one in github.deployments] == [
        ("staging", TAG, "inactive"),
        ("production", TAG, "success"),
        ("staging", bad, "success"),
        ("production", bad, "failure"),
    ]
    (issue,) = github.issues.values()
    assert "peak-hour v1.1.0 was rolled back in production" in issue.title
    assert "no finite number" in issue.body
    assert TOKEN not in run.log + issue.body
    run = tagged.started(ROLLBACK, "workflow_dispatch", {}, ref="refs/heads/main")

    assert (run.exit_code, run.jobs) == (0, {"rollback": "success"}), run.tail
    assert tagged.places.state("staging")["stable"]["version"] == "v1.0.0"
    last = github.deployments[-1]
    assert (last.environment, last.task, last.ref, last.state) == (
        "staging",
        "rollback",
        TAG,
        "success",
    )
    assert {ref for ref in github.refs if "#" in ref} == {
        "refs/tags/peak-hour#staging#1",
        "refs/tags/peak-hour#production#2",
        "refs/tags/peak-hour#staging#3",
        "refs/tags/peak-hour#staging#4",
    }
