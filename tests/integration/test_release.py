"""Releases from a workflow: against a GitHub API that keeps GitHub's rules, with real bundles."""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import typer
from assay import ci, clirelease, extras
from assay.errors import AssayError, ForgeError, UsageError
from assay.forge import github as forge
from assay.packaging import archive
from assay.packaging.bundle import BundleError
from assay.packaging.manifest import GateResult
from assay.packaging.signing import KeySigner, KeyTrust
from assay.packaging.verify import verify
from assay.release import gto
from assay.section import Status
from assay.stages import release as stage
from typer.testing import CliRunner

from tests.builders import make_context, printed
from tests.fakes.github.objects import Person, Tag, put_tag
from tests.fakes.github_api import GitHubApi, Release, Repository, State, workflow_token
from tests.repos import Repo
from tests.unit.packaging import vouched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context
    from assay.release.section import ReleaseSection

REPO = "acme/bikes"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
FILES = [
    "peak-hour-v1.0.0.tar.zst",
    "manifest.json",
    "model.onnx",
    "model.sig",
    "bom.cdx.json",
    "README.md",
    "SHA256SUMS",
]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.time, "sleep", lambda _: None)
    monkeypatch.setattr(forge.GitHubForge.__init__, "__kwdefaults__", _patient())


def _patient() -> dict[str, Any]:
    defaults = dict(forge.GitHubForge.__init__.__kwdefaults__ or {})
    return {**defaults, "sleep": lambda _: None}


@dataclass
class World:
    """GitHub, a clone of its repository, and a bundle of the commit that is checked out."""

    github: GitHubApi
    clone: Repo
    folder: Path
    signer: KeySigner | None

    @property
    def repository(self) -> Repository:
        return self.github.state.repositories[REPO]

    def commit(self, **options: Any) -> str:
        """A commit that the workflow has checked, and that is checked out."""
        count = len(self.repository.objects)
        sha = self.github.state.commit(REPO, {"count": b"%d" % count}, **options)
        self.github.state.run(REPO, sha, event="push")
        self.pull(sha)
        return sha

    def pull(self, sha: str) -> None:
        """Have what GitHub has, by writing git's files: a tenth of the time of asking git."""
        stored = self.clone.root / ".git"
        for name, held in self.repository.objects.items():
            path = stored / "objects" / name[:2] / name[2:]
            path.parent.mkdir(exist_ok=True)
            header = f"{held.kind} {len(held.content)}\0".encode()
            path.write_bytes(zlib.compress(header + held.content, 1))
        refs = {**self.repository.refs, "refs/heads/main": sha}
        lines = [f"{target} {ref}\n" for ref, target in sorted(refs.items())]
        (stored / "packed-refs").write_text("# pack-refs with: sorted\n" + "".join(lines))
        (stored / "refs" / "heads" / "main").unlink(missing_ok=True)
        self.clone("reset", "--quiet", "--hard")

    def tag(self, name: str, sha: str, *, annotated: bool = True, moment: str = "") -> None:
        """What somebody pushed."""
        who = Person("Ada", "ada@example.test", moment or self.github.state.now())
        objects = self.repository.objects
        target = put_tag(objects, Tag(sha, "commit", name, who, name)) if annotated else sha
        self.repository.refs[f"refs/tags/{name}"] = target

    def bundle(self, name: str = "bundle", **facts: Any) -> Path:
        """A signed bundle of the commit that is checked out, as one file."""
        source = vouched.manifest().source
        commit = facts.pop("commit", None) or self.clone("rev-parse", "HEAD")
        md5 = facts.pop("md5", "a" * 32)
        facts["source"] = source.model_copy(
            update={
                "commit": commit,
                "model": source.model.model_copy(update={"md5": md5}),
            }
        )
        parent = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        parent.mkdir()
        made = vouched.made(parent, **facts)
        vouched.vouching.add(made, self.signer, vouched.RUN)
        return archive.pack(made, self.folder / f"{name}.tar.zst")

    def context(self, **environ: str) -> Context:
        environ = {
            **self.clone.environ,
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_NAME": "workflow_dispatch",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_ACTOR_ID": "583231",
            "ASSAY_TOKEN": SECRET,
            **environ,
        }
        made = make_context(self.clone.root, environ=environ)
        return replace(made, ci=ci.detect(environ))

    def release(
        self, path: Path | None = None, version: str = "", **environ: str
    ) -> ReleaseSection:
        return self.wish(stage.Wish(version=version, bundle=str(path or self.bundle())), **environ)

    def wish(self, wish: stage.Wish, **environ: str) -> ReleaseSection:
        return stage.run(self.context(**environ), wish)

    @property
    def published(self) -> list[Release]:
        return [one for one in self.repository.releases if not one.draft]


@pytest.fixture
def world(server: GitHubApi, tmp_path: Path) -> Iterator[World]:
    server.state = State(
        tokens={SECRET: workflow_token(contents="write", actions="read")},
        repositories={REPO: Repository(id=7)},
    )
    folder = tmp_path / "bundles"
    folder.mkdir()
    made = World(server, Repo(tmp_path / "clone"), folder, KeySigner(vouched.KEY))
    made.commit()
    yield made
    assert not [logged for logged in server.state.requests if logged.token_outside_header]


def assert_whole(release: Release) -> None:
    """What it says it has, it has."""
    content = {asset.name: asset.content for asset in release.assets}
    assert all(asset.state == "uploaded" for asset in release.assets)
    lines = content.pop("SHA256SUMS").decode().splitlines()
    digests = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}


def said(refused: ReleaseSection) -> str:
    return " ".join(f"{one.message} {one.hint}" for one in refused.reasons)


@pytest.mark.parametrize("immutable", [False, True])
def test_the_first_release(world: World, *, immutable: bool) -> None:
    world.repository.immutable_releases = immutable
    section = world.release()
    (release,) = world.published
    assert section.status is Status.PASS
    assert (section.tag, section.version, section.previous) == ("peak-hour@v1.0.0", "v1.0.0", None)
    assert section.url == "https://github.com/acme/bikes/releases/tag/peak-hour%40v1.0.0"
    assert (release.tag, release.name) == ("peak-hour@v1.0.0", "peak-hour v1.0.0")
    assert (release.latest, release.prerelease) == (True, False)
    assert [asset.name for asset in release.assets] == FILES
    assert [file.name for file in section.files] == FILES
    assert_whole(release)
    tag = world.repository.objects[world.repository.refs["refs/tags/peak-hour@v1.0.0"]]
    assert tag.kind == "tag"
    text = tag.content.decode()
    assert "tagger octocat <583231+octocat@users.noreply.github.com>" in text
    assert f"Bundle: sha256:{section.digest}" in text


def test_what_is_released_is_accepted_elsewhere(world: World, tmp_path: Path) -> None:
    """By who has the public key and no network; and git and GTO read the tag."""
    section = world.release()
    path = tmp_path / "downloaded.tar.zst"
    path.write_bytes(world.published[0].assets[0].content)
    verdict = verify(path, KeyTrust(vouched.KEY.public_key()))
    assert (verdict.accepted, verdict.digest) == (True, section.digest)
    world.pull(world.clone("rev-parse", "HEAD"))
    world.clone("fsck", "--strict")
    assert world.clone("cat-file", "-t", "peak-hour@v1.0.0") == "tag"
    found = gto.read(world.clone.git()).artifact("peak-hour").latest
    assert found is not None
    assert (found.version, found.commit) == ("v1.0.0", world.clone("rev-parse", "HEAD"))


@pytest.mark.parametrize("passes", [True, False])
def test_the_command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, passes: bool
) -> None:
    if not passes:
        world.repository.runs.clear()
    outputs = tmp_path / "outputs"
    environ = dict(world.context().environ) | {
        "ASSAY_BUNDLE": str(world.bundle()),
        "ASSAY_WORKING_DIRECTORY": str(world.clone.root),
        "GITHUB_OUTPUT": str(outputs),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    app.command()(clirelease.release)
    done = CliRunner().invoke(app, [])
    assert SECRET not in done.output
    if passes:
        assert done.exit_code == 0, done.output
        told = outputs.read_text()
        for value in ("peak-hour@v1.0.0", "v1.0.0", world.published[0].tag.replace("@", "%40")):
            assert f"\n{value}\n" in told or value in told
        assert [line.partition("<<")[0] for line in told.splitlines() if "<<" in line] == [
            "tag", "version", "url", "digest"
        ]  # fmt: skip
    else:
        assert done.exit_code == 1, done.output
        assert "::error" in done.output
        assert "gh workflow run model-check.yml --ref main" in done.output
        assert not outputs.exists()


def test_to_run_again_changes_nothing(world: World) -> None:
    path = world.bundle()
    first = world.release(path)
    before = len(world.github.state.requests)
    again = world.release(path)
    newly_signed = world.release(world.bundle("again"))
    assert (again.url, again.repeated, again.exit_code) == (first.url, True, 0)
    assert newly_signed.repeated
    assert {one.method for one in world.github.state.requests[before:]} == {"GET"}


@pytest.mark.parametrize("tag", ["peak-hour@v2.3.0", "peak-hour@v2.3.0#1"])
def test_a_tag_starts_the_release(world: World, tag: str) -> None:
    sha = world.clone("rev-parse", "HEAD")
    world.tag(tag, sha)
    # As actions/checkout leaves it: the tag that started the workflow is a lightweight one.
    world.pull(sha)
    world.clone("update-ref", f"refs/tags/{tag}", sha)
    section = world.release(GITHUB_REF=f"refs/tags/{tag}")
    assert (section.version, section.exit_code) == ("v2.3.0", 0)
    assert [one.tag for one in world.published] == [tag]
    assert world.repository.refs.keys() == {"refs/heads/main", f"refs/tags/{tag}"}
    assert "POST /repos/acme/bikes/git/refs" not in world.github.state.calls()


def test_a_tag_that_is_nobodys_version(world: World) -> None:
    """Its name has what Python calls a line end."""
    sha = world.clone("rev-parse", "HEAD")
    world.tag("neither\u2028gto", sha, annotated=False)
    world.pull(sha)
    assert world.release().exit_code == 0


def test_the_tags_are_those_that_github_has(world: World) -> None:
    """A clone may be older than GitHub, or have tags that nobody pushed."""
    sha = world.clone("rev-parse", "HEAD")
    world.tag("peak-hour@v4.0.0", sha)
    world.commit()
    world.tag("peak-hour@v5.0.0", sha, moment="2026-02-01T09:00:00Z")
    world.tag("peak-hour@v5.0.0!", sha, moment="2026-02-02T09:00:00Z")
    world.tag("peak-hour@v6.0.0", sha, annotated=False)
    world.tag("other@v9.0.0", sha)
    world.clone("tag", "--annotate", "--message=x", "peak-hour@v8.0.0", sha)
    section = world.release(version="patch")
    assert (section.previous, section.version) == ("v4.0.0", "v4.0.1")


def test_the_next_versions(world: World) -> None:
    world.release()
    world.commit()
    same = world.release()
    assert (same.version, same.previous) == ("v1.0.1", "v1.0.0")
    world.commit()
    trained = world.release(world.bundle(md5="f" * 32))
    assert (trained.version, trained.why) == ("v1.1.0", ("The model was trained again.",))
    world.commit()
    asked = world.release(version="major")
    assert asked.version == "v2.0.0"
    world.commit()
    early = world.release(version="v3.0.0-rc.1")
    assert [one.prerelease for one in world.published] == [False, False, False, False, True]
    assert [one.tag for one in world.published if one.latest] == ["peak-hour@v2.0.0"]
    assert early.previous == "v2.0.0"


def test_what_the_repository_calls_its_latest_release(world: World) -> None:
    sha = world.clone("rev-parse", "HEAD")
    code = Release(1, "v7.0", "ada", "2026-01-01T00:00:00Z", sha, draft=False, latest=True)
    code.published_at = code.created_at
    world.repository.releases.append(code)
    world.release()
    assert [one.tag for one in world.published if one.latest] == ["v7.0"]
    world.repository.releases.remove(code)
    world.commit()
    world.release(world.bundle(name="other", md5="b" * 32))
    assert [one.tag for one in world.published if one.latest] == ["peak-hour@v1.1.0"]


def refused(world: World, path: Path | None = None, **given: str) -> ReleaseSection:
    section = world.release(path, **given)
    assert section.url is None
    assert world.published == []
    assert {one.method for one in world.github.state.requests} == {"GET"}
    return section


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"conclusion": "failure", "event": "push"}, "did not pass"),
        ({"conclusion": "cancelled", "event": "push"}, "did not pass"),
        ({"status": "in_progress", "conclusion": None, "event": "push"}, "still running"),
        ({"event": "pull_request"}, "only for a pull request"),
        ({"workflow": "other.yml", "event": "push"}, "never ran"),
    ],
)
def test_a_commit_that_did_not_pass(world: World, run: dict[str, Any], message: str) -> None:
    world.repository.runs.clear()
    sha = world.clone("rev-parse", "HEAD")
    world.github.state.run(REPO, sha, **run)
    section = refused(world)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    assert message in said(section)


@pytest.mark.parametrize("way", ["merge", "rebase", "squash"])
def test_what_a_merge_brought_along_is_no_version(world: World, way: str) -> None:
    """Its workflow and its gates were those of a branch, and a later commit undid them."""
    state, refs = world.github.state, world.repository.refs
    refs["refs/heads/topic"] = refs["refs/heads/main"]
    branch = "refs/heads/main" if way == "rebase" else "refs/heads/topic"
    middle = state.commit(REPO, {".github/workflows/model-check.yml": b"true"}, ref=branch)
    # A rebase makes commits anew, and whoever pushes a branch at one of them has a run of it.
    state.run(REPO, middle, event="push", head_branch="topic")
    last = state.commit(REPO, {".github/workflows/model-check.yml": b"check"}, ref=branch)
    if way == "squash":
        last = state.commit(REPO, {"squashed": b"1"})
    refs["refs/heads/main"] = last
    state.run(REPO, last, event="push")
    world.pull(middle)
    section = refused(world, world.bundle(commit=middle))
    assert section.exit_code == (2 if way == "squash" else 1)
    assert "never ran on `main`" in said(section)
    world.pull(last)
    assert world.release(world.bundle(commit=last)).exit_code == 0


def test_a_status_that_anybody_may_write_counts_for_nothing(world: World) -> None:
    world.repository.runs.clear()
    assert "never ran" in said(refused(world))
    assert not any("/status" in call for call in world.github.state.calls())


def test_a_commit_that_is_not_on_the_default_branch(world: World) -> None:
    world.repository.refs["refs/heads/topic"] = world.repository.refs["refs/heads/main"]
    world.commit(ref="refs/heads/topic")
    section = refused(world)
    assert (section.exit_code, "not on the default branch `main`" in said(section)) == (2, True)


@pytest.mark.parametrize(
    ("facts", "code", "message"),
    [
        ({"verdict": "fail"}, 1, "verdict is `fail`"),
        ({"verdict": "no gate"}, 1, "Nothing was judged"),
        (
            {"gates": (GateResult(name="f1", result="failed", message="0.1"),)},
            1,
            "its gate `f1` did not pass",
        ),
        ({"commit": "d" * 40}, 2, "The bundle is of commit dddddddddddd"),
    ],
)
def test_a_bundle_that_may_not_be_released(
    world: World, facts: dict[str, Any], code: int, message: str
) -> None:
    section = refused(world, world.bundle(**facts))
    assert (section.exit_code, message in said(section)) == (code, True)


def test_a_lightweight_tag(world: World) -> None:
    world.tag("peak-hour@v1.0.0", world.clone("rev-parse", "HEAD"), annotated=False)
    section = refused(world, GITHUB_REF="refs/tags/peak-hour@v1.0.0")
    assert section.exit_code == 2
    assert "lightweight" in said(section)
    assert "git tag -a" in said(section)


def test_a_tag_of_another_commit(world: World) -> None:
    old = world.clone("rev-parse", "HEAD")
    world.commit()
    world.tag("peak-hour@v1.0.0", old)
    section = refused(world, GITHUB_REF="refs/tags/peak-hour@v1.0.0")
    assert f"is the version of commit {old[:12]}" in said(section)


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("v1.0.0", "is no version"),
        ("peak-hour@1.0.0", "is no version"),
        ("peak hour@v1.0.0", "is no version"),
        ("peak-hour#prod#1", "is no version"),
        ("peak-hour@v1.0.0!", "is no version"),
        ("other@v1.0.0", "is of `other`, and the bundle of `peak-hour`"),
    ],
)
def test_a_tag_that_is_no_version_of_it(world: World, tag: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as failed:
        world.release(GITHUB_REF=f"refs/tags/{tag}")
    assert failed.value.hint
    assert world.repository.releases == []


def test_a_tag_that_was_deleted_since(world: World) -> None:
    with pytest.raises(UsageError, match="is not there any more") as failed:
        world.release(GITHUB_REF="refs/tags/peak-hour@v1.0.0")
    assert "Somebody deleted it" in str(failed.value.hint)
    assert world.repository.refs.keys() == {"refs/heads/main"}


def test_a_tag_and_another_version(world: World) -> None:
    world.tag("peak-hour@v1.0.0", world.clone("rev-parse", "HEAD"))
    with pytest.raises(UsageError, match=r"The tag says v1\.0\.0, and `version` says v2\.0\.0"):
        world.release(version="v2.0.0", GITHUB_REF="refs/tags/peak-hour@v1.0.0")


def test_a_release_that_exists_with_other_content(world: World) -> None:
    first = world.release()
    before = len(world.github.state.requests)
    section = world.release(world.bundle("other", md5="b" * 32))
    assert section.exit_code == 2
    assert f"with other content: the bundle {first.digest}" in said(section)
    assert {one.method for one in world.github.state.requests[before:]} == {"GET"}


@pytest.mark.parametrize("deregistered", [False, True])
def test_a_version_is_released_once_whatever_its_counter(
    world: World, *, deregistered: bool
) -> None:
    old = world.clone("rev-parse", "HEAD")
    world.release()
    if deregistered:
        world.tag("peak-hour@v1.0.0!#1", old, moment="2040-01-01T00:00:00Z")
    new = world.commit()
    tag = "peak-hour@v1.0.0#2"
    world.tag(tag, new, moment="2041-01-01T00:00:00Z")
    world.pull(new)
    section = world.release(world.bundle(md5="b" * 32), GITHUB_REF=f"refs/tags/{tag}")
    assert section.exit_code == 2
    assert "`peak-hour@v1.0.0` is released already, with other content" in said(section)
    assert f"is the version of commit {old[:12]}" in said(section)
    assert [one.tag for one in world.repository.releases] == ["peak-hour@v1.0.0"]


def test_a_release_counts_whose_tag_somebody_deleted(world: World) -> None:
    world.release()
    del world.repository.refs["refs/tags/peak-hour@v1.0.0"]
    section = world.release(world.bundle("other", md5="b" * 32), version="v1.0.0")
    assert section.exit_code == 2
    assert "is released already, with other content" in said(section)
    assert world.repository.refs.keys() == {"refs/heads/main"}


def test_a_second_tag_of_the_same_version_and_commit_releases_nothing(world: World) -> None:
    first = world.release()
    tag = "peak-hour@v1.0.0#2"
    world.tag(tag, world.clone("rev-parse", "HEAD"), moment="2041-01-01T00:00:00Z")
    again = world.release(GITHUB_REF=f"refs/tags/{tag}")
    assert (again.url, again.repeated) == (first.url, True)
    assert len(world.repository.releases) == 1


@pytest.mark.parametrize("gone", [False, True])
def test_a_release_that_somebody_changed(world: World, *, gone: bool) -> None:
    world.release()
    (release,) = world.published
    (model,) = (asset for asset in release.assets if asset.name == "model.onnx")
    if gone:
        release.assets.remove(model)
    else:
        model.content = model.content[:-1] + b"?"
    with pytest.raises(
        ForgeError, match=r"model\.onnx of the release peak-hour@v1\.0\.0 is"
    ) as bad:
        world.release()
    assert "Somebody with write access changed the release" in str(bad.value.hint)


def changed_after(world: World, change: Any) -> str:
    """What a run says of a release that somebody changed: assets by name, each with `content`."""
    world.release()
    (release,) = world.published
    change({asset.name: asset for asset in release.assets})
    before = len(world.github.state.requests)
    with pytest.raises(ForgeError) as failed:
        world.release(world.bundle("again"))
    assert {one.method for one in world.github.state.requests[before:]} == {"GET"}
    assert "Somebody with write access changed the release" in str(failed.value.hint)
    return failed.value.message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("README.md", b"Trust me.", "README.md of the release peak-hour@v1.0.0 is another file"),
        ("bom.cdx.json", b"{}", "bom.cdx.json of the release peak-hour@v1.0.0 is another file"),
        ("model.sig", b"{}", "model.sig of the release peak-hour@v1.0.0 is not that of"),
        ("SHA256SUMS", b"", "SHA256SUMS of the release peak-hour@v1.0.0 is not about the files"),
        (FILES[0], b"EVIL", f"{FILES[0]} of the release peak-hour@v1.0.0 is no sound bundle"),
    ],
)
@pytest.mark.parametrize("tells", [True, False])
def test_each_file_of_a_release_is_looked_at(
    world: World, name: str, content: bytes, message: str, *, tells: bool
) -> None:
    world.repository.tells_digests = tells

    def change(assets: dict[str, Any]) -> None:
        assets[name].content = content

    assert changed_after(world, change).startswith(message)


def test_all_that_vouches_for_a_release_is_exchanged_together(world: World) -> None:
    other = world.bundle("other", md5="b" * 32).read_bytes()

    def change(assets: dict[str, Any]) -> None:
        assets[FILES[0]].content = other
        sums = (
            f"{hashlib.sha256(asset.content).hexdigest()}  {name}\n"
            for name, asset in assets.items()
            if name != "SHA256SUMS"
        )
        assets["SHA256SUMS"].content = "".join(sums).encode()

    assert "is another bundle than the one released" in changed_after(world, change)


def test_a_file_that_somebody_added(world: World) -> None:
    def change(assets: dict[str, Any]) -> None:
        added = replace(assets["README.md"], id=1, name="setup.exe")
        world.published[0].assets.append(added)

    assert changed_after(world, change).startswith("setup.exe of the release")


def test_a_run_without_the_key_finds_a_signed_release_as_it_is(world: World) -> None:
    world.release()
    world.signer = None
    assert world.release(world.bundle("unsigned")).repeated


@pytest.mark.parametrize("at", [0, 100, -1])
def test_a_damaged_bundle(world: World, at: int) -> None:
    path = world.bundle()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        refused(world, path)


def test_a_folder_of_a_bundle_is_packed_and_checked(world: World) -> None:
    world.bundle()
    folder = next(world.folder.glob("*/peak-hour-*"))
    assert world.release(folder).exit_code == 0
    assert_whole(world.published[0])
    (folder / "model.onnx").write_bytes(b"another model")
    with pytest.raises(BundleError, match=r"model\.onnx is not the file that was packaged"):
        world.release(folder)


def test_without_what_reads_a_bundle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.bundle()
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "zstandard" else 1)
    with pytest.raises(AssayError, match="Releases need zstandard, not installed") as failed:
        refused(world, path)
    assert "assay[release]" in str(failed.value.hint)


def test_no_bundle(world: World) -> None:
    with pytest.raises(UsageError, match="There is no bundle at") as failed:
        stage.run(world.context())
    assert "assay sign" in str(failed.value.hint)


@pytest.mark.parametrize("dry_run", [False, True])
def test_without_a_key_nothing_is_released(world: World, *, dry_run: bool) -> None:
    """Also a dry run says so: after it the action attests, which cannot be taken back."""
    world.signer = None
    wish = stage.Wish(bundle=str(world.bundle()), dry_run=dry_run)
    with pytest.raises(UsageError, match="Nothing is released: there is no key") as failed:
        world.wish(wish)
    assert failed.value.exit_code == 2
    for way in (
        "assay sign --new-key keys",
        "< keys/assay.key`",
        "keyless: true",
        "unsigned: true",
    ):
        assert way in str(failed.value.hint)
    assert {one.method for one in world.github.state.requests} == {"GET"}


def test_an_unsigned_release_that_is_asked_for_is_a_warning(world: World) -> None:
    world.signer = None
    section = world.wish(stage.Wish(bundle=str(world.bundle()), unsigned=True))
    assert (section.status, section.exit_code) == (Status.WARN, 0)
    assert "nobody vouches" in said(section)
    assert "model.sig" not in [file.name for file in section.files]


def test_no_token(world: World) -> None:
    with pytest.raises(ForgeError, match="no token to release with") as failed:
        world.release(ASSAY_TOKEN="")
    assert "contents: write" in str(failed.value.hint)


def test_a_token_that_may_only_read(world: World) -> None:
    world.github.state.tokens[SECRET] = workflow_token("read", contents="read", actions="read")
    with pytest.raises(ForgeError, match="it lacks `contents: write`") as failed:
        world.release()
    assert "permissions: contents: write" in str(failed.value.hint)
    assert world.repository.releases == []


@pytest.mark.parametrize("what", ["refs/tags/*", "refs/tags/peak-hour@v1.0.0"])
def test_a_tag_that_a_ruleset_protects(world: World, what: str) -> None:
    world.repository.protected = [what]
    with pytest.raises(ForgeError, match="does not let this token make the tag") as failed:
        world.release()
    assert "ruleset" in str(failed.value.hint)
    assert world.repository.releases == []


def test_a_tag_that_an_immutable_release_had(world: World) -> None:
    world.repository.used_tags.append("peak-hour@v1.0.0")
    with pytest.raises(ForgeError, match="does not let this token make the tag or the release"):
        world.release()
    assert world.published == []


def test_a_rate_limit_that_lasts(world: World) -> None:
    world.github.state.slow_down(4000, method="POST", path="/git/tags")
    with pytest.raises(ForgeError, match="rate limit does not let us go on") as failed:
        world.release()
    assert "Run this again after" in str(failed.value.hint)
    assert world.published == []


def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = world.bundle()
    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(AssayError, match="No space left on device") as failed:
        refused(world, path)
    assert failed.value.exit_code == 3


def test_a_file_that_github_does_not_take(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.release.publishing.LARGEST", 100)
    with pytest.raises(UsageError, match="bytes, and a file of a release has at most 100"):
        refused(world)


def test_a_dry_run_changes_nothing(world: World) -> None:
    context = world.context()
    section = stage.run(context, stage.Wish(bundle=str(world.bundle()), dry_run=True))
    assert (section.tag, section.url, section.exit_code) == ("peak-hour@v1.0.0", None, 0)
    assert {one.method for one in world.github.state.requests} == {"GET"}
    told = printed(context)
    assert "peak-hour@v1.0.0, at commit" in told
    assert "Dry run: nothing was tagged or published." in told
    assert "gh release download" in told


def test_the_notes_begin_with_what_a_person_says(world: World) -> None:
    (world.clone.root / "NOTES.md").write_text("For the **winter**.\n")
    stage.run(noted(world, "NOTES.md"), stage.Wish(bundle=str(world.bundle())))
    body = world.published[0].body or ""
    assert body.startswith("For the **winter**.\n")
    assert "assay verify peak-hour-v1.0.0.tar.zst --key KEY.pub" in body
    assert body.endswith(" -->")


def noted(world: World, path: str) -> Context:
    """A context whose assay.yaml names notes."""
    context = world.context()
    spec = context.config.release.model_copy(update={"notes": path})
    return replace(context, config=context.config.model_copy(update={"release": spec}))


def test_notes_that_are_longer_than_github_takes(world: World) -> None:
    (world.clone.root / "NOTES.md").write_text("Many words.\n" * 20_000)
    stage.run(noted(world, "NOTES.md"), stage.Wish(bundle=str(world.bundle())))
    body = world.published[0].body or ""
    assert 124_900 < len(body) <= 125_000
    assert "words.\n\n(The rest is left out" in body


@pytest.mark.parametrize("path", [".git/config", "NOTES.md"])
def test_what_is_gits_own_is_not_published(world: World, path: str) -> None:
    """It holds the credentials of actions/checkout."""
    if path == "NOTES.md":
        (world.clone.root / path).symlink_to(".git/config")
    with pytest.raises(UsageError, match="it is no text file of the project"):
        stage.run(noted(world, path), stage.Wish(bundle=str(world.bundle())))
    assert world.repository.releases == []


def test_notes_that_are_not_there(world: World) -> None:
    with pytest.raises(UsageError, match=r"There are no notes at ABSENT\.md") as failed:
        stage.run(noted(world, "ABSENT.md"), stage.Wish(bundle=str(world.bundle())))
    assert failed.value.key == ("release", "notes")
    assert world.repository.releases == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("method", "number"),
    # The tag's object, the tag, the draft, the first, a middle and the last file; publishing.
    [("POST", 1), ("POST", 2), ("POST", 3), ("POST", 4), ("POST", 7), ("POST", 10), ("PATCH", 1)],
)
def test_whatever_breaks_is_finished_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str, number: int, *, after: bool
) -> None:
    """One request of a run fails for good, with or without its effect."""
    monkeypatch.setattr(world.github._service, "_watch", False)  # others have looked at them
    path = world.bundle()
    world.github.state.fail(400, "Broken", method=method, every=number, after=after)
    with pytest.raises(ForgeError, match="400: Broken"):
        world.release(path)
    assert len(world.published) == (method == "PATCH" and after)
    assert world.github.state.failures == []
    section = world.release(path)
    assert (section.exit_code, section.version) == (0, "v1.0.0")
    (release,) = world.repository.releases
    assert not release.draft
    assert_whole(release)
    assert [call.split()[0] for call in world.github.state.calls()].count("PATCH") <= 2


def test_of_two_runs_of_one_commit_one_publishes(world: World) -> None:
    """Each has signed anew, so that their files differ; they must not be mixed."""
    paths = [world.bundle("one"), world.bundle("two")]
    assert paths[0].read_bytes() != paths[1].read_bytes()
    ends: list[object] = []

    def work(path: Path) -> None:
        try:
            ends.append(world.release(path))
        except AssayError as error:
            ends.append(error)

    threads = [threading.Thread(target=work, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (release,) = world.repository.releases
    assert_whole(release)
    assert [getattr(end, "exit_code", None) for end in ends] == [0, 0], ends


def meanwhile(world: World, monkeypatch: pytest.MonkeyPatch, call: str, deed: Any) -> None:
    """Do something right after the first request of a kind."""
    done: list[None] = []

    def changed() -> None:
        if not done and world.github.state.calls()[-1].startswith(call):
            done.append(None)
            deed()

    monkeypatch.setattr(world.github._service, "_changed", changed)


def test_another_run_was_faster_with_the_tag(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.github.state.commit(REPO, {"other": b"1"})

    def push() -> None:
        world.tag("peak-hour@v1.0.0", other)

    meanwhile(world, monkeypatch, "POST /repos/acme/bikes/git/tags", push)
    with pytest.raises(UsageError, match=f"by Ada, for commit {other[:12]}") as failed:
        world.release()
    assert "takes the next version" in str(failed.value.hint)
    assert world.repository.releases == []


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(
    "after",
    [
        "POST /repos/acme/bikes/releases",
        "POST /api/uploads",
        "GET /repos/acme/bikes/releases/latest",
    ],
)
def test_another_run_was_faster_with_the_release(
    world: World, monkeypatch: pytest.MonkeyPatch, after: str, *, same: bool
) -> None:
    world.release(world.bundle(md5="a" * 32 if same else "b" * 32))
    (theirs,) = world.repository.releases
    world.repository.releases.clear()

    def publish() -> None:
        """As the winner does, which removes the drafts of others."""
        world.repository.releases[:] = [theirs]

    meanwhile(world, monkeypatch, after, publish)
    again = world.bundle("again")
    if same:
        assert world.release(again).repeated
    else:
        with pytest.raises(UsageError, match="by another run meanwhile, with other content"):
            world.release(again)
    assert world.repository.releases == [theirs]
    assert_whole(theirs)


def test_a_draft_that_somebody_deletes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(world, monkeypatch, "POST /api/uploads", world.repository.releases.clear)
    with pytest.raises(ForgeError, match="does not exist or is not visible"):
        world.release()
    assert world.release().exit_code == 0
