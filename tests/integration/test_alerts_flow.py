"""An alarm from its first window to its end: what GitHub and the webhook are told, how often."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from assay import ci
from assay.configmonitor import AlertsSpec
from assay.report import monitorpage, pictures
from assay.section import Status
from assay.stages import alert

from tests import alerts_sections as sections
from tests.alerts_hook import Hook, serving
from tests.alerts_sections import odd, question
from tests.builders import make_context, printed
from tests.fakes.github_api import GitHubApi, Repository, State, workflow_token
from tests.prometheus_section import drifting, section, window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context
    from assay.monitor.watched import MonitorSection
    from assay.section import Reason

REPO = "acme/bikes"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
RIGHTS = dict.fromkeys(["contents", "issues"], "write")


@pytest.fixture(scope="module")
def server() -> Iterator[GitHubApi]:
    with GitHubApi(State()) as running:
        yield running


@dataclass
class Site:
    """A project whose watch runs again and again, each time on a runner that remembers nothing."""

    github: GitHubApi
    hook: Hook
    folder: Path
    token: bool = True
    actions: bool = True
    runs: int = 0
    contexts: list[Context] = field(default_factory=list)

    @property
    def held(self) -> Repository:
        return self.github.state.repositories[REPO]

    def tell(self, found: MonitorSection, *, fresh: bool = True, **spec: Any) -> tuple[Reason, ...]:
        """One run; what could not be told."""
        self.runs += fresh
        root = self.folder / str(self.runs)
        root.mkdir(exist_ok=True)
        environ = {
            "PATH": os.environ["PATH"],
            "GITHUB_API_URL": self.github.url,
            "GITHUB_STEP_SUMMARY": str(root / "summary.md"),
            "HOOK": f"{self.hook.url}/services/T0/{SECRET}",
        }
        environ |= {"GITHUB_REPOSITORY": REPO} | ({"GITHUB_TOKEN": SECRET} if self.token else {})
        environ |= {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "7"} if self.actions else {}
        context = replace(make_context(root, environ=environ), ci=ci.detect(environ))
        self.contexts.append(context)
        if not (root / ".git").exists():
            context.workspace.git.run("init", "--quiet")
        warnings = alert.tell(context, found, AlertsSpec(**spec))
        said = printed(context) + repr(warnings) + (root / "summary.md").read_text()
        assert SECRET not in said
        return warnings

    @property
    def root(self) -> Path:
        return self.folder / str(self.runs)

    @property
    def events(self) -> list[str]:
        """What the webhook was told, as JSON documents."""
        return [document["event"] for _, _, document in self.hook.got]

    @property
    def writes(self) -> list[str]:
        """What was asked of GitHub beside reading."""
        asked = self.github.state.requests
        return [f"{one.method} {one.path}" for one in asked if one.method != "GET"]


@pytest.fixture
def site(server: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    server.state = State(
        tokens={SECRET: workflow_token(**RIGHTS)}, repositories={REPO: Repository(id=7)}
    )
    server.state.commit(REPO, {"a": b"1"})
    monkeypatch.setattr("time.sleep", lambda _: None)
    # Pictures take longer than all else: one test draws them.
    monkeypatch.setattr(pictures, "of_charts", lambda _: ())
    with serving(Hook()) as hook:
        yield Site(server, hook, tmp_path)
    assert not [logged for logged in server.state.requests if logged.token_outside_header]


WITH_HOOK = {"webhook": "HOOK", "format": "json"}


def worse() -> MonitorSection:
    """The alarm of `drifting`, and the metric is worse, too."""
    return sections.moved(odd(1), odd(asked=[question()]))


class TestIssue:
    def test_a_quiet_watch_tells_nobody(self, site: Site) -> None:
        assert site.tell(section(), **WITH_HOOK) == ()
        assert site.tell(sections.once(), **WITH_HOOK) == ()
        assert site.tell(sections.empty(), **WITH_HOOK) == ()
        assert site.held.issues == {}
        assert site.events == []
        assert site.writes == []

    def test_an_alarm_is_told_once(self, site: Site) -> None:
        for _ in range(3):
            assert site.tell(drifting(), **WITH_HOOK) == ()
        (issue,) = site.held.issues.values()
        assert issue.title == "peak-hour in production: drift of temperature"
        assert (issue.state, issue.labels) == ("open", ["assay-monitor"])
        assert "🔴 peak-hour v1.3.0" in issue.body
        assert site.held.comments == []
        assert site.events == ["starts"]
        # Opened, and once more for what the webhook was told.
        assert site.writes == [f"POST /repos/{REPO}/issues", f"PATCH /repos/{REPO}/issues/1"]

    def test_it_is_brought_up_to_date_in_place(self, site: Site) -> None:
        site.tell(drifting())
        site.tell(sections.moved(odd(2), odd(1), window()))
        (issue,) = site.held.issues.values()
        assert "The newest window, 2026-11-23, is quiet." in issue.body
        assert site.held.comments == []

    def test_another_cause_is_a_comment_once(self, site: Site) -> None:
        site.tell(drifting(), **WITH_HOOK)
        for _ in range(2):
            site.tell(worse(), **WITH_HOOK)
        site.tell(drifting(), **WITH_HOOK)
        site.tell(worse(), **WITH_HOOK)
        (comment,) = site.held.comments
        assert "- ROC AUC got worse: 0.1500" in comment.body
        assert "temperature" not in comment.body
        assert site.held.issues[1].title.endswith("ROC AUC got worse; drift of temperature")
        assert site.events == ["starts", "changes"]
        told = site.hook.got[1][2]
        assert [(one["name"], one["new"]) for one in told["causes"]] == [
            ("roc_auc", True),
            ("temperature", False),
        ]

    def test_it_is_closed_with_a_last_word(self, site: Site) -> None:
        site.tell(drifting(), **WITH_HOOK)
        for _ in range(2):
            site.tell(section(), **WITH_HOOK)
        assert site.held.issues[1].state == "closed"
        assert "✅ peak-hour" in site.held.issues[1].body
        (comment,) = site.held.comments
        assert "✅ The alarm is over" in comment.body
        assert "It began 2026-11-22" in comment.body
        assert site.events == ["starts", "ends"]

    def test_a_stranger_who_foresees_a_comment_keeps_nobody_from_being_told(
        self, site: Site
    ) -> None:
        for _ in range(2):
            site.held.issues.clear()
            site.tell(drifting())
            site.tell(section())
            site.held.comments[0].author = "mallory"  # the same words, before us
        assert [one.author for one in site.held.comments] == ["mallory", "github-actions[bot]"]

    def test_a_window_without_rows_ends_nothing(self, site: Site) -> None:
        site.tell(drifting(), **WITH_HOOK)
        site.tell(sections.empty(), **WITH_HOOK)
        assert site.held.issues[1].state == "open"
        assert site.held.issues[1].title.endswith("drift of temperature")
        assert "❔" in site.held.issues[1].body
        site.tell(drifting(), **WITH_HOOK)
        assert site.held.comments == []
        assert site.events == ["starts"]

    def test_the_next_alarm_opens_it_again(self, site: Site) -> None:
        for _ in range(2):
            site.tell(drifting(), **WITH_HOOK)
            site.tell(section(), **WITH_HOOK)
        later = drifting().model_copy(update={"windows": (odd(-1), odd(-2))})
        site.tell(later, **WITH_HOOK)
        assert list(site.held.issues) == [1]
        assert site.held.issues[1].state == "open"
        assert "A new alarm." in site.held.comments[-1].body
        assert site.events == ["starts", "ends"] * 2 + ["starts"]

    def test_who_closes_it_is_left_in_peace_until_the_next_alarm(self, site: Site) -> None:
        site.tell(drifting())
        site.held.issues[1].state = "closed"
        site.tell(worse())
        site.tell(drifting())
        assert site.held.issues[1].state == "closed"
        assert site.held.comments == []
        assert len(site.held.issues) == 1
        site.tell(section())
        assert (site.held.issues[1].state, site.held.comments) == ("closed", [])
        site.tell(drifting())
        assert site.held.issues[1].state == "open"
        assert len(site.held.comments) == 1

    def test_other_environments_have_their_own(self, site: Site) -> None:
        site.tell(drifting())
        site.tell(drifting(environment="staging"))
        site.tell(drifting(environment=None))
        assert len(site.held.issues) == 3

    def test_a_new_version_ends_the_alarm_of_the_one_before(self, site: Site) -> None:
        site.tell(drifting())
        site.tell(section(version="v1.4.0"))
        assert site.held.issues[1].state == "closed"

    def test_a_broken_contract_is_told_at_once(self, site: Site) -> None:
        site.tell(sections.contract(), **WITH_HOOK)
        assert "the column humidity is gone" in site.held.issues[1].title
        told = site.hook.got[0][2]
        assert (told["outcome"], told["causes"][0]["problem"]) == ("contract broken", "gone")

    def test_what_a_person_wrote_into_its_memory_is_no_memory(self, site: Site) -> None:
        site.tell(drifting())
        issue = site.held.issues[1]
        issue.body = issue.body.replace("assay:told %7B", "assay:told nonsense")
        assert site.tell(drifting()) == ()
        assert len(site.held.issues) == 1
        assert len(site.held.comments) == 1

    def test_hostile_names_do_nothing(self, site: Site) -> None:
        assert site.tell(sections.hostile(), **WITH_HOOK) == ()
        site.tell(sections.hostile(), **WITH_HOOK)
        assert len(site.held.issues) == 1
        body = site.held.issues[1].body
        assert "<script" not in body
        assert body.partition("\n\n")[0].count("\n") == 2

    def test_it_shows_pictures(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        for _ in range(2):
            assert site.tell(drifting()) == ()
        body = site.held.issues[1].body
        assert body.count("<picture>") == 2
        assert len([one for one in site.writes if one.endswith("/git/blobs")]) == 4

    def test_without_the_right_to_store_pictures_it_has_none(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        site.github.state.tokens[SECRET] = workflow_token(issues="write")
        assert site.tell(drifting()) == ()
        assert "<picture>" not in site.held.issues[1].body
        assert "The issue has no pictures" in printed(site.contexts[-1])

    def test_an_older_window_is_no_news(self, site: Site) -> None:
        site.tell(drifting(), **WITH_HOOK)
        site.tell(section([window(9)]), **WITH_HOOK)
        assert site.held.issues[1].state == "open"
        assert "people know of a newer window" in printed(site.contexts[-1])
        assert site.events == ["starts"]


class TestWhatFails:
    def test_a_token_that_may_not_is_a_warning(self, site: Site) -> None:
        site.github.state.tokens[SECRET] = workflow_token(issues="read")
        (warning,) = site.tell(drifting(), **WITH_HOOK)
        assert warning.severity == "warning"
        assert "issues: write" in (warning.hint or "")
        assert site.events == ["starts"]
        assert drifting().status is Status.FAIL

    @pytest.mark.parametrize("status", [500, 403])
    def test_github_down_is_a_warning_and_told_the_next_time(self, site: Site, status: int) -> None:
        site.github.state.fail(status, times=50)
        (warning,) = site.tell(drifting())
        assert "The issue" in warning.message
        site.github.state.failures.clear()
        assert site.tell(drifting()) == ()
        assert len(site.held.issues) == 1

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("path", ["/issues", "/comments"])
    def test_an_answer_that_got_lost_tells_nothing_twice(
        self, site: Site, path: str, after: bool
    ) -> None:
        if path == "/comments":
            site.tell(drifting())
        site.github.state.fail(502, method="POST", path=path, after=after)
        assert site.tell(worse()) == ()
        assert len(site.held.issues) == 1
        assert len(site.held.comments) == (path == "/comments")

    def test_a_comment_whose_memory_was_not_kept_is_not_said_again(self, site: Site) -> None:
        site.tell(drifting())
        site.github.state.fail(422, method="PATCH", path="/issues/1")
        assert len(site.tell(worse())) == 1
        assert site.tell(worse()) == ()
        assert len(site.held.comments) == 1

    def test_issues_that_are_switched_off(self, site: Site) -> None:
        site.held.has_issues = False
        (warning,) = site.tell(drifting())
        assert "Features" in (warning.hint or "")

    def test_a_summary_that_cannot_be_written(self, site: Site, tmp_path: Path) -> None:
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "summary.md").mkdir()
        with pytest.raises(IsADirectoryError):  # of the test's own look at it
            site.tell(section())
        assert (site.root / ".assay" / monitorpage.FILE).is_file()


class TestWebhook:
    def test_one_that_fails_is_told_the_next_time(self, site: Site) -> None:
        site.hook.statuses = [503]
        (warning,) = site.tell(drifting(), **WITH_HOOK)
        assert "The webhook was not told: the webhook in HOOK answered 503" in warning.message
        site.hook.statuses, site.hook.got[:] = [200], []
        assert site.tell(drifting(), **WITH_HOOK) == ()
        assert site.tell(drifting(), **WITH_HOOK) == ()
        assert site.events == ["starts"]
        assert len(site.held.issues) == 1

    def test_an_end_that_it_did_not_hear_is_told_again(self, site: Site) -> None:
        site.tell(drifting(), **WITH_HOOK)
        site.hook.statuses = [400]
        assert len(site.tell(section(), **WITH_HOOK)) == 1
        assert site.held.issues[1].state == "closed"
        site.hook.statuses, site.hook.got[:] = [200], []
        assert site.tell(section(), **WITH_HOOK) == ()
        assert site.tell(section(), **WITH_HOOK) == ()
        assert site.events == ["ends"]
        assert len(site.held.comments) == 1

    def test_it_links_to_the_issue(self, site: Site) -> None:
        site.tell(drifting(), webhook="HOOK")
        text = site.hook.got[0][2]["text"]
        assert "/acme/bikes/issues/1|issue>" in text
        assert "actions/runs/7|run>" in text

    def test_without_an_address(self, site: Site) -> None:
        (warning,) = site.tell(drifting(), webhook="NOWHERE")
        assert "NOWHERE" in warning.message
        assert len(site.held.issues) == 1


class TestElsewhere:
    def test_on_a_laptop_a_file_remembers(self, site: Site) -> None:
        site.token, site.actions, site.runs = False, False, 1
        for _ in range(2):
            assert site.tell(drifting(), fresh=False, **WITH_HOOK) == ()
        assert "Nobody is told at GitHub" in printed(site.contexts[-1])
        assert site.tell(section(), fresh=False, **WITH_HOOK) == ()
        assert site.events == ["starts", "ends"]
        assert (site.root / ".assay" / alert.FILE).is_file()
        assert site.writes == []

    def test_a_laptop_with_a_token_posts_nothing(self, site: Site) -> None:
        site.tell(drifting())
        site.actions = False
        site.tell(section())
        assert site.held.issues[1].state == "open"
        site.tell(drifting())
        assert "this is no job of a workflow" in printed(site.contexts[-1])

    def test_a_broken_file_is_no_memory(self, site: Site) -> None:
        site.token, site.actions, site.runs = False, False, 1
        site.tell(drifting(), fresh=False, **WITH_HOOK)
        (site.root / ".assay" / alert.FILE).write_text("{half")
        site.tell(drifting(), fresh=False, **WITH_HOOK)
        assert site.events == ["starts", "starts"]

    def test_a_runner_without_issues_goes_by_the_windows(self, site: Site) -> None:
        quiet, days = window(3), [odd(2), odd(1), odd()]
        for upto in (2, 3, 4):
            site.tell(sections.moved(*[quiet, *days][:upto]), issue=False, **WITH_HOOK)
        assert site.events == ["starts"]
        assert site.held.issues == {}

    def test_the_page_and_the_summary_are_always_there(self, site: Site) -> None:
        site.tell(section(), issue=False)
        assert "quiet" in (site.root / "summary.md").read_text(encoding="utf-8")
        page = (site.root / ".assay" / monitorpage.FILE).read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")

    def test_prometheus_gets_its_figures(self, site: Site) -> None:
        spec = {"prometheus": {"textfile": "assay.prom"}}
        assert site.tell(drifting(), **spec) == ()
        assert "assay_monitor_" in (site.root / "assay.prom").read_text(encoding="utf-8")
        (warning,) = site.tell(drifting(), prometheus={"textfile": "no/assay.prom"})
        assert warning.severity == "warning"
