"""Accepting a gate, from the comment of a maintainer to a check that passes, on a GitHub API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from assay import acceptance, publish
from assay import record as records_of
from assay.ci import CiContext
from assay.errors import ForgeError, UsageError
from assay.forge.comment import marker
from assay.hearing import hear
from assay.verdict import decide

from tests import records
from tests.builders import make_context, printed
from tests.fakes.github_api import (
    GitHubApi,
    Pull,
    Repository,
    State,
    Token,
    WorkflowRun,
    workflow_token,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context
    from assay.override import Override
    from assay.record import RunRecord

    from tests.fakes.github_api import Comment

REPO, PULL, BOT = "acme/bikes", 5, "github-actions[bot]"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
FIRST, SECOND = "1" * 40, "2" * 40
GATES = ("metrics.f1.min", "metrics.f1.max_regression")
WHY = "because the new labels are stricter"
BOTH = "\n".join(f"/assay accept {gate} {WHY}" for gate in GATES)


@dataclass
class World:
    """A pull request whose model fails two gates, and those who talk about it."""

    api: GitHubApi
    folder: Path
    ci: CiContext
    key: str = "default"
    token: str = SECRET
    said: str = ""
    """What the last step printed."""

    @property
    def repository(self) -> Repository:
        return self.api.state.repositories[REPO]

    @property
    def report(self) -> Comment:
        """Our comment."""
        (found,) = [one for one in self.repository.comments if one.author == BOT]
        return found

    def push(self, sha: str) -> None:
        self.repository.pulls[PULL].head_sha = sha
        self.ci = self.ci.model_copy(update={"head_sha": sha})

    def check(self, record: RunRecord | None = None, **ci: Any) -> RunRecord:
        """The step that reports, on a record that the project's code has left."""
        told = self.ci.model_copy(update=ci)
        record = (record or records.regression_of_a_metric()).model_copy(update={"ci": told})
        context = replace(self._context(), ci=told, record=record)
        context = hear(context, key=self.key)
        publish.show(context, publish.Wanted(comment=True, plots="none"))
        self.said = printed(context)
        return context.record

    def says(self, who: str, text: str = BOTH) -> Comment:
        return self.api.state.comment(REPO, PULL, author=who, body=text)

    def answer(self, comment: int, **given: Any) -> bool:
        """The step that obeys a comment."""
        event = {
            "issue": {"number": PULL, "pull_request": {"url": "…"}},
            "comment": {"id": comment},
        }
        context = self._context()
        try:
            return acceptance.answer(
                CiContext(host="github", repository=REPO, api_url=self.api.url),
                **{
                    "event": event,
                    "environ": context.environ,
                    "console": context.console,
                    "workflow": "model-check.yml",
                    "sleep": lambda _: None,
                    **given,
                },
            )
        finally:
            self.said = printed(context)

    def _context(self) -> Context:
        return make_context(self.folder, environ={"GITHUB_TOKEN": self.token})


@pytest.fixture
def world(server: GitHubApi, tmp_path: Path) -> Iterator[World]:
    token = Token(BOT, "app", {"pull_requests": "write", "actions": "write"})
    pull = Pull(head_sha=FIRST, author="octocat")
    repository = Repository(
        id=7,
        pulls={PULL: pull},
        roles={"anna": "maintain", "bob": "write", "tri": "triage", "ria": "read"},
        runs=[WorkflowRun(31, "model-check.yml", FIRST)],
    )
    server.state = State(tokens={SECRET: token}, repositories={REPO: repository})
    ci = CiContext(
        host="github",
        event="pull_request",
        repository=REPO,
        pull_request=PULL,
        head_sha=FIRST,
        api_url=server.url,
    )
    (tmp_path / ".assay").mkdir()
    yield World(server, tmp_path, ci)
    assert not [logged for logged in server.state.requests if logged.token_outside_header]


def outcome(record: RunRecord) -> tuple[str, int]:
    verdict = decide(record)
    return verdict.outcome, verdict.exit_code


def why_not(record: RunRecord) -> set[tuple[str, str]]:
    return {(override.who, override.refused) for override in record.overrides if override.refused}


class TestAccepted:
    @pytest.mark.parametrize("who", ["anna", "bob"])
    def test_by_a_maintainer_turns_the_check_green(self, world: World, who: str) -> None:
        assert outcome(world.check()) == ("fail", 1)
        assert f"/assay accept metrics.f1.min for {FIRST[:7]} because" in world.report.body
        said = world.says(who)
        record = world.check()
        assert outcome(record) == ("warn", 0)
        (first, _) = record.overrides
        assert first.model_dump(exclude={"when"}) == {
            "gate": "metrics.f1.min: 0.6",
            "who": who,
            "why": "the new labels are stricter",
            "sha": FIRST,
            "how": "comment",
            "url": f"https://github.com/{REPO}/pull/{PULL}#issuecomment-{said.id}",
            "by_author": False,
            "refused": "",
        }
        assert first.when == datetime.fromisoformat(said.created_at)
        assert "Accepted: `metrics.f1.min: 0.6`" in world.report.body
        assert "the new labels are stricter" in world.report.body
        saved = records_of.load(world.folder / ".assay" / records_of.FILE)
        assert saved.overrides == record.overrides

    def test_stays_so_however_often_it_is_run(self, world: World) -> None:
        world.check()
        world.says("anna")
        for _ in range(3):
            assert outcome(world.check()) == ("warn", 0)

    def test_by_the_author_who_may_write_is_shown_as_such(self, world: World) -> None:
        world.repository.pulls[PULL].author = "bob"
        world.check()
        world.says("bob")
        assert outcome(world.check()) == ("warn", 0)
        assert "the author of the pull request" in world.report.body

    def test_for_one_gate_leaves_the_other(self, world: World) -> None:
        world.check()
        world.says("anna", f"/assay accept {GATES[0]} {WHY}")
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert decide(record).decided_by == "metrics.f1.max_regression: 0.01"

    def test_by_a_role_of_the_organization_s_own(self, world: World) -> None:
        world.repository.custom_roles = {"model owner": "write", "admin": "read"}
        world.repository.roles |= {"olga": "model owner", "eve": "admin"}
        world.check()
        world.says("eve")
        record = world.check()
        assert {who for who, _ in why_not(record)} == {"eve"}
        world.says("olga")
        assert outcome(world.check()) == ("warn", 0)

    def test_by_the_person_whose_token_it_is(self, world: World) -> None:
        world.token = "ghp_Anna0123456789"
        world.api.state.tokens[world.token] = Token("anna", "user")
        world.check()
        world.says("anna")
        assert outcome(world.check()) == ("warn", 0)

    def test_taken_back_by_deleting_the_comment(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        assert outcome(world.check()) == ("warn", 0)
        world.repository.comments.remove(said)
        assert outcome(world.check()) == ("fail", 1)


class TestSeveralModels:
    """Each has a report of its own, told apart by its key."""

    def test_a_word_about_one_does_not_count_for_another(self, world: World) -> None:
        world.check()
        world.key = "fraud"
        world.check()
        said = world.says("anna")
        assert outcome(world.check()) == ("fail", 1)
        world.key = "default"
        assert outcome(world.check()) == ("warn", 0)
        assert world.answer(said.id)
        world.says("anna", BOTH.replace("accept ", "accept fraud:"))
        world.key = "fraud"
        assert outcome(world.check()) == ("warn", 0)

    def test_the_report_proposes_the_name_with_its_key(self, world: World) -> None:
        world.key = "fraud"
        world.check()
        assert "/assay accept fraud:metrics.f1.min for 1111111 because" in world.report.body


class TestNobodyElse:
    NEEDS = "that needs write permission on the repository"

    @pytest.mark.parametrize("who", ["octocat", "tri", "ria", "stranger", "ghost"])
    def test_may_by_a_comment(self, world: World, who: str) -> None:
        world.check()
        world.says(who)
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert why_not(record) == {(who, self.NEEDS)}
        assert f"by @\u200b{who}: {self.NEEDS}" in world.report.body

    @pytest.mark.parametrize("who", ["tri", "ria", "octocat"])
    def test_may_by_a_label(self, world: World, who: str) -> None:
        """Who triages may set labels, and may not write."""
        world.check()
        for gate in GATES:
            world.api.state.label(REPO, PULL, f"assay: accept {gate}", actor=who)
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert why_not(record) == {(who, self.NEEDS)}

    @pytest.mark.parametrize("bot", ["labeler[bot]", BOT])
    def test_may_by_a_bot(self, world: World, bot: str) -> None:
        """A bot that sets labels by the paths of a change sets what the author asks for."""
        world.check()
        for gate in GATES:
            world.api.state.label(REPO, PULL, f"assay: accept {gate}", actor=bot)
        world.says("labeler[bot]")
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert {why for _, why in why_not(record)} == {"only a person can accept a gate"}

    def test_may_by_changing_what_a_maintainer_wrote(self, world: World) -> None:
        world.check()
        said = world.says("anna", "I do not like this.")
        said.body, said.updated_at = BOTH, world.api.state.now()
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert why_not(record) == {("anna", "the comment was edited: a new one is needed")}

    def test_may_by_a_comment_that_looks_like_ours(self, world: World) -> None:
        """A stranger's history says that this commit was shown long ago."""
        world.says("anna")
        long_ago = f"{FIRST}@2020-01-01T00:00:00Z"
        world.says("mallory", f"{marker('default')}\n<!-- assay:shown {long_ago} -->\n### Passed")
        assert outcome(world.check()) == ("fail", 1)
        assert outcome(world.check()) == ("fail", 1)

    def test_may_by_a_text_that_the_report_shows(self, world: World) -> None:
        """What the report quotes stands below our own second line."""
        world.says("anna")
        record = records.regression_of_a_metric()
        line = f"<!-- assay:shown {FIRST}@2020-01-01T00:00:00Z -->"
        ci = {"head_ref": f"\n{line}\n", "workflow": line}
        world.check(record, **ci)
        assert outcome(world.check(record, **ci)) == ("fail", 1)

    def test_may_by_a_record_that_says_so(self, world: World) -> None:
        """The project's code runs before, and can write the record."""
        world.check()
        world.says("anna")
        forged = world.check().overrides
        world.repository.comments.clear()
        world.check()
        record = records.regression_of_a_metric().model_copy(update={"overrides": forged})
        assert outcome(record.model_copy(update={"ci": world.ci})) == ("warn", 0)
        assert outcome(world.check(record)) == ("fail", 1)
        saved = records_of.load(world.folder / ".assay" / records_of.FILE)
        assert saved.overrides == ()

    def test_may_on_a_laptop(self, world: World) -> None:
        forged = records.accepted()
        assert outcome(forged) == ("warn", 0)
        assert outcome(world.check(forged, host="local", pull_request=None)) == ("fail", 1)

    def test_is_asked_where_nothing_failed(self, world: World) -> None:
        world.check(records.good())
        world.says("anna")
        world.api.state.requests.clear()
        record = world.check(records.good())
        assert record.overrides == ()
        assert not [call for call in world.api.state.calls() if "permission" in call]


class TestNewCommit:
    def test_voids_what_was_accepted(self, world: World) -> None:
        world.check()
        world.says("anna")
        assert outcome(world.check()) == ("warn", 0)
        world.push(SECOND)
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert {override.sha for override in record.overrides} == {FIRST}
        assert "it was given for `1111111`" in world.report.body
        assert outcome(world.check()) == ("fail", 1)
        world.says("anna")
        assert outcome(world.check()) == ("warn", 0)

    def test_voids_a_word_that_comes_before_its_result(self, world: World) -> None:
        world.check()
        world.push(SECOND)
        world.says("anna")
        assert outcome(world.check()) == ("fail", 1)

    def test_that_is_the_old_one_again_needs_a_new_word(self, world: World) -> None:
        world.check()
        world.says("anna")
        world.push(SECOND)
        world.check()
        world.push(FIRST)
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert outcome(world.check()) == ("fail", 1)

    def test_is_told_from_an_old_one_by_the_forge(self, world: World) -> None:
        """The event is a file: the project's code can give it the name of an accepted commit."""
        world.check()
        world.says("anna")
        world.repository.pulls[PULL].head_sha = SECOND
        record = world.check()  # says that it is of FIRST
        assert outcome(record) == ("fail", 1)
        assert "The pull request is at 2222222 now, not at 1111111" in world.said

    def test_named_in_full_counts_wherever_it_is_said(self, world: World) -> None:
        world.says("anna", BOTH.replace(" because", f" for {FIRST} because"))
        assert outcome(world.check()) == ("warn", 0)
        world.push(SECOND)
        assert outcome(world.check()) == ("fail", 1)

    def test_what_was_shown_is_remembered_for_some(self, world: World) -> None:
        for number in range(20):
            world.push(f"{number:040x}")
            world.check()
            world.check(records.regression_of_a_metric().model_copy(update={"assay": "0"}))
        line = world.report.body.split("\n")[1]
        assert line.startswith("<!-- assay:shown ")
        assert line.count("@") == 8
        assert f"{19:040x}@" in line


class TestLabel:
    def label(self, world: World, who: str = "anna", *, on: bool = True) -> None:
        for gate in GATES:
            world.api.state.label(REPO, PULL, f"assay: accept {gate}", actor=who, on=on)

    def test_of_a_maintainer_counts_without_a_reason(self, world: World) -> None:
        world.check()
        self.label(world)
        record = world.check()
        assert outcome(record) == ("warn", 0)
        assert "by a label: no reason given" in world.report.body
        assert record.overrides[0].url.startswith(f"https://github.com/{REPO}/pull/{PULL}#event-")

    def test_set_before_the_result_is_void(self, world: World) -> None:
        self.label(world)
        world.check()
        assert outcome(world.check()) == ("fail", 1)

    def test_taken_off_does_not_count(self, world: World) -> None:
        world.check()
        self.label(world)
        self.label(world, on=False)
        assert outcome(world.check()) == ("fail", 1)

    def test_out_of_sight_is_said_and_comments_count_all_the_same(self, world: World) -> None:
        world.check()
        self.label(world, "tri")
        world.says("anna")
        world.api.state.fail(403, "Resource not accessible by integration", path="/events")
        assert outcome(world.check()) == ("warn", 0)
        assert "Nobody's label" in world.said
        assert "issues: read" in world.said

    def test_set_again_by_somebody_else_is_theirs(self, world: World) -> None:
        world.check()
        self.label(world)
        self.label(world, on=False)
        self.label(world, "tri")
        assert outcome(world.check()) == ("fail", 1)


class TestFork:
    """Its token may only read, so there is no comment of ours to go by."""

    @pytest.fixture(autouse=True)
    def from_fork(self, world: World) -> None:
        world.api.state.tokens[SECRET] = workflow_token("read")
        world.ci = world.ci.model_copy(update={"from_fork": True})

    def test_needs_the_whole_name_of_the_commit(self, world: World) -> None:
        world.check()
        world.says("anna")
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert all(f"add `for {FIRST}`" in why for _, why in why_not(record))
        world.says("anna", BOTH.replace(" because", f" for {FIRST} because"))
        assert outcome(world.check()) == ("warn", 0)

    def test_names_it_in_what_it_proposes(self, world: World) -> None:
        world.check()
        report = (world.folder / ".assay/report.md").read_text(encoding="utf-8")
        assert f"/assay accept metrics.f1.min for {FIRST} because" in report


class TestTrouble:
    def test_nobody_is_believed_while_github_does_not_answer(self, world: World) -> None:
        world.check()
        world.says("anna")
        world.api.state.fail(500, times=1, path="/collaborators/", raw="oops")
        world.api.state.fail(403, "no", times=1, path="/collaborators/")
        context_words = "Nobody's word on a gate could be read"
        record = world.check()
        assert outcome(record) == ("fail", 1)
        assert context_words in world.said

    @pytest.mark.parametrize("raw", ["{}", '{"permission": 1}', "[]"])
    def test_an_answer_that_is_none_permits_nothing(self, world: World, raw: str) -> None:
        world.check()
        world.says("anna")
        world.api.state.fail(200, path="/collaborators/", raw=raw)
        assert outcome(world.check()) == ("fail", 1)

    def test_without_a_token_nobody_is_heard(self, world: World) -> None:
        del world.api.state.tokens[SECRET]
        assert outcome(world.check()) == ("fail", 1)
        assert "Nobody's word on a gate could be read" in world.said
        assert "401: Bad credentials" in world.said


class TestAnswer:
    def run(self, world: World) -> WorkflowRun:
        return world.repository.runs[-1]

    def test_runs_the_failed_jobs_again(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        assert world.answer(said.id)
        assert said.reactions == [(BOT, "+1")]
        assert (self.run(world).status, self.run(world).attempt) == ("queued", 2)
        assert f"https://github.com/{REPO}/actions/runs/31" in world.said
        # The picture is no change: the check that runs now still believes the comment.
        assert outcome(world.check()) == ("warn", 0)

    @pytest.mark.parametrize("who", ["octocat", "tri", "stranger", "labeler[bot]"])
    def test_to_others_is_a_confused_face_and_nothing_runs(self, world: World, who: str) -> None:
        world.check()
        said = world.says(who)
        assert not world.answer(said.id)
        assert said.reactions == [(BOT, "confused")]
        assert (self.run(world).status, self.run(world).attempt) == ("completed", 1)
        assert f"is not accepted by {who}" in world.said

    def test_to_an_old_commit_s_word(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        world.push(SECOND)
        world.check()
        assert not world.answer(said.id)
        assert said.reactions == [(BOT, "confused")]
        assert "it was given for `1111111`" in world.said

    @pytest.mark.parametrize("text", ["Nice!", f"> {BOTH}", "see `/assay accept`"])
    def test_to_what_is_no_command_is_silence(self, world: World, text: str) -> None:
        said = world.says("anna", text)
        assert not world.answer(said.id)
        assert said.reactions == []
        assert not [call for call in world.api.state.calls() if "POST" in call]

    def test_believes_the_forge_and_not_the_event(self, world: World) -> None:
        world.check()
        said = world.says("mallory")
        event = {
            "issue": {"number": PULL, "pull_request": {}},
            "comment": {"id": said.id, "body": BOTH, "user": {"login": "anna"}},
        }
        assert not world.answer(said.id, event=event)

    def test_to_a_comment_that_is_gone(self, world: World) -> None:
        assert not world.answer(999)

    def test_for_a_pull_request_of_a_fork(self, world: World) -> None:
        said = world.says("anna", BOTH.replace(" because", f" for {FIRST} because"))
        assert world.answer(said.id)
        assert self.run(world).attempt == 2

    def test_waits_for_a_run_that_is_about_to_end(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        run = self.run(world)
        run.status, run.conclusion = "in_progress", None
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                run.status, run.conclusion = "completed", "failure"

        assert world.answer(said.id, sleep=sleep)
        assert (len(pauses), run.attempt) == (2, 2)

    def test_leaves_a_run_alone_that_goes_on(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        self.run(world).status = "in_progress"
        assert world.answer(said.id)
        assert "will find the comment" in world.said
        assert self.run(world).attempt == 1

    def test_has_nothing_to_do_for_one_that_passed(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        self.run(world).conclusion = "success"
        assert not world.answer(said.id)
        assert said.reactions == [(BOT, "confused")]

    def test_says_when_no_run_is_of_this_commit(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        self.run(world).head_sha = SECOND
        assert not world.answer(said.id)
        assert "model-check.yml has not run for 1111111" in world.said

    def test_needs_the_workflow_s_name(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        with pytest.raises(ForgeError, match=r"no workflow check\.yml in acme/bikes") as caught:
            world.answer(said.id, workflow="check.yml")
        assert "workflow:" in (caught.value.hint or "")
        assert said.reactions == [(BOT, "confused")]

    def test_needs_the_permission_to_run_it(self, world: World) -> None:
        world.api.state.tokens[SECRET].permissions = {"pull_requests": "write"}
        world.check()
        said = world.says("anna")
        with pytest.raises(ForgeError, match="may not re-run") as caught:
            world.answer(said.id)
        assert "actions: write" in (caught.value.hint or "")

    def test_passes_on_that_a_run_is_too_old(self, world: World) -> None:
        world.check()
        said = world.says("anna")
        self.run(world).created_at = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
        with pytest.raises(ForgeError, match="created over a month ago"):
            world.answer(said.id)

    @pytest.mark.parametrize(
        "event", [{}, {"issue": {"number": 5}, "comment": {"id": 1}}, {"comment": {"id": 1}}]
    )
    def test_needs_a_comment_on_a_pull_request(self, world: World, event: dict[str, Any]) -> None:
        with pytest.raises(UsageError, match="no comment on a pull request"):
            world.answer(1, event=event)


def test_words_are_in_the_order_in_which_they_were_said(world: World) -> None:
    world.check()
    world.says("bob", f"/assay accept {GATES[0]} {WHY}")
    world.api.state.label(REPO, PULL, f"assay: accept {GATES[0]}", actor="anna")
    world.says("anna", f"/assay accept {GATES[1]} {WHY}")
    found: tuple[Override, ...] = world.check().overrides
    assert [(one.who, one.how) for one in found] == [
        ("bob", "comment"),
        ("anna", "label"),
        ("anna", "comment"),
    ]
