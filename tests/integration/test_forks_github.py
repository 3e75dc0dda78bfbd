"""What a fork's run left, published on a GitHub API: whatever it is, what is posted is harmless."""

from __future__ import annotations

import io
import itertools
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from assay.ci import DEFAULT_KEY, CiContext
from assay.console import Console
from assay.errors import ForgeError, UsageError
from assay.forks import artifact
from assay.forks.identity import Given
from assay.forks.run import Here, Options, run
from assay.section import Status
from assay.stages import report as reporting
from assay.verdict import decide

from tests import evidence_records, records
from tests.fakes.github_api import GitHubApi, Pull, Repository, State, Token
from tests.posting import post

if TYPE_CHECKING:
    from pathlib import Path

    from assay.context import Context
    from assay.forge import Posted
    from assay.forge.comment import Run
    from assay.record import RunRecord

    from tests.fakes.github_api import Comment, WorkflowRun

REPO, FORK, NUMBER, BOT = "acme/bikes", "mallory/bikes", 7, "github-actions[bot]"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
HEAD, BRANCH = records.HEAD, "deeper-trees"
RULES = "metrics:\n  f1: {min: 0.6, max_regression: 0.01}\n  roc_auc: {min: 0.85}\n"
PERMISSIONS = {"pull_requests": "write", "actions": "read", "contents": "read"}
HOSTILE = (
    " | @team #12 <img src=x onerror=alert(1)> <script>alert(2)</script> [x](javascript:3) "
    "```\n# Approved\n<!-- assay:report key=other -->\n<!-- assay:shown "
    f"{'c' * 40}@ --> ::error::forged ##[error]forged </details> https://evil.example/x.svg"
)


@dataclass
class World:
    """A pull request from a fork, whose check has run."""

    api: GitHubApi
    folder: Path
    run: WorkflowRun
    base: str

    @property
    def repository(self) -> Repository:
        return self.api.state.repositories[REPO]

    @property
    def comments(self) -> list[Comment]:
        return self.repository.comments

    def leaves(self, record: RunRecord | bytes, name: str = "assay-report", **more: Any) -> None:
        """Let the run upload a record."""
        content = record if isinstance(record, bytes) else record.to_json().encode()
        self.api.state.artifact(self.run, name, {"record.json": content, "report.md": b""}, **more)

    def here(self, **environ: str) -> Here:
        ci = CiContext(
            host="github",
            event="workflow_run",
            repository=REPO,
            api_url=self.api.url,
            workflow="Model report",
        )
        given = {"GITHUB_TOKEN": SECRET, "RUNNER_TEMP": str(self.folder), **environ}
        given["GITHUB_OUTPUT"] = str(self.folder / "output")
        given["GITHUB_STEP_SUMMARY"] = str(self.folder / "summary")
        return Here(ci, given, Console(github=True, out=io.StringIO()), show)

    def comment(self, **options: Any) -> tuple[str, tuple[Posted, ...]]:
        """Run the second workflow's step; what it logs, and what it posted."""
        here = self.here()
        posted = run(here, {"workflow_run": {"id": self.run.id}}, Options(**options))
        assert isinstance(here.console.out, io.StringIO)
        return here.console.out.getvalue(), posted

    def posts(self, **options: Any) -> str:
        """The one comment on the one pull request, harmless."""
        log, posted = self.comment(**options)
        (comment,) = self.comments
        assert [one.url for one in posted] == [
            f"https://github.com/{REPO}/pull/{NUMBER}#issuecomment-{comment.id}"
        ]
        assert (comment.number, comment.author) == (NUMBER, BOT)
        assert SECRET not in log + comment.body
        check_harmless(comment.body)
        return comment.body


def show(context: Context, found_by: Run) -> Posted:
    formats = [name for name in reporting.FORMATS if name != "terminal"]
    files = reporting.run(context, formats=formats)
    return post(context, files, found_by)


def check_harmless(body: str) -> None:
    """Nothing in a comment is alive that a record put there."""
    assert body.startswith("<!-- assay:report key=default -->\n")
    lines = body.splitlines()
    hidden = list(itertools.takewhile(lambda line: line.startswith("<!-- "), lines))
    assert "key=other" not in "".join(hidden)
    assert "c" * 40 not in "".join(hidden)
    # What is code is left alone by GitHub; the rest must hold no tag, mention or marker of theirs.
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", "\n".join(lines[len(hidden) :]))
    assert not re.search(r"@team|<(img|script|svg|iframe)|<!-- assay:", text)
    assert not re.search(r"\]\((?!https://github\.com/|#)", text)
    assert "https://evil" not in text
    assert "\n# Approved" not in body
    assert body.count("<details") == body.count("</details>")


@pytest.fixture
def world(server: GitHubApi, tmp_path: Path) -> World:
    state = State(tokens={SECRET: Token(BOT, "app", dict(PERMISSIONS))})  # type: ignore[arg-type]
    state.repositories = {REPO: Repository(id=1), FORK: Repository(id=2)}
    server.state = state
    base = state.commit(REPO, {"assay.yaml": RULES.encode()})
    state.repositories[REPO].pulls[NUMBER] = Pull(
        HEAD, BRANCH, base_sha=base, head_repository=FORK, author="mallory"
    )
    found = state.run(
        REPO, HEAD, head_branch=BRANCH, head_repository=FORK, actor="mallory", conclusion="success"
    )
    return World(server, tmp_path, found, base)


def honest(world: World, record: RunRecord | None = None) -> RunRecord:
    record = record or records.good()
    ci = record.ci.model_copy(update={"from_fork": True, "base_sha": world.base})
    evaluate, compare = record.evaluate, record.compare
    if evaluate is not None and evaluate.base is not None and compare is not None:
        # Base's numbers too, which the records of other tests leave to the comparison.
        then = {metric.name: metric.base for metric in compare.metrics}
        metrics = tuple(
            metric.model_copy(update={"value": then[metric.name]})
            for metric in (evaluate.head.metrics if evaluate.head else ())
            if then.get(metric.name) is not None
        )
        base = evaluate.base.model_copy(update={"metrics": metrics})
        record = record.with_section("evaluate", evaluate.model_copy(update={"base": base}))
    return record.model_copy(update={"ci": ci})


def test_an_honest_report_of_a_fork_is_posted(world: World) -> None:
    world.leaves(honest(world))
    body = world.posts()
    assert "0.6634" in body
    assert "contradict" not in body.lower()
    outputs = (world.folder / "output").read_text()
    assert re.search(r"^pull-request<<(\w+)\n7\n\1$|^pull-request=7$", outputs, re.MULTILINE)
    assert "comment-url" in outputs
    assert "0.6634" in (world.folder / "summary").read_text()
    calls = [call for call in world.api.state.calls() if "/storage/" not in call]
    assert len(calls) <= 9, calls
    assert not any(logged.token_outside_header for logged in world.api.state.requests)


def forged(world: World, **update: Any) -> RunRecord:
    return honest(world).model_copy(update=update)


def other_pull(world: World) -> RunRecord:
    world.repository.pulls[1] = Pull("d" * 40)
    record = honest(world)
    return forged(world, ci=record.ci.model_copy(update={"pull_request": 1}))


def other_repository(world: World) -> RunRecord:
    world.api.state.repositories["acme/secrets"] = Repository(id=9, pulls={NUMBER: Pull(HEAD)})
    record = honest(world)
    update = {"repository": "acme/secrets", "api_url": "https://evil.example"}
    return forged(world, ci=record.ci.model_copy(update=update))


def not_from_a_fork(world: World) -> RunRecord:
    record = honest(world)
    return forged(world, ci=record.ci.model_copy(update={"from_fork": False}))


def forged_verdict(world: World) -> RunRecord:
    """Gates that passed, over numbers that fall below base's bounds."""
    record = honest(world)
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    metrics = tuple(
        m.model_copy(update={"value": 0.41}) if m.name == "f1" else m
        for m in record.evaluate.head.metrics
    )
    head = record.evaluate.head.model_copy(update={"metrics": metrics})
    return record.with_section("evaluate", record.evaluate.model_copy(update={"head": head}))


def forged_status(world: World) -> RunRecord:
    test = records.failed_checks().test
    assert test is not None
    update = {"status": Status.PASS, "exit_code": 0, "reasons": ()}
    return forged(world, test=test.model_copy(update=update))


def forged_acceptance(world: World) -> RunRecord:
    return forged_verdict(world).model_copy(update={"overrides": records.accepted().overrides})


def other_report(world: World) -> RunRecord:
    title = "<!-- assay:report key=other -->"
    return forged(world, comment_key="other", title=title, project=title)


def other_rules(world: World) -> RunRecord:
    record = forged_verdict(world)
    return record.model_copy(update={"config": records.no_gate().config})


def text_everywhere(world: World) -> RunRecord:
    return honest(world, evidence_records.sure(HOSTILE))


@pytest.mark.parametrize(
    ("forge", "outcome", "said"),
    [
        (other_pull, "pass", "In the record the pull request is `1`; it is `7`"),
        (other_repository, "pass", "In the record the repository is `acme/secrets`"),
        (not_from_a_fork, "pass", "says that it is not from a fork, and it is"),
        (forged_verdict, "fail", "By its own record this run is `pass`"),
        (forged_status, "fail", "calls `test` `pass`, and holds tests that failed"),
        (forged_acceptance, "fail", "accepted `metrics.f1.min: 0.6`; GitHub does not"),
        (other_report, "pass", "was made for the report"),
        (other_rules, "fail", "changes the rules in `assay.yaml`"),
        (text_everywhere, "pass", ""),
    ],
)
def test_a_forged_record(world: World, forge: Any, outcome: str, said: str) -> None:
    world.leaves(forge(world))
    body = world.posts()
    assert said.split("`", maxsplit=1)[0] in body
    document = json.loads(next(world.folder.glob("*/.assay/report.json")).read_text())
    assert document["verdict"]["outcome"] == outcome, document["verdict"]
    assert said in "\n".join(document["provenance"]["differences"])
    assert document["overrides"] == []
    assert document["comment_key"] == DEFAULT_KEY


UNUSABLE: dict[str, tuple[Any, str]] = {
    "a bomb": ({"record.json": bytes(artifact.LIMIT * 5)}, "more than 10 MB"),
    "a path that climbs": ({"../record.json": b"{}", "record.json": b"{}"}, "leads out of it"),
    "no zip": (b"<html>", "no archive"),
    "no record": ({"report.md": b"# Approved"}, "holds no record"),
    "no JSON": ({"record.json": b"# Approved @team"}, "no JSON"),
    "NaN": ({"record.json": b'{"created": NaN}'}, "no number"),
    "another version": ({"record.json": b'{"format": 9}'}, "cannot be read by Assay"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_artifact_that_cannot_be_used_is_said_to_be(world: World, name: str) -> None:
    content, said = UNUSABLE[name]
    if isinstance(content, bytes):
        world.api.state.artifact(world.run, "assay-report", zip_bytes=content)
    else:
        world.api.state.artifact(world.run, "assay-report", content)
    assert said in world.posts()


def test_a_record_of_another_commit_is_not_shown(world: World) -> None:
    record = honest(world)
    ci = record.ci.model_copy(update={"head_sha": "d" * 40})
    world.leaves(record.model_copy(update={"ci": ci}))
    body = world.posts()
    assert "is of another commit" in body
    assert "0.6634" not in body


def test_no_artifact_an_expired_one_or_one_of_another_name(world: World) -> None:
    world.leaves(honest(world), name="assay-report-2")
    assert "left no report" in world.posts()
    world.leaves(honest(world), expired=True)
    assert "has expired" in world.posts()
    world.leaves(honest(world))
    assert "0.6634" in world.posts()


def test_of_two_records_the_newer_counts_and_the_comment_stays_one(world: World) -> None:
    world.leaves(honest(world, records.first_run()))
    assert "0.6512" not in world.posts()
    world.leaves(honest(world))
    assert "0.6512" in world.posts()


def test_an_svg_with_a_script_is_never_opened(world: World) -> None:
    from assay.plots import DeclaredPlot

    record = honest(world)
    assert record.evaluate is not None
    plot = DeclaredPlot(name="x", kind="image", file="plots/x.svg", revision="head")
    evaluate = record.evaluate.model_copy(update={"plots": (plot,)})
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    files = {
        "record.json": record.with_section("evaluate", evaluate).to_json().encode(),
        "plots/x.svg": svg,
    }
    world.api.state.artifact(world.run, "assay-report", files)
    body = world.posts()
    page = next(world.folder.glob("*/.assay/report.html")).read_text()
    assert "not shown: plots that" in body
    assert "alert(1)" not in page + body


def fails(*_: object) -> Any:
    message = "a number of another world"
    raise ZeroDivisionError(message)


def test_numbers_that_cannot_be_judged_are_an_error_and_not_a_crash(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.forks.recompute.judged", fails)
    world.leaves(honest(world))
    assert "The record cannot be judged: `ZeroDivisionError`" in world.posts()


def test_numbers_that_cannot_be_drawn_are_an_error_and_not_a_crash(world: World) -> None:
    world.leaves(honest(world))

    def once(context: Context, found_by: Run) -> Posted:
        return fails() if context.record.evaluate else show(context, found_by)

    event = {"workflow_run": {"id": world.run.id}}
    assert len(run(replace(world.here(), show=once), event, Options())) == 1
    (comment,) = world.comments
    assert "The record cannot be drawn: `ZeroDivisionError`" in comment.body
    assert "0.6634" not in comment.body


def test_a_run_of_a_repository_s_own_branch_has_posted_itself(world: World) -> None:
    world.repository.pulls[NUMBER].head_repository = None
    world.run.head_repository = None
    world.leaves(honest(world))
    log, posted = world.comment()
    assert posted == ()
    assert "posts its report itself" in log
    assert world.comments == []
    world.run.actor = "dependabot[bot]"
    assert len(world.comment()[1]) == 1
    world.run.actor = "octocat"
    assert len(world.comment(pull_requests="all")[1]) == 1
    assert len(world.comments) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"conclusion": "cancelled"}, "it was cancelled"),
        ({"conclusion": "action_required"}, "waits for somebody"),
        ({"event": "push"}, "started by `push`"),
        ({"head_branch": "another"}, "no open pull request"),
    ],
)
def test_a_run_that_there_is_nothing_to_post_for(
    world: World, change: dict[str, Any], said: str
) -> None:
    world.leaves(honest(world))
    for name, value in change.items():
        setattr(world.run, name, value)
    log, posted = world.comment()
    assert (posted, world.comments) == ((), [])
    assert said in log


def test_a_pull_request_that_is_closed_or_moved_on_gets_nothing(world: World) -> None:
    world.leaves(honest(world))
    world.repository.pulls[NUMBER].head_sha = "d" * 40
    assert "is at ddddddd by now" in world.comment()[0]
    world.repository.pulls[NUMBER].state = "closed"
    assert "no open pull request" in world.comment()[0]
    assert world.comments == []


def test_one_branch_into_two_others_gets_two_reports(world: World) -> None:
    strict = world.api.state.commit(REPO, {"assay.yaml": b"metrics: {f1: {min: 0.99}}"})
    pulls = world.repository.pulls
    pulls[9] = replace(pulls[NUMBER], base_ref="v1", base_sha=strict)
    world.leaves(honest(world))
    _, posted = world.comment()
    assert len(posted) == 2
    first, second = sorted(world.comments, key=lambda comment: comment.number)
    assert (first.number, second.number) == (7, 9)
    assert "several pull requests" in first.body
    assert "0.99" in second.body
    assert "below its minimum" in second.body


@pytest.mark.parametrize(("number", "base_ref"), [(3, "attic"), (9, "attic")])
def test_a_second_pull_request_into_a_branch_without_rules_has_not_the_last_word(
    world: World, number: int, base_ref: str
) -> None:
    # Statuses and check runs are the commit's: the last report on it says what they are.
    bare = world.api.state.commit(REPO, {"README.md": b"no rules"})
    pulls = world.repository.pulls
    pulls[number] = replace(pulls[NUMBER], base_ref=base_ref, base_sha=bare)
    world.leaves(forged_verdict(world))
    shown: list[tuple[int | None, str]] = []

    def told(context: Context, found_by: Run) -> Posted:
        shown.append((context.ci.pull_request, decide(context.record).outcome))
        return show(context, found_by)

    run(replace(world.here(), show=told), {"workflow_run": {"id": world.run.id}}, Options())
    assert shown == [(number, "no gate"), (NUMBER, "fail")]
    assert f"pull/{NUMBER}#" in (world.folder / "output").read_text().splitlines()[-2]


def test_what_breaks_the_reader_of_archives_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.forks.artifact.record", fails)
    world.leaves(honest(world))
    assert "The record cannot be read: `ZeroDivisionError`" in world.posts()


def test_rules_of_base_that_cannot_be_read(world: World) -> None:
    broken = world.api.state.commit(REPO, {"assay.yaml": b"metrics: [@team"})
    world.repository.pulls[NUMBER].base_sha = broken
    world.leaves(honest(world))
    assert "rules of base cannot be read" in world.posts()


def test_the_project_s_folder_and_title_are_the_trusted_workflow_s(world: World) -> None:
    rules = b"report: {title: Bikes}\nmetrics: {f1: {min: 0.1}}\n"
    base = world.api.state.commit(REPO, {"models/bikes/ci.yaml": rules})
    world.repository.pulls[NUMBER].base_sha = base
    world.leaves(honest(world).model_copy(update={"project": "models/bikes/", "title": "Evil"}))
    body = world.posts(given=Given(project="models/bikes", config="ci.yaml"))
    assert "Bikes" in body
    assert "Evil" not in body


def test_a_maintainer_s_acceptance_counts_on_a_fork(world: World) -> None:
    world.repository.roles = {"anna": "write"}
    world.leaves(forged_verdict(world))
    world.posts()
    for gate in ("metrics.f1.min", "metrics.f1.max_regression"):
        text = f"/assay accept {gate} for {HEAD} because the new labels are stricter"
        world.api.state.comment(REPO, NUMBER, author="anna", body=text)
        world.api.state.comment(REPO, NUMBER, author="mallory", body=text)
    world.comment()
    assert "the new labels are stricter" in world.comments[0].body
    files = sorted(world.folder.glob("*/.assay/report.json"), key=lambda path: path.stat().st_mtime)
    document = json.loads(files[-1].read_text())
    assert document["verdict"]["outcome"] == "warn"
    assert {word["who"] for word in document["overrides"] if not word["refused"]} == {"anna"}


def test_what_keeps_us_from_posting_is_an_error_of_ours(world: World) -> None:
    world.leaves(honest(world))
    world.api.state.tokens[SECRET].permissions["pull_requests"] = "read"
    with pytest.raises(ForgeError, match="pull-requests: write") as caught:
        world.comment()
    assert caught.value.exit_code == 3
    del world.api.state.tokens[SECRET].permissions["actions"]
    world.repository.private = True
    with pytest.raises(ForgeError, match="actions"):
        world.comment()


def test_inputs_that_are_wrong(world: World) -> None:
    with pytest.raises(UsageError, match="`pull-requests` is 'some'"):
        world.comment(pull_requests="some")
    with pytest.raises(UsageError, match="Only a run of GitHub Actions"):
        run(replace(world.here(), ci=CiContext()), {"workflow_run": {"id": 1}}, Options())
