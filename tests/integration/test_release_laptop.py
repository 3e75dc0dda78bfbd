"""`assay release` on a laptop: real git, a bare origin, and a GitHub API to ask."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from assay import ci
from assay.errors import RemoteError, RepositoryError, UsageError
from assay.release import tagging
from assay.section import Status
from assay.stages import release as stage

from tests.builders import make_context, printed
from tests.fakes.github.objects import GitObject
from tests.fakes.github_api import GitHubApi, Repository, State, workflow_token
from tests.repos import Repo, with_origin
from tests.unit.packaging import bundles

if TYPE_CHECKING:
    from pathlib import Path

    from assay.context import Context
    from assay.release.section import ReleaseSection

REPO = "acme/bikes"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
PIPELINE = (
    "artifacts:\n  peak-hour: {path: model.joblib, type: model}\n  peak hour: {path: b.pkl}\n"
)
WORKFLOW = {
    ".github/workflows/check.yml": "on: {push: {branches: [main]}}\n",
    ".github/workflows/model-release.yml": 'on: {push: {tags: ["**@v*"]}}\n',
}


@pytest.fixture
def github(server: GitHubApi) -> GitHubApi:
    server.state = State(
        tokens={SECRET: workflow_token(contents="read", actions="read")},
        repositories={REPO: Repository(id=7)},
    )
    return server


@pytest.fixture
def clone(tmp_path: Path) -> Repo:
    made = with_origin(tmp_path)
    made.commit({".gitignore": ".assay\n", "a": "1", "dvc.yaml": PIPELINE, **WORKFLOW})
    made("push", "--quiet", "--set-upstream", "origin", "main")
    return made


def release(
    clone: Repo, version: str = "", *, name: str = "peak-hour", dry_run: bool = False, **given: str
) -> tuple[ReleaseSection, Context]:
    environ = {**clone.environ, **given}
    context = replace(make_context(clone.root, environ=environ), ci=ci.detect(environ))
    return stage.run(context, stage.Wish(name=name, version=version, dry_run=dry_run)), context


def pushed(clone: Repo) -> list[str]:
    listed = clone("ls-remote", "--tags", "origin")
    return [line.partition("refs/tags/")[2] for line in listed.splitlines()]


def commit(clone: Repo) -> str:
    sha = clone.commit()
    clone("push", "--quiet")
    return sha


def packaged(clone: Repo, **facts: Any) -> None:
    source = bundles.manifest().source
    changed = {"commit": clone("rev-parse", "HEAD"), **facts}
    parent = clone.root / ".assay" / "bundles"
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True)
    bundles.made(parent, source=source.model_copy(update=changed))


def test_the_tag_is_annotated_and_pushed(clone: Repo) -> None:
    section, context = release(clone)
    assert (section.tag, section.exit_code) == ("peak-hour@v1.0.0", 0)
    assert pushed(clone) == ["peak-hour@v1.0.0", "peak-hour@v1.0.0^{}"]
    message = clone("for-each-ref", "--format=%(objecttype) %(contents)", "refs/tags/")
    assert message == "tag peak-hour v1.0.0\n\nIt is the first version."
    told = printed(context)
    assert "pushed peak-hour@v1.0.0\nstarts .github/workflows/model-release.yml\n" in told
    assert "Without GITHUB_TOKEN" in told
    assert "It is not packaged here" in told


def test_where_to_watch_what_was_started(clone: Repo) -> None:
    _, context = release(clone, GITHUB_REPOSITORY=REPO)
    assert "\nwatch  https://github.com/acme/bikes/actions\n" in printed(context)


def test_a_tag_that_starts_nothing_is_a_warning(clone: Repo) -> None:
    clone("rm", "--quiet", ".github/workflows/model-release.yml")
    commit(clone)
    for dry_run in (True, False):
        section, context = release(clone, dry_run=dry_run, GITHUB_REPOSITORY=REPO)
        assert (section.status, section.exit_code) == (Status.WARN, 0)
        (reason,) = section.reasons
        assert "starts on the tag `peak-hour@v1.0.0`, so nothing is released" in reason.message
        assert "assay init --release" in str(reason.hint)
        assert "watch" not in printed(context)


def test_a_name_that_the_project_does_not_declare(clone: Repo) -> None:
    with pytest.raises(UsageError, match=r"no artifact `nosuch`: it has .*`peak-hour`") as failed:
        release(clone, name="nosuch")
    assert failed.value.exit_code == 2
    assert pushed(clone) == []
    assert release(clone, name="")[0].tag == "peak-hour@v1.0.0"


def test_a_commit_that_has_its_tag_gets_no_other(clone: Repo) -> None:
    """Made here before, by `git tag` or `gto`, and pushed or not: it is pushed."""
    clone("tag", "--annotate", "--message=by hand", "peak-hour@v0.9.0")
    for _ in range(2):
        section, context = release(clone)
        assert (section.tag, section.exit_code) == ("peak-hour@v0.9.0", 0)
        assert section.why == ("The commit has this tag already.",)
        assert pushed(clone) == ["peak-hour@v0.9.0", "peak-hour@v0.9.0^{}"]
    assert "peak-hour@v0.9.0 was pushed before, so nothing is started" in printed(context)
    section, context = release(clone, "major")
    assert section.exit_code == 2
    assert "is v0.9.0 of peak-hour already" in section.reasons[0].message
    assert "asked for" not in printed(context)


def test_a_dry_run_says_it_all_and_tags_nothing(clone: Repo) -> None:
    section, context = release(clone, "v0.3.0", dry_run=True)
    assert section.tag == "peak-hour@v0.3.0"
    assert pushed(clone) == clone("tag").split() == []
    assert "Dry run: nothing was tagged." in printed(context)
    assert all(len(line) <= 80 for line in printed(context).splitlines())


def test_what_to_raise_can_be_said(clone: Repo) -> None:
    release(clone)
    commit(clone)
    section, _ = release(clone, "minor")
    assert (section.version, section.previous) == ("v1.1.0", "v1.0.0")
    commit(clone)
    with pytest.raises(UsageError, match="What changed since the previous version is not known"):
        release(clone)


def asking(github: GitHubApi) -> dict[str, str]:
    return {
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_API_URL": github.url,
        "GITHUB_TOKEN": SECRET,
    }


def known(github: GitHubApi, clone: Repo, *, branch: bool = True) -> None:
    """Let GitHub have the commit that is checked out, and a run that passed for it."""
    repository = github.state.repositories[REPO]
    for line in clone("rev-list", "--objects", "--all").splitlines():
        name = line.split()[0]
        kind = clone("cat-file", "-t", name)
        if kind != "tag":
            content = subprocess.run(
                ["git", "cat-file", kind, name], cwd=clone.root, capture_output=True, check=True
            ).stdout
            # git has no other kinds.
            repository.objects[name] = GitObject(kind, content)  # type: ignore[arg-type]
    sha = clone("rev-parse", "HEAD")
    if branch:
        repository.refs["refs/heads/main"] = sha
    github.state.run(REPO, sha, event="push")


def test_what_changed_decides_where_github_has_the_previous_manifest(
    github: GitHubApi, clone: Repo
) -> None:
    from tests.fakes.github_api import Asset, Release

    release(clone)
    old = bundles.manifest().to_json().encode()
    now = github.state.now()
    made = Release(5, "peak-hour@v1.0.0", "ada", now, "main", draft=False, published_at=now)
    made.assets.append(Asset(6, "manifest.json", old, "application/json", None, "ada", now))
    github.state.repositories[REPO].releases.append(made)
    commit(clone)
    known(github, clone)
    packaged(clone)
    section, context = release(clone, dry_run=True, **asking(github))
    assert (section.version, section.why) == ("v1.0.1", ("The same model is packaged again.",))
    assert "Without GITHUB_TOKEN" not in printed(context)
    model = bundles.manifest().source.model.model_copy(update={"md5": "f" * 32})
    packaged(clone, model=model)
    section, _ = release(clone, **asking(github))
    assert (section.version, section.why) == ("v1.1.0", ("The model was trained again.",))
    assert "peak-hour@v1.1.0" in pushed(clone)


def test_a_commit_that_did_not_pass(github: GitHubApi, clone: Repo) -> None:
    known(github, clone)
    github.state.repositories[REPO].runs.clear()
    section, _ = release(clone, **asking(github))
    assert section.exit_code == 1
    assert "never ran" in section.reasons[0].message
    assert pushed(clone) == []


def test_a_commit_that_is_not_on_the_default_branch(clone: Repo) -> None:
    clone("checkout", "--quiet", "-b", "topic")
    clone.commit()
    section, _ = release(clone)
    assert section.exit_code == 2
    assert "is not on the default branch `main`" in section.reasons[0].message
    assert pushed(clone) == []


def test_a_commit_that_nobody_pushed(clone: Repo) -> None:
    clone.commit()
    section, _ = release(clone)
    assert section.exit_code == 2
    assert section.reasons[0].hint == "Push it first: `git push origin main`."
    assert pushed(clone) == []


def test_a_work_tree_that_differs(clone: Repo) -> None:
    (clone.root / "a").write_text("2")
    with pytest.raises(RepositoryError, match="the release would not have them") as failed:
        release(clone)
    assert "git stash" in str(failed.value.hint)


def test_names_outside_the_grammar(clone: Repo) -> None:
    with pytest.raises(UsageError, match="is no name that GTO takes") as failed:
        release(clone, name="peak hour")
    assert failed.value.hint
    assert pushed(clone) == []


def test_an_origin_that_cannot_be_reached(clone: Repo) -> None:
    clone("remote", "set-url", "origin", str(clone.root.parent / "absent.git"))
    with pytest.raises(RemoteError, match="`git fetch --tags origin` failed") as failed:
        release(clone)
    assert "git remote -v" in str(failed.value.hint)
    assert "git tag -d" not in str(failed.value.hint)
    clone("remote", "remove", "origin")
    with pytest.raises(RepositoryError, match="There is no remote `origin`") as missing:
        release(clone)
    assert "git remote add origin" in str(missing.value.hint)


def test_a_tag_that_differs_from_that_of_origin(clone: Repo) -> None:
    release(clone)
    clone("tag", "--annotate", "--force", "--message=other", "peak-hour@v1.0.0")
    with pytest.raises(RepositoryError, match=r"`peak-hour@v1\.0\.0` here is another") as failed:
        release(clone)
    assert "`git tag -d peak-hour@v1.0.0`" in str(failed.value.hint)


def test_somebody_else_pushed_the_same_tag(clone: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    release(clone)
    clone("tag", "--delete", "peak-hour@v1.0.0")
    monkeypatch.setattr(tagging, "fetch", lambda _: None)
    commit(clone)
    with pytest.raises(RepositoryError, match="was pushed by somebody else") as failed:
        release(clone)
    assert "takes the next version" in str(failed.value.hint)
    assert clone("tag") == ""


def test_a_push_that_is_refused_leaves_no_tag(clone: Repo) -> None:
    hook = clone.root.parent / "origin.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho tags are protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RemoteError, match=r"`git push` of the tag `peak-hour@v1\.0\.0` failed"):
        release(clone)
    assert clone("tag") == ""


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://github.com/acme/bikes.git", "acme/bikes"),
        ("https://ada:secret@github.com/acme/bikes", "acme/bikes"),
        ("git@github.com:acme/bikes.git", "acme/bikes"),
        ("ssh://git@github.com/acme/bi.kes/", "acme/bi.kes"),
        ("https://gitlab.com/acme/bikes.git", None),
    ],
)
def test_which_repository_origin_is(clone: Repo, address: str, name: str | None) -> None:
    clone("remote", "set-url", "origin", address)
    assert tagging._repository(clone.git()) == name
