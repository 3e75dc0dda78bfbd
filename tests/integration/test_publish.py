"""A report in all the places that it is asked for, on a GitHub API that keeps GitHub's rules."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import pytest
from assay import publish
from assay.ci import CiContext
from assay.errors import ForgeError, UsageError
from assay.forge.assetbranch import BRANCH
from assay.forge.comment import Run
from assay.hearing import hear

from tests import records
from tests.builders import make_context, printed
from tests.fakes.github_api import GitHubApi, Pull, Repository, State, Token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.record import RunRecord
    from assay.stages.report import ReportFiles

REPO, PULL = "acme/bikes", 5
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
SHA = "1" * 40
EVERYWHERE = publish.Wanted(comment=True, check_run=True, commit_status=True, badge=True)
ALL = dict.fromkeys(("contents", "checks", "statuses", "pull_requests"), "write")


@dataclass
class World:
    """One pull request, and what may be done to it."""

    api: GitHubApi
    folder: Path
    ci: CiContext
    said: str = ""

    def may(self, **permissions: str) -> None:
        self.api.state.tokens[SECRET] = Token("github-actions[bot]", "app", permissions)

    def show(
        self,
        wanted: publish.Wanted,
        record: RunRecord | None = None,
        *,
        key: str = "default",
        run: int = 1,
        **ci: Any,
    ) -> ReportFiles:
        """The step that reports."""
        told = self.ci.model_copy(update=ci)
        record = (record or records.good()).model_copy(update={"ci": told})
        environ = {"GITHUB_TOKEN": SECRET, "GITHUB_RUN_ID": str(run), "GITHUB_RUN_ATTEMPT": "1"}
        context = replace(make_context(self.folder, environ=environ), ci=told, record=record)
        context = hear(context, key=key)
        self.api.state.requests.clear()
        files = publish.show(context, wanted, link="https://example.com/run#artifacts")
        self.said = printed(context)
        return files

    @property
    def comments(self) -> list[str]:
        return [comment.body for comment in self.repository.comments]

    @property
    def repository(self) -> Repository:
        return self.api.state.repositories[REPO]

    @property
    def calls(self) -> list[str]:
        return self.api.state.calls()


@pytest.fixture
def world(server: GitHubApi, tmp_path: Path) -> Iterator[World]:
    repository = Repository(id=7, pulls={PULL: Pull(head_sha=SHA, author="octocat")})
    server.state = State(
        tokens={SECRET: Token("github-actions[bot]", "app", dict(ALL))},
        repositories={REPO: repository},
    )
    server.state.commit(REPO, {"README.md": b"x"}, ref="refs/heads/main")
    ci = CiContext(
        host="github",
        event="pull_request",
        repository=REPO,
        pull_request=PULL,
        head_sha=SHA,
        api_url=server.url,
        server_url=server.url,
    )
    (tmp_path / ".assay").mkdir()
    yield World(server, tmp_path, ci)
    assert not [logged for logged in server.state.requests if logged.token_outside_header]


class TestComment:
    def test_shows_pictures_that_are_on_the_branch(self, world: World) -> None:
        world.show(publish.Wanted(comment=True))
        (body,) = world.comments
        found = re.findall(r'(?:src|srcset)="([^"]+\.png)"', body)
        assert len(found) >= 4
        assert "mermaid" not in body
        for url in found:
            assert fetched(url).startswith(b"\x89PNG")

    def test_the_same_report_again_costs_four_requests_and_changes_nothing(
        self, world: World
    ) -> None:
        world.show(publish.Wanted(comment=True))
        before = world.comments
        world.show(publish.Wanted(comment=True), run=2)
        assert len(world.calls) <= 4, world.calls
        assert [_visible(body) for body in world.comments] == [_visible(body) for body in before]

    def test_a_new_text_with_the_same_pictures_costs_four_requests(self, world: World) -> None:
        record = records.good()
        world.show(publish.Wanted(comment=True), record)
        environment = record.environment
        assert environment is not None
        other = environment.model_copy(update={"python": "3.14.1"})
        world.show(
            publish.Wanted(comment=True), record.model_copy(update={"environment": other}), run=2
        )
        assert len(world.calls) <= 4, world.calls
        assert "3.14.1" in world.comments[0]

    def test_without_the_permission_charts_stand_in_for_images(self, world: World) -> None:
        world.may(pull_requests="write")
        world.show(publish.Wanted(comment=True))
        (body,) = world.comments
        assert "```mermaid" in body
        assert "<picture>" not in body
        assert "Plots are shown as charts, not as images" in world.said
        assert "::" not in world.said  # no annotation: the starter has it so

    @pytest.mark.parametrize(("plots", "mermaid"), [("charts", True), ("none", False)])
    def test_asks_for_no_branch_when_no_images_are_wanted(
        self, world: World, plots: str, *, mermaid: bool
    ) -> None:
        world.show(publish.Wanted(comment=True, plots=plots))
        assert ("```mermaid" in world.comments[0]) is mermaid
        assert not [call for call in world.calls if "/git/" in call]

    def test_of_two_models_do_not_meet(self, world: World) -> None:
        for key in ("churn", "fraud", "churn"):
            world.show(publish.Wanted(comment=True, plots="none"), key=key)
        assert len(world.comments) == 2

    def test_links_to_the_whole_report(self, world: World) -> None:
        world.show(publish.Wanted(comment=True, plots="none"))
        assert "https://example.com/run#artifacts" in world.comments[0]


class TestEverywhere:
    def test_each_place_shows_the_verdict(self, world: World) -> None:
        files = world.show(EVERYWHERE, records.regression_of_a_metric())
        (run,) = world.repository.check_runs
        assert (run.fields["conclusion"], run.head_sha) == ("failure", SHA)
        (status,) = world.repository.statuses
        assert (status.state, status.context) == ("failure", "assay/default")
        assert len(world.comments) == 1
        assert files.verdict.exit_code == 1
        assert ET.parse(files.junit).getroot().tag == "testsuites"

    @pytest.mark.parametrize(
        ("missing", "place", "line"),
        [
            ("pull_requests", "Comment", "pull-requests: write"),
            ("checks", "Check run", "checks: write"),
            ("statuses", "Commit status", "statuses: write"),
        ],
    )
    def test_a_permission_that_is_missing_costs_one_place(
        self, world: World, missing: str, place: str, line: str
    ) -> None:
        world.may(**{name: level for name, level in ALL.items() if name != missing})
        files = world.show(EVERYWHERE)
        assert files.verdict.exit_code == 0
        assert f"{place} not posted" in world.said
        assert line in world.said
        shown = [
            bool(world.comments),
            bool(world.repository.check_runs),
            bool(world.repository.statuses),
        ]
        assert shown.count(False) == 1

    def test_no_token_is_told_once_for_each_place_and_changes_no_verdict(
        self, world: World
    ) -> None:
        world.api.state.tokens.clear()
        files = world.show(EVERYWHERE)
        assert files.verdict.exit_code == 0
        assert files.markdown.is_file()
        assert world.said.count("not posted") == 3

    def test_a_fork_is_told_where_its_report_is(self, world: World) -> None:
        world.may(contents="read", pull_requests="read")
        world.show(EVERYWHERE, from_fork=True)
        assert "in the summary of the job" in world.said
        assert "warning" not in world.said


class TestBadge:
    def test_is_written_by_a_run_on_the_default_branch(self, world: World) -> None:
        on = {"pull_request": None, "event": "push", "head_ref": "main", "default_branch": "main"}
        world.show(publish.Wanted(badge=True), **on)
        url = f"{world.api.url}/{REPO}/raw/{BRANCH}/badges/default"
        assert b"passed" in fetched(f"{url}.svg")
        assert json.loads(fetched(f"{url}.json"))["schemaVersion"] == 1

    @pytest.mark.parametrize(
        "on",
        [
            {"head_ref": "feature", "pull_request": None, "default_branch": "main"},
            {"head_ref": "main", "default_branch": "main"},
            {"head_ref": None, "pull_request": None, "default_branch": None},
        ],
    )
    def test_is_left_alone_by_any_other_run(self, world: World, on: dict[str, Any]) -> None:
        world.show(publish.Wanted(badge=True), **on)
        assert world.calls == []


class TestPost:
    def test_a_comment_that_is_refused_is_an_error_after_the_other_places(
        self, world: World
    ) -> None:
        world.may(statuses="write", pull_requests="read")
        record = records.good().model_copy(update={"ci": world.ci})
        context = make_context(world.folder, environ={"GITHUB_TOKEN": SECRET})
        context = replace(context, ci=world.ci, record=record)
        wanted = publish.Wanted(comment=True, plots="none", commit_status=True)
        with pytest.raises(ForgeError, match="comments on"):
            publish.post(context, wanted, run=Run(3))
        assert len(world.repository.statuses) == 1


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [("plots", "png", "images, charts, none"), ("publisher", "CML", "github, cml")],
)
def test_a_word_that_means_nothing_is_refused(name: str, value: str, allowed: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(UsageError) as caught:
        publish.Wanted(**given)
    assert caught.value.message == f"`{name}` is {value!r}."
    assert caught.value.hint == f"Allowed: {allowed}."


def fetched(url: str) -> bytes:
    with urlopen(url) as answer:
        content: bytes = answer.read()
        return content


def _visible(body: str) -> str:
    return "\n".join(line for line in body.splitlines() if not line.startswith("<!--"))
