"""Pictures and badges on their branch, against a GitHub API that keeps GitHub's rules."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from assay.errors import AssayError, ForgeError
from assay.forge import assetplan, assets
from assay.forge.assetbranch import TRIES
from assay.forge.refusal import ForbiddenError
from assay.forge.transport import Api

from tests.fakes.github import objects as git
from tests.fakes.github_api import GitHubApi, Repository, State, Token, workflow_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPO = "acme/bikes"
REF = "refs/heads/assay-assets"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILES = {"roc-light.png": b"\x89PNG light", "roc-dark.png": b"\x89PNG dark"}


@pytest.fixture
def state(server: GitHubApi) -> State:
    """A repository with a commit on its main branch, and a job's token that may write files."""
    server.state = State(
        tokens={SECRET: workflow_token(contents="write")}, repositories={REPO: Repository(id=7)}
    )
    server.state.commit(REPO, {"README.md": b"# Bikes"})
    return server.state


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def api(server: GitHubApi, state: State, pauses: list[float]) -> Iterator[Api]:
    with connect(server, pauses) as connection:
        yield connection
    assert not [logged for logged in state.requests if logged.token_outside_header]


def connect(server: GitHubApi, pauses: list[float]) -> Api:
    return Api(url=server.url, token=SECRET, timeout=5, sleep=pauses.append, subject=REPO)


def store(
    api: Api,
    files: Mapping[str, bytes] = FILES,
    *,
    pull_request: int | None = 5,
    key: str = "default",
    now: datetime = NOW,
    pauses: list[float] | None = None,
) -> str:
    return assets.store(
        api,
        REPO,
        files=files,
        key=key,
        pull_request=pull_request,
        now=now,
        sleep=(pauses if pauses is not None else []).append,
        spread=lambda: 0.5,
    )


def ignored(_seconds: float) -> None:
    pass


def tip(state: State) -> tuple[str, git.Commit]:
    repository = state.repositories[REPO]
    sha = repository.refs[REF]
    return sha, git.read_commit(repository.objects, sha)


def kept(state: State) -> dict[str, dict[str, bytes]]:
    """The files of every commit with pictures that the tip lists; all have to be its ancestors."""
    repository = state.repositories[REPO]
    sha, commit = tip(state)
    listed = [entry.commit for entry in assetplan.entries(commit.message)]
    assert set(listed) <= ancestors(repository.objects, sha), "listed, but not kept"
    return {commit: files_of(state, commit) for commit in listed}


def ancestors(known: git.Objects, sha: str) -> set[str]:
    found: set[str] = set()
    waiting = [sha]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += git.read_commit(known, one).parents
    return found


def files_of(state: State, commit: str) -> dict[str, bytes]:
    known = state.repositories[REPO].objects
    tree = git.read_commit(known, commit).tree
    return {
        path: known[entry.sha].content
        for path, entry in git.walk(known, tree, recursive=True)
        if entry.kind == "blob"
    }


def seed(api: Api, state: State, *ages: timedelta, size: int = 10, pull_request: int = 9) -> None:
    """A branch that lists one commit with pictures for each age, all of other reports."""
    first = store(api)
    repository = state.repositories[REPO]
    sha, commit = tip(state)
    listed = [
        assetplan.Entry(
            commit=git.put_commit(
                repository.objects,
                git.Commit(commit.tree, (), commit.author, commit.author, f"Pictures {number}"),
            ),
            date=NOW - age,
            size=size,
            pull_request=pull_request,
            key=f"report-{number}",
        )
        for number, age in enumerate(ages)
    ]
    repository.refs[REF] = git.put_commit(
        repository.objects,
        git.Commit(
            commit.tree,
            (sha, *(entry.commit for entry in listed)),
            commit.author,
            commit.author,
            assetplan.message([*assetplan.entries(commit.message), *listed]),
        ),
    )
    assert first in kept(state)
    state.requests.clear()


# --- Adding -------------------------------------------------------------------------------------


def test_first_report_makes_the_branch_apart_from_the_users_history(api: Api, state: State) -> None:
    commit = store(api)

    repository = state.repositories[REPO]
    assert kept(state) == {commit: FILES}
    assert git.read_commit(repository.objects, commit).parents == ()
    sha, latest = tip(state)
    assert latest.parents == (commit,)
    assert set(files_of(state, sha)) == {"README.md"}
    assert not git.descends(repository.objects, sha, repository.refs["refs/heads/main"])
    assert files_of(state, repository.refs["refs/heads/main"]) == {"README.md": b"# Bikes"}
    assert len(state.requests) == len(FILES) + 6


def test_later_report_is_a_fast_forward_that_keeps_the_earlier_one(api: Api, state: State) -> None:
    first = store(api)
    before, _ = tip(state)
    state.requests.clear()

    second = store(api, {"roc-light.png": b"other"}, pull_request=6)

    sha, latest = tip(state)
    assert latest.parents == (before, second)
    assert kept(state) == {first: FILES, second: {"roc-light.png": b"other"}}
    assert git.descends(state.repositories[REPO].objects, sha, before)
    assert len(state.requests) == 1 + 6


def test_equal_files_are_sent_once(api: Api, state: State) -> None:
    store(api, {"a.png": b"same", "b.png": b"same", "deep/c.png": b"same"})
    assert state.calls().count(f"POST /repos/{REPO}/git/blobs") == 1
    (files,) = kept(state).values()
    assert files == {"a.png": b"same", "b.png": b"same", "deep/c.png": b"same"}


def test_what_the_comment_shows_already_costs_no_request(api: Api, state: State) -> None:
    commit = store(api)
    body = f"<!-- assay:report key=a -->\n{assetplan.Stored.of(commit, FILES, NOW).note}\n## Better"
    state.requests.clear()

    found = assetplan.known(body, FILES, now=NOW + timedelta(hours=1))

    assert found is not None
    assert found.commit == commit
    assert state.requests == []


# --- Two runs at once ---------------------------------------------------------------------------


def test_runs_that_store_at_once_all_end_up_kept(server: GitHubApi, state: State) -> None:
    runs = 5
    barrier = threading.Barrier(runs)

    def one(number: int) -> str:
        with connect(server, []) as api:
            barrier.wait()
            return assets.store(
                api,
                REPO,
                files={"roc.png": b"%d" % number},
                key="default",
                pull_request=number,
                now=NOW,
                sleep=lambda seconds: time.sleep(seconds / 10),
            )

    with ThreadPoolExecutor(runs) as pool:
        commits = list(pool.map(one, range(runs)))

    assert kept(state) == {
        commit: {"roc.png": b"%d" % number} for number, commit in enumerate(commits)
    }


@pytest.mark.parametrize("exists", [False, True])
def test_a_faster_run_is_waited_for(
    server: GitHubApi, api: Api, state: State, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    """The other run moves the branch right before ours points it anywhere."""
    if exists:
        store(api, pull_request=4)
    others: list[str] = []
    request = Api.request

    def outrun(self: Api, verb: str, path: str, data: object = None) -> object:
        if self is api and "/git/refs" in path and not others:
            with connect(server, []) as other:
                others.append("")  # the other run must not be outrun by itself
                others[0] = store(other, {"x.png": b"x"}, pull_request=6)
        return request(self, verb, path, data)  # type: ignore[arg-type]

    monkeypatch.setattr(Api, "request", outrun)
    pauses: list[float] = []
    mine = store(api, pauses=pauses)

    assert {mine, others[0]} <= kept(state).keys()
    assert len(kept(state)) == 2 + exists
    assert pauses == [0.5]


def test_a_branch_that_never_holds_still_is_given_up(api: Api, state: State) -> None:
    store(api, pull_request=4)
    state.fail(422, "Update is not a fast forward", times=TRIES, method="PATCH")
    pauses: list[float] = []
    with pytest.raises(ForgeError, match=r"kept moving while it was written to, 8 times"):
        store(api, pauses=pauses)
    assert pauses == [0.5, 1, 2, 4, 8, 8, 8]
    assert len(kept(state)) == 1


# --- Pruning ------------------------------------------------------------------------------------


def test_old_pictures_are_dropped_and_the_others_keep_their_commits(api: Api, state: State) -> None:
    seed(api, state, timedelta(days=300), timedelta(days=170), timedelta(days=1))
    before, old = tip(state)
    entries = assetplan.entries(old.message)

    new = store(api, {"x.png": b"x"})

    sha, latest = tip(state)
    assert [entry.commit for entry in assetplan.entries(latest.message)] == [
        entries[0].commit,
        entries[2].commit,
        entries[3].commit,
        new,
    ]
    assert new in kept(state)
    known = state.repositories[REPO].objects
    assert not git.descends(known, sha, entries[1].commit)
    assert not git.descends(known, sha, before)
    assert files_of(state, sha).keys() == {"README.md"}


def test_many_pictures_are_kept_by_a_chain_of_commits(api: Api, state: State) -> None:
    seed(api, state, *(timedelta(days=1, minutes=n) for n in range(250)))
    new = store(api, {"x.png": b"x"})

    assert len(kept(state)) == assetplan.MOST
    assert new in kept(state)
    known = state.repositories[REPO].objects
    sha: str | None = tip(state)[0]
    while sha:
        parents = git.read_commit(known, sha).parents
        assert len(parents) <= assetplan.WIDEST
        sha = parents[0] if git.read_commit(known, parents[0]).parents else None


def test_pruning_looks_again_when_another_run_came_in_between(
    server: GitHubApi, api: Api, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(api, state, timedelta(days=300))
    others: list[str] = []
    made: list[str] = []
    request = Api.request

    def outrun(self: Api, verb: str, path: str, data: object = None) -> object:
        answer = request(self, verb, path, data)  # type: ignore[arg-type]
        if self is api and verb == "POST" and "/git/commits" in path:
            made.append(path)
            if len(made) == 2:  # the next tip is made, and the branch not yet read again
                with connect(server, []) as other:
                    others.append(store(other, {"x.png": b"x"}, pull_request=60))
        return answer

    monkeypatch.setattr(Api, "request", outrun)
    mine = store(api, {"mine.png": b"mine"})
    assert {mine, *others} <= kept(state).keys()
    assert len(others) == 1


def test_where_no_branch_may_be_forced_nothing_is_dropped(api: Api, state: State) -> None:
    seed(api, state, timedelta(days=300))
    state.fail(422, "Repository rule violations found\n\nCannot force-push to this branch")
    state.failures[-1].method = "PATCH"
    before, _ = tip(state)

    new = store(api, {"x.png": b"x"})

    assert new in kept(state)
    assert len(kept(state)) == 3
    assert git.descends(state.repositories[REPO].objects, tip(state)[0], before)


# --- What GitHub refuses ------------------------------------------------------------------------


def test_a_token_that_may_only_read_is_told_the_missing_line(api: Api, state: State) -> None:
    state.tokens[SECRET] = workflow_token()
    with pytest.raises(ForbiddenError, match="lacks `contents: write`") as caught:
        store(api)
    assert "`permissions: contents: write`" in (caught.value.hint or "")
    assert len(state.requests) == 1
    assert REF not in state.repositories[REPO].refs


def test_a_protected_branch_is_named(api: Api, state: State) -> None:
    state.repositories[REPO].protected = ["refs/heads/*"]
    with pytest.raises(ForbiddenError, match="a rule of acme/bikes protects the branch") as caught:
        store(api)
    assert "Exclude `assay-assets`" in (caught.value.hint or "")
    assert "creations being restricted" in caught.value.message


def test_an_empty_repository_is_said_to_be_empty(api: Api, state: State) -> None:
    state.repositories[REPO].empty = True
    with pytest.raises(ForgeError, match=r"has no commit yet.*\(409: Git Repository is empty"):
        store(api)


def test_an_archived_repository_is_said_to_be_archived(api: Api, state: State) -> None:
    state.fail(403, "Repository was archived so is read-only.")
    with pytest.raises(ForbiddenError, match="is archived") as caught:
        store(api)
    assert "permissions" not in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["blobs", "trees", "commits"])
def test_an_object_whose_answer_was_lost_is_sent_again(api: Api, state: State, kind: str) -> None:
    state.fail(502, method="POST", path=f"/git/{kind}", after=True)
    commit = store(api)
    assert kept(state) == {commit: FILES}


@pytest.mark.parametrize("exists", [False, True])
def test_a_branch_that_moved_although_the_answer_was_lost_is_not_moved_again(
    api: Api, state: State, exists: bool
) -> None:
    if exists:
        store(api, pull_request=4)
    state.fail(502, path="/git/refs", after=True)
    commit = store(api)
    entries = assetplan.entries(tip(state)[1].message)
    assert [entry.commit for entry in entries].count(commit) == 1
    assert len(entries) == 1 + exists


@pytest.mark.parametrize("kind", ["blobs", "trees", "commits", "refs"])
def test_a_github_that_breaks_down_leaves_nothing_half_visible(
    api: Api, state: State, kind: str
) -> None:
    first = store(api, pull_request=4)
    before, _ = tip(state)
    state.fail(500, times=50, path=f"/git/{kind}", method="PATCH" if kind == "refs" else "POST")
    with pytest.raises(ForgeError, match="500: Server Error"):
        store(api, {"x.png": b"x"})
    assert tip(state)[0] == before
    assert kept(state) == {first: FILES}


@pytest.mark.parametrize(
    ("part", "document"),
    [("/git/blobs", "{}"), ("/git/ref/", "[]"), ("/git/commits/", '{"sha": 1}')],
)
def test_answers_that_are_not_githubs_are_refused(
    api: Api, state: State, part: str, document: str
) -> None:
    store(api, pull_request=4)
    state.fail(200, raw=document, path=part)
    with pytest.raises(ForgeError) as caught:
        store(api)
    assert "GITHUB_API_URL" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no pictures"),
        ({"../up.png": b""}, r"'../up.png' is no path"),
        ({".git/config": b""}, r"'.git/config' is no path"),
        ({"/top.png": b""}, r"'/top.png' is no path"),
        ({"a//b.png": b""}, r"'a//b.png' is no path"),
        ({"a b.png": b""}, r"'a b.png' is no path"),
        ({"big.png": bytes(assets.LARGEST + 1)}, "big.png has 5,242,881 bytes"),
        ({f"{n}.png": bytes(assets.LARGEST) for n in range(5)}, "26,214,400 bytes together"),
    ],
)
def test_files_that_cannot_be_stored_are_refused_before_any_request(
    api: Api, state: State, files: dict[str, bytes], said: str
) -> None:
    with pytest.raises(AssayError, match=said):
        store(api, files)
    assert state.requests == []


# --- Badges -------------------------------------------------------------------------------------

BADGE = {"svg": "<svg>97 %</svg>", "json": '{"schemaVersion": 1}'}


def put(api: Api, files: Mapping[str, str] = BADGE, *, key: str = "default") -> str:
    return assets.put_badge(api, REPO, key=key, files=files, sleep=ignored, spread=lambda: 0.5)


def test_a_badge_makes_the_branch(api: Api, state: State) -> None:
    assert put(api) == "badges/default.svg"
    files = files_of(state, tip(state)[0])
    assert files["badges/default.svg"] == b"<svg>97 %</svg>"
    assert files.keys() == {"README.md", "badges/default.svg", "badges/default.json"}


def test_a_badge_leaves_pictures_and_other_badges_alone(api: Api, state: State) -> None:
    commit = store(api)
    put(api)
    before, _ = tip(state)
    state.requests.clear()

    put(api, {"svg": "other", "json": "{}"}, key="Bikes, north")

    assert len(state.requests) == 6
    assert tip(state)[1].parents == (before,)
    assert kept(state) == {commit: FILES}
    files = files_of(state, tip(state)[0])
    assert files["badges/default.svg"] == b"<svg>97 %</svg>"
    assert len(files) == 5


def test_pictures_leave_badges_alone(api: Api, state: State) -> None:
    put(api)
    seed(api, state, timedelta(days=300))
    store(api, {"x.png": b"x"})
    assert "badges/default.svg" in files_of(state, tip(state)[0])


def test_an_unchanged_badge_is_not_written(api: Api, state: State) -> None:
    put(api)
    before, _ = tip(state)
    state.requests.clear()
    put(api)
    assert tip(state)[0] == before
    assert [call.partition(" ")[0] for call in state.calls()] == ["GET"] * 3


def test_a_badge_that_a_token_may_not_write_is_told_the_missing_line(
    api: Api, state: State
) -> None:
    state.tokens[SECRET] = Token("github-actions[bot]", "app", {"contents": "read"})
    with pytest.raises(ForbiddenError, match="lacks `contents: write`"):
        put(api)
