"""Tags in a real repository, held against the installed `gto`: both read what either wrote.

GTO_EXAMPLES sets how many sequences of commands are tried.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import RepositoryError
from assay.release import gto
from assay.release.tagname import TagName
from assay.workspace.git import Git
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.repos import Repo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.release.tagname import Action

api = pytest.importorskip("gto.api")
from gto.exceptions import GTOException  # noqa: E402 (after it is known to be installed)
from scmrepo.git import Git as Scm  # noqa: E402 (GTO brings it)

EXAMPLES = int(os.environ.get("GTO_EXAMPLES", "6"))
START = 1_790_000_000
ARTIFACTS = ("churn", "team/churn", "models:churn")
STAGES = ("prod", "dev/eu")
EVENTS = {
    "register": "registration",
    "deregister": "deregistration",
    "assign": "assignment",
    "unassign": "unassignment",
    "deprecate": "deprecation",
}


@dataclass
class Bench:
    """A repository with a few commits, written to by both, at times that are given."""

    repo: Repo
    commits: list[str]
    scm: Scm
    clock: int = START

    def clear(self) -> None:
        """Take all tags away; making a repository anew would take longer than the test."""
        (self.repo.root / ".git" / "packed-refs").unlink(missing_ok=True)
        shutil.rmtree(self.repo.root / ".git" / "refs" / "tags")
        (self.repo.root / ".git" / "refs" / "tags").mkdir()
        self.clock = START

    def read(self) -> gto.Registry:
        return gto.read(self.repo.git())

    def tag(self, artifact: str, action: Action, commit: str, **what: str) -> gto.Tag:
        """Write a tag as we do, by a clock that may stand still."""
        return self.write(self.read(), artifact, action, commit, **what)

    def write(
        self, registry: gto.Registry, artifact: str, action: Action, commit: str, **what: str
    ) -> gto.Tag:
        return gto.tag(
            self.repo.git(),
            registry.name(artifact, action, **what),
            commit=commit,
            message="By us",
            after=registry.artifact(artifact).newest,
            now=float(self.clock),
        )

    def shown(self) -> dict[str, Any]:
        """What `gto show` says, without the stages that nothing is in."""
        return {
            name: (one["version"], {k: v for k, v in one["stage"].items() if v}, one["active"])
            for name, one in api.show(self.scm, deprecated=True).items()
        }


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        repo = Repo(tmp_path_factory.mktemp("gto") / "repo")
        # GTO counts a commit as an event of its versions, at the commit's own time.
        repo.environ |= {"GIT_COMMITTER_DATE": f"@{START - 60} +0000"}
        for key, value in repo.environ.items():
            patch.setenv(key, value)
        commits = [repo.commit({"model": str(n)}) for n in range(4)]
        scm = Scm(str(repo.root))
        made = Bench(repo, commits, scm)
        # Of the programs that GTO may write a tag by, this one reads the clock in Python.
        patch.setattr(scm, "tag", scm.backends["dulwich"].tag)
        patch.setattr(time, "time", lambda: float(made.clock))
        yield made
        scm.close()  # type: ignore[no-untyped-call]  # scmrepo has no types here


@pytest.fixture
def empty(bench: Bench) -> Bench:
    bench.clear()
    return bench


def ours(registry: gto.Registry) -> dict[str, Any]:
    """The same as `Bench.shown`, by our reading."""
    return {
        name: (
            one.latest.version if one.latest else None,
            {stage: version.version for stage, version in one.stages.items()},
            not one.deprecated,
        )
        for name, one in registry.artifacts.items()
    }


OPERATIONS = st.tuples(
    st.booleans(),  # by GTO, or by us
    st.sampled_from(ARTIFACTS),
    st.sampled_from(("register", "register", "assign", "assign", *EVENTS)),
    st.integers(0, 3),  # commit
    st.sampled_from(("v1.0.0", "v1.0.0-rc.1", "v1.10.0", "v1.9.0", "v2.0.0+b.1", "v0.0.1")),
    st.sampled_from(STAGES),
)


@dataclass(frozen=True)
class Command:
    """What is asked of either."""

    artifact: str
    action: Any
    commit: str
    version: str
    stage: str


def by_gto(bench: Bench, registry: gto.Registry, asked: Command) -> None:
    artifact, action, commit = asked.artifact, asked.action, asked.commit
    found = registry.artifact(artifact).at(commit)
    if action == "register":
        api.register(bench.scm, artifact, commit, version=asked.version)
    elif action == "deregister":
        api.deregister(bench.scm, artifact, ref=commit)
    elif action == "assign" and found is None:
        api.assign(bench.scm, artifact, asked.stage, ref=commit, skip_registration=True)
    elif action == "assign" and found is not None:
        api.assign(bench.scm, artifact, asked.stage, version=found.version, force=True)
    elif action == "unassign":
        api.unassign(bench.scm, artifact, ref=commit, stage=asked.stage)
    else:
        api.deprecate(bench.scm, artifact, ref=commit)


def by_us(bench: Bench, registry: gto.Registry, asked: Command) -> None:
    artifact, action, commit = asked.artifact, asked.action, asked.commit
    version, stage = asked.version, asked.stage
    state = registry.artifact(artifact)
    here = [v for v in state.versions if v.commit == commit and v.version != commit]
    if action == "register":
        # Two versions on a commit, and a version on two commits, are refused by `decision`.
        if here or state.find(version):
            return
        bench.write(registry, artifact, action, commit, version=version)
    elif action == "deregister" and here and here[0].registered:
        bench.write(registry, artifact, action, commit, version=here[0].version)
    elif action == "assign" or (action == "unassign" and here and stage in here[0].stages):
        bench.write(registry, artifact, action, commit, stage=stage)
    elif action == "deprecate":
        bench.write(registry, artifact, action, commit)


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],  # a shorter sequence is not worth the minutes
)
@given(st.lists(OPERATIONS, min_size=3, max_size=9))
def test_both_read_what_either_wrote(
    empty: Bench, operations: list[tuple[bool, str, str, int, str, str]]
) -> None:
    bench = empty
    bench.clear()
    for gtos, artifact, action, at, version, stage in operations:
        write = by_gto if gtos else by_us
        # What we write waits for nobody's clock, what GTO writes does.
        registry = bench.read()
        bench.clock = max((one.newest for one in registry.artifacts.values()), default=START) + gtos
        with contextlib.suppress(GTOException):  # it refuses what would be no change
            write(bench, registry, Command(artifact, action, bench.commits[at], version, stage))
    agree(bench)


def agree(bench: Bench) -> None:
    registry = bench.read()
    assert registry.notes == ()
    assert ours(registry) == bench.shown()
    history = {
        (
            event["ref"],
            event["event"],
            event["artifact"],
            event["commit"],
            event["timestamp"].timestamp(),
        )
        for event in api.history(bench.scm)
    }
    tags = [tag for one in registry.artifacts.values() for tag in one.tags]
    assert history == {
        (t.ref, EVENTS[t.name.action], t.name.artifact, t.commit, t.time) for t in tags
    }
    for tag in tags[-2:]:
        (event,) = api.check_ref(bench.scm, tag.ref)
        assert (event.ref, event.event) == (tag.ref, EVENTS[tag.name.action])
    for name, artifact in registry.artifacts.items():
        shown = api.show(bench.scm, name, deprecated=True)
        assert {(v["version"], v["commit_hexsha"]) for v in shown if v["registrations"]} == {
            (v.version, v.commit) for v in artifact.versions if "@" in v.tag and "!" not in v.tag
        }
        staged = {(v["version"], s["stage"]) for v in shown for s in v["stages"]}
        assert staged == {(v.version, stage) for v in artifact.versions for stage in v.stages}


def test_tags_that_we_write_within_one_second_have_times_of_their_own(empty: Bench) -> None:
    one, two, *_ = empty.commits
    empty.tag("churn", "register", one, version="v1.0.0")
    empty.tag("churn", "register", two, version="v1.1.0")
    for commit in (one, two) * 6:  # `#10` sorts before `#9`
        empty.tag("churn", "assign", commit, stage="prod")
    assert [tag.time for tag in empty.read().artifact("churn").tags] == [
        START + n for n in range(14)
    ]
    assert empty.shown()["churn"][1] == {"prod": "v1.1.0"}
    agree(empty)


def test_within_one_second_the_greater_counter_is_taken_and_a_note_says_so(empty: Bench) -> None:
    one, two, *_ = empty.commits
    for commit, version in ((one, "v1.0.0"), (two, "v1.1.0")):
        api.register(empty.scm, "churn", commit, version=version)
        api.assign(empty.scm, "churn", "prod", version=version)
    registry = empty.read()
    assert registry.artifact("churn").stages["prod"].version == "v1.1.0"
    assert empty.shown()["churn"][1] == {"prod": "v1.0.0"}  # the trap
    (note,) = registry.notes
    assert note.message == (
        "`churn#prod#1` and `churn#prod#2` were made within one second: the greater number is "
        "taken for the later one. `gto show` may say otherwise."
    )
    empty.tag("churn", "assign", two, stage="prod")  # as the hint says
    assert empty.shown()["churn"][1] == {"prod": "v1.1.0"}


def test_a_clock_that_is_behind_puts_no_tag_before_an_older_one(empty: Bench) -> None:
    one, two, *_ = empty.commits
    empty.clock = START + 900
    api.assign(empty.scm, "churn", "prod", ref=one)
    empty.clock = START
    empty.tag("churn", "register", two, version="v1.0.0")
    tag = empty.tag("churn", "assign", two, stage="prod")
    assert tag.time == START + 902
    agree(empty)


def test_going_back_to_an_earlier_version_is_an_assignment_of_its_own(empty: Bench) -> None:
    one, two, *_ = empty.commits
    empty.tag("churn", "register", one, version="v1.0.0")
    empty.tag("churn", "register", two, version="v1.1.0")
    refs = [empty.tag("churn", "assign", c, stage="prod").ref for c in (one, two, one)]
    assert refs == ["churn#prod#1", "churn#prod#2", "churn#prod#3"]
    assert empty.shown()["churn"][1] == {"prod": "v1.0.0"}
    empty.tag("churn", "unassign", one, stage="prod")  # what was there before shows again
    assert empty.shown()["churn"][1] == {"prod": "v1.1.0"}
    agree(empty)


def test_two_versions_on_a_commit_end_gto_and_not_us(empty: Bench) -> None:
    commit = empty.commits[0]
    empty.tag("churn", "register", commit, version="v1.0.0")
    empty.tag("churn", "register", commit, version="v1.1.0")
    empty.tag("churn", "assign", commit, stage="prod")
    with pytest.raises(GTOException):
        api.show(empty.scm)
    registry = empty.read()
    assert registry.artifact("churn").stages["prod"].version == "v1.1.0"
    (note,) = registry.notes
    assert "(v1.0.0, v1.1.0)" in note.message
    assert "gto#377" in note.message


def test_a_lightweight_tag_does_not_count_and_its_counter_does(empty: Bench) -> None:
    one, two, *_ = empty.commits
    empty.repo("tag", "churn@v1.0.0", one)
    empty.repo("tag", "churn#prod#7", one)
    registry = empty.read()
    assert registry.artifacts == {} == empty.shown()
    assert {note.tag for note in registry.notes} == {"churn@v1.0.0", "churn#prod#7"}
    note = next(note for note in registry.notes if note.tag == "churn@v1.0.0")
    assert "lightweight" in note.message
    assert "git tag -a 'churn@v1.0.0' COMMIT" in note.hint
    api.assign(empty.scm, "churn", "prod", ref=two, skip_registration=True)
    assert empty.read().artifact("churn").tags[0].ref == "churn#prod#8"  # GTO counts it too
    assert str(empty.read().name("churn", "assign", stage="prod")) == "churn#prod#9"


def test_only_a_line_end_ends_what_git_says_of_a_tag(empty: Bench) -> None:
    """Git takes what Python calls line ends, in names of tags and in their messages."""
    one = empty.commits[0]
    empty.repo("tag", "neither\u2028gto", one)
    empty.repo("tag", "--annotate", "--message=one\x0ctwo\x85three\r", "churn@v1.0.0", one)
    (version,) = empty.read().artifact("churn").versions
    assert version.commit == one


def test_a_tag_of_another_name_or_of_a_tree_does_not_count(empty: Bench) -> None:
    one = empty.commits[0]
    empty.tag("churn", "register", one, version="v1.0.0")
    empty.repo("update-ref", "refs/tags/churn@v9.0.0", "refs/tags/churn@v1.0.0")
    empty.repo("tag", "-a", "-m", "A folder", "churn@v3.0.0", f"{one}^{{tree}}")
    registry = empty.read()
    assert [v.version for v in registry.artifact("churn").versions] == ["v1.0.0"]
    assert {n.tag: n.message.partition("`, ")[0].partition("` ")[2] for n in registry.notes} == {
        "churn@v9.0.0": "points to the tag `churn@v1.0.0",
        "churn@v3.0.0": "does not point to a commit, and does not count.",
    }


def test_a_version_that_was_taken_back_is_registered_again_with_a_counter(empty: Bench) -> None:
    one = empty.commits[0]
    actions: tuple[Action, ...] = ("register", "deregister", "register", "deregister")
    refs = [empty.tag("churn", action, one, version="v1.0.0").ref for action in actions]
    assert refs == ["churn@v1.0.0", "churn@v1.0.0!", "churn@v1.0.0#1", "churn@v1.0.0!#2"]
    assert empty.read().artifact("churn").latest is None
    agree(empty)


def test_what_git_refuses_is_an_error_that_says_what_to_do(empty: Bench) -> None:
    one = empty.commits[0]
    name = TagName("churn", "register", "v1.0.0")
    known = empty.repo.git()

    def tag(name: TagName, git: Git) -> None:
        gto.tag(git, name, commit=one, message="m", after=0, now=START)

    tag(name, known)
    with pytest.raises(RepositoryError, match=r"`churn@v1\.0\.0` exists already") as caught:
        tag(name, known)
    assert caught.value.exit_code == 2
    empty.repo("tag", "team", one)
    with pytest.raises(RepositoryError, match=r"`git tag` refused `team/churn@v1\.0\.0`"):
        tag(TagName("team/churn", "register", "v1.0.0"), known)
    stranger = Git(
        empty.repo.root,
        {
            **{k: v for k, v in empty.repo.environ.items() if not k.startswith("GIT_COMMITTER_")},
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "user.useConfigOnly",
            "GIT_CONFIG_VALUE_0": "true",
            "EMAIL": "",
        },
    )
    with pytest.raises(RepositoryError, match="git does not know who you are") as caught:
        tag(TagName("churn", "register", "v1.1.0"), stranger)
    assert "git config user.name" in (caught.value.hint or "")


def test_a_stage_of_a_version_that_was_taken_back_is_nobodys(empty: Bench) -> None:
    one, two, *_ = empty.commits
    empty.tag("churn", "register", one, version="v1.0.0")
    empty.tag("churn", "register", two, version="v1.1.0")
    empty.tag("churn", "assign", one, stage="prod")
    empty.tag("churn", "assign", two, stage="prod")
    empty.tag("churn", "deregister", two, version="v1.1.0")
    assert empty.shown()["churn"] == ("v1.0.0", {"prod": "v1.0.0"}, True)
    agree(empty)
    empty.tag("churn", "deregister", one, version="v1.0.0")
    assert empty.shown()["churn"] == (None, {}, True)
    agree(empty)


def test_a_new_version_brings_a_deprecated_artifact_back(empty: Bench) -> None:
    one, two, *_ = empty.commits
    empty.tag("churn", "register", one, version="v1.0.0")
    empty.tag("churn", "deprecate", one)
    assert empty.read().artifact("churn").deprecated
    agree(empty)
    empty.tag("churn", "register", two, version="v1.1.0")
    assert not empty.read().artifact("churn").deprecated
    agree(empty)
