"""Releases, their files and tags against a GitHub API that keeps GitHub's rules."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import requests
from assay.errors import ForgeError, OutsideError
from assay.forge import tags
from assay.forge.failures import RefusedError
from assay.forge.refusal import MissingError, RejectedError
from assay.forge.releases import Draft, Release, Releases, Upload
from assay.forge.upload import send
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.asking import REPO, SECRET, connection, serving
from tests.fakes.github_api import Asset, GitHubApi, Repository, workflow_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.forge.transport import Api

    from tests.fakes.github.state import Accident

TAG = "peak/hour@v1.2.0"
MARK = "<!-- assay:release 0123 -->"


@pytest.fixture
def github(server: GitHubApi) -> Iterator[GitHubApi]:
    with serving(server, workflow_token(contents="write", actions="read")) as github:
        github.state.commit(REPO, {"a": b"1"})
        yield github


@pytest.fixture
def api(github: GitHubApi) -> Iterator[Api]:
    with connection(github, f"the release of {REPO}") as made:
        yield made


@pytest.fixture
def releases(api: Api) -> Releases:
    return Releases(api, REPO, sleep=lambda _: None)


@pytest.fixture
def repository(github: GitHubApi) -> Repository:
    return github.state.repositories[REPO]


@pytest.fixture
def files(tmp_path: Path) -> list[Upload]:
    found = []
    for name, content in {"manifest.json": b"{}\n", "model.onnx": bytes(range(256)) * 400}.items():
        path = tmp_path / name
        path.write_bytes(content)
        found.append(Upload(name, path, len(content), hashlib.sha256(content).hexdigest()))
    return found


def wanted(repository: Repository, **changes: Any) -> Draft:
    fields: dict[str, Any] = {
        "tag": TAG,
        "commit": repository.refs["refs/heads/main"],
        "title": "peak/hour v1.2.0",
        "body": f"Better.\n\n{MARK}",
        "mark": MARK,
        "prerelease": False,
    }
    return Draft(**(fields | changes))


def fill(releases: Releases, draft: Release, files: list[Upload]) -> list[str]:
    sent: list[str] = []
    releases.fill(draft, files, told=sent.append)
    return sent


def contents(repository: Repository, number: int = 0) -> dict[str, bytes]:
    return {one.name: one.content for one in repository.releases[number].assets}


def expected(files: list[Upload]) -> dict[str, bytes]:
    return {file.name: file.path.read_bytes() for file in files}


@pytest.mark.parametrize("immutable", [False, True])
@pytest.mark.parametrize("tells_digests", [False, True])
def test_a_draft_is_filled_and_then_published(
    repository: Repository,
    releases: Releases,
    files: list[Upload],
    *,
    immutable: bool,
    tells_digests: bool,
) -> None:
    repository.immutable_releases, repository.tells_digests = immutable, tells_digests
    draft = releases.draft(wanted(repository))
    assert draft.draft
    assert releases.published(TAG) is None
    assert fill(releases, draft, files) == ["manifest.json", "model.onnx"]
    out = releases.publish(draft, latest=True)
    assert out.url.endswith("/releases/tag/peak/hour%40v1.2.0")
    assert contents(repository) == expected(files)
    found = releases.published(TAG)
    assert found == out == releases.latest()
    asset = found.asset("manifest.json")
    assert asset is not None
    assert releases.read(asset, 100) == b"{}\n"
    assert releases.digest(asset) == files[0].digest
    assert repository.releases[0].immutable == immutable


def test_a_file_is_written_to_disk_in_pieces(
    github: GitHubApi,
    repository: Repository,
    releases: Releases,
    files: list[Upload],
    tmp_path: Path,
) -> None:
    draft = releases.draft(wanted(repository))
    fill(releases, draft, files)
    asset = next(one for one in releases.drafts(TAG)[0].assets if one.name == "model.onnx")
    target = tmp_path / "fetched"
    github.state.fail(502, path="/storage/")
    releases.save(asset, target)
    assert target.read_bytes() == files[1].path.read_bytes()
    with pytest.raises(ForgeError, match="has more than 10 bytes"):
        releases.save(replace(asset, size=10), target)
    before = len(github.state.requests)
    with pytest.raises(OutsideError, match="cannot be written: No such file") as failed:
        releases.save(asset, tmp_path / "absent" / "fetched")
    assert failed.value.exit_code == 3
    assert len(github.state.requests) == before, "a disk is no connection that one tries again"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_disk_that_is_full(
    repository: Repository, releases: Releases, files: list[Upload]
) -> None:
    draft = releases.draft(wanted(repository))
    fill(releases, draft, files)
    asset = next(one for one in releases.drafts(TAG)[0].assets if one.name == "model.onnx")
    with pytest.raises(OutsideError, match="No space left on device") as failed:
        releases.save(asset, Path("/dev/full"))
    assert "Free some space" in str(failed.value.hint)


def test_what_is_there_already_is_not_sent_again(
    repository: Repository, releases: Releases, files: list[Upload]
) -> None:
    draft = releases.draft(wanted(repository))
    fill(releases, draft, files[:1])
    assert releases.draft(wanted(repository)).id == draft.id
    assert fill(releases, draft, files) == ["model.onnx"]
    assert fill(releases, draft, files) == []


def test_what_does_not_belong_there_is_removed(
    repository: Repository, releases: Releases, files: list[Upload], tmp_path: Path
) -> None:
    draft = releases.draft(wanted(repository))
    for name in ("manifest.json", "notes.txt"):
        path = tmp_path / f"other-{name}"
        path.write_bytes(b"??\n")
        digest = hashlib.sha256(b"??\n").hexdigest()
        releases.fill(draft, [Upload(name, path, 3, digest)], told=lambda _: None)
    fill(releases, draft, files)
    assert contents(repository) == expected(files)


@pytest.mark.parametrize(
    "accidents", [["starter"], ["none", "starter", "starter"], ["changed"], ["changed", "changed"]]
)
def test_a_broken_upload_is_done_again(
    repository: Repository, releases: Releases, files: list[Upload], accidents: list[Accident]
) -> None:
    repository.accidents = accidents
    draft = releases.draft(wanted(repository))
    fill(releases, draft, files)
    assert contents(repository) == expected(files)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.dictionaries(
        st.sampled_from(["manifest.json", "model.onnx", "notes.txt"]),
        st.sampled_from(["right", "other", "shorter", "starter"]),
    ),
    accidents=st.lists(st.sampled_from(["none", "starter", "changed"]), max_size=2),
    tells=st.booleans(),
)
def test_whatever_a_draft_has_it_is_filled_rightly(
    github: GitHubApi,
    releases: Releases,
    files: list[Upload],
    there: dict[str, str],
    accidents: list[Accident],
    *,
    tells: bool,
) -> None:
    repository = github.state.repositories[REPO]
    repository.releases.clear()
    repository.tells_digests = tells
    draft = releases.draft(wanted(repository))
    whole = {**expected(files), "notes.txt": b"notes"}
    for number, (name, kind) in enumerate(there.items()):
        other = whole[name][:-1] + b"?"
        content = {"right": whole[name], "other": other, "shorter": other[:-1], "starter": b""}
        asset = Asset(number, name, content[kind], "text/plain", None, "ada", github.state.now())
        asset.state = "starter" if kind == "starter" else "uploaded"
        repository.releases[0].assets.append(asset)
    repository.accidents = accidents
    fill(releases, draft, files)
    assert contents(repository) == expected(files)
    kept = {one.name for one in repository.releases[0].assets if one.id < 3}
    assert kept == {name for name, kind in there.items() if kind == "right"} - {"notes.txt"}


def test_a_file_that_never_arrives_as_it_is(
    repository: Repository, releases: Releases, files: list[Upload]
) -> None:
    repository.accidents = ["changed"] * 9
    draft = releases.draft(wanted(repository))
    with pytest.raises(ForgeError, match=r"manifest.json was sent 3 times") as failed:
        fill(releases, draft, files)
    assert "disk" in str(failed.value.hint)


@pytest.mark.parametrize("path", ["/releases", "/assets"])
@pytest.mark.parametrize(
    "failure",
    [
        {"status": 502},
        {"status": 502, "after": True},
        {"status": 429, "headers": {"retry-after": "7"}},
        {"status": 403, "message": "You have exceeded a secondary rate limit."},
    ],
)
def test_lost_answers_and_rate_limits_make_nothing_twice(
    github: GitHubApi,
    releases: Releases,
    files: list[Upload],
    path: str,
    failure: dict[str, Any],
) -> None:
    repository = github.state.repositories[REPO]
    times = 2 if "headers" in failure or failure["status"] == 502 else 1
    github.state.fail(**failure, method="POST", path=path, times=times)
    draft = releases.draft(wanted(repository))
    fill(releases, draft, files)
    assert [one.id for one in repository.releases] == [draft.id]
    assert contents(repository) == expected(files)


def test_a_connection_that_breaks_while_a_file_is_sent(
    repository: Repository, releases: Releases, files: list[Upload]
) -> None:
    draft = releases.draft(wanted(repository))
    heads: list[bytes] = []

    def cut(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            heads.append(connection.recv(100))
            connection.close()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=cut, args=(listener,), daemon=True).start()
        repository.uploads = f"http://127.0.0.1:{listener.getsockname()[1]}/assets{{?name,label}}"
        there = releases.drafts(TAG)[0]
        with pytest.raises(ForgeError, match="could not post to the release of acme/bikes"):
            fill(releases, there, files)
    assert len(heads) == 4
    assert repository.releases[0].draft
    repository.uploads = None
    fill(releases, draft, files)
    assert contents(repository) == expected(files)


@pytest.mark.parametrize(
    ("root", "url", "why"),
    [
        ("https://api.github.com", "https://uploads.github.com/a", None),
        ("https://api.acme.ghe.com", "https://uploads.acme.ghe.com/a", None),
        ("https://ghe.acme.test/api/v3", "https://ghe.acme.test/api/uploads/a", None),
        ("http://127.0.0.1:1", "https://127.0.0.1:2/a", None),
        ("https://api.github.com", "https://files.example.test/a", "to files.example.test"),
        ("https://api.github.com", "https://uploads.github.com.example.test/a", "example.test"),
        ("https://api.github.com", "https://uploads.github.com@example.test/a", "example.test"),
        # One reader ends the host at the backslash, another at the slash.
        ("https://api.github.com", "https://example.test\\@uploads.github.com/a", "example.test"),
        ("https://api.acme.ghe.com", "https://uploads.ghe.com/a", "uploads.ghe.com"),
        ("https://ghe.acme.test/api/v3", "https://uploads.github.com/a", "uploads.github.com"),
        ("https://api.github.com", "http://uploads.github.com/a", "without encryption"),
        ("http://127.0.0.1:1", "ftp://127.0.0.1/a", "without encryption"),
    ],
)
def test_files_and_the_token_go_to_no_strange_address(
    monkeypatch: pytest.MonkeyPatch, root: str, url: str, why: str | None
) -> None:
    asked: list[str] = []

    def post(_: object, url: str, **given: Any) -> NoReturn:
        asked.append(given["headers"]["Authorization"])
        raise requests.ConnectionError(url)

    monkeypatch.setattr(requests.Session, "post", post)
    with pytest.raises((RefusedError, requests.ConnectionError)) as failed:
        send(url, io.BytesIO(b"x"), root=root, token=SECRET, media="text/plain", timeout=1)
    assert bool(asked) == (why is None)
    assert why is None or why in str(failed.value)


@pytest.mark.parametrize("status", [302, 307, 308])
def test_what_is_redirected_did_not_happen(
    github: GitHubApi, repository: Repository, releases: Releases, status: int
) -> None:
    draft = releases.draft(wanted(repository))
    headers = {"location": f"{github.url}/elsewhere"}
    github.state.fail(status, "Temporary Redirect", method="DELETE", headers=headers)
    with pytest.raises(ForgeError, match=f"{status}: Temporary Redirect"):
        releases.delete(draft)
    assert len(repository.releases) == 1


def test_two_releases_of_one_tag_cannot_be_published(
    repository: Repository, releases: Releases
) -> None:
    first = releases.draft(wanted(repository))
    other = releases.draft(wanted(repository, mark="<!-- b -->", body="<!-- b -->"))
    assert first.id != other.id
    assert [one.id for one in releases.drafts(TAG)] == [first.id, other.id]
    releases.publish(other, latest=False)
    with pytest.raises(RejectedError, match="already_exists"):
        releases.publish(first, latest=False)
    releases.delete(first)
    releases.delete(first)
    assert len(repository.releases) == 1


def test_a_token_that_may_only_read(
    github: GitHubApi, repository: Repository, releases: Releases
) -> None:
    github.state.tokens[SECRET] = workflow_token("read")
    with pytest.raises(ForgeError, match="it lacks `contents: write`") as refused:
        releases.draft(wanted(repository))
    assert "permissions: contents: write" in str(refused.value.hint)


def test_a_draft_that_is_gone(
    github: GitHubApi, repository: Repository, releases: Releases, files: list[Upload]
) -> None:
    draft = releases.draft(wanted(repository))
    repository.releases.clear()
    with pytest.raises(MissingError):
        fill(releases, draft, files)
    assert "/uploads/" not in "".join(github.state.calls())


def make(api: Api, repository: Repository, **changes: Any) -> bool:
    fields: dict[str, Any] = {
        "commit": repository.refs["refs/heads/main"],
        "message": "peak/hour v1.2.0",
        "time": 1_790_000_000,
        "tagger": ("assay", "assay@example.test"),
        "sleep": lambda _: None,
    }
    return tags.create(api, REPO, TAG, **(fields | changes))


def test_one_of_two_gets_the_tag(api: Api, repository: Repository) -> None:
    assert make(api, repository)
    assert make(api, repository), "the same tag is ours"
    assert not make(api, repository, message="another run")
    (found,) = tags.refs(api, REPO)
    assert found == tags.ref(api, REPO, TAG)
    assert found.annotated
    about = tags.annotation(api, REPO, found.sha)
    assert about is not None
    assert (about.name, about.commit) == (TAG, repository.refs["refs/heads/main"])
    assert (about.time, about.message) == (1_790_000_000, "peak/hour v1.2.0")


@pytest.mark.parametrize("path", ["/git/tags", "/git/refs"])
@pytest.mark.parametrize("after", [False, True])
def test_a_tag_whose_answer_got_lost(
    github: GitHubApi, api: Api, repository: Repository, path: str, *, after: bool
) -> None:
    github.state.fail(502, method="POST", path=path, after=after)
    assert make(api, repository)


def test_a_tag_that_a_ruleset_forbids(api: Api, repository: Repository) -> None:
    repository.protected = ["refs/tags/*"]
    with pytest.raises(RejectedError, match="rule violations"):
        make(api, repository)


def test_which_commits_a_branch_has(github: GitHubApi, api: Api, repository: Repository) -> None:
    first = repository.refs["refs/heads/main"]
    second = github.state.commit(REPO, {"a": b"2"})
    repository.refs["refs/heads/topic"] = first
    ahead = github.state.commit(REPO, {"a": b"3"}, ref="refs/heads/topic")
    repository.refs["refs/tags/main"] = ahead
    assert tags.default_branch(api, REPO) == "main"
    found = [tags.contains(api, REPO, "main", sha) for sha in (first, second, ahead, "f" * 40)]
    assert found == [True, True, False, False]


def test_which_runs_a_commit_has(github: GitHubApi, api: Api, repository: Repository) -> None:
    sha = repository.refs["refs/heads/main"]
    github.state.repositories["mallory/bikes"] = Repository(id=8)
    passed = github.state.run(REPO, sha, event="push")
    github.state.run(REPO, sha, event="push", status="in_progress", conclusion=None)
    github.state.run(REPO, sha, head_repository="mallory/bikes")
    github.state.run(REPO, "f" * 40)
    github.state.run(REPO, sha, workflow="other.yml")
    found = tags.runs(api, REPO, "model-check.yml", sha)
    assert [(run.event, run.branch, run.conclusion) for run in found] == [
        ("push", "main", None),
        ("push", "main", "success"),
    ]
    assert found[1].number == passed.id
    assert tags.runs(api, REPO, "absent.yml", sha) == ()
