"""Check runs and commit statuses against a GitHub API that keeps GitHub's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.errors import ForgeError
from assay.forge import checks, statuses
from assay.forge.transport import Api
from assay.report import check, places
from assay.report.check import Annotation, CheckRun
from assay.section import Reason
from assay.verdict import decide

from tests import records
from tests.asking import REPO, SECRET, connection, serving
from tests.fakes.github_api import GitHubApi, Pull, Token, workflow_token

if TYPE_CHECKING:
    from collections.abc import Iterator

SHA = records.HEAD


@pytest.fixture
def github(server: GitHubApi) -> Iterator[GitHubApi]:
    token = workflow_token("read", checks="write", statuses="write")
    with serving(server, token, pulls={7: Pull(head_sha=SHA)}) as github:
        yield github


@pytest.fixture
def api(github: GitHubApi) -> Iterator[Api]:
    with connection(github, f"the checks of {REPO}") as made:
        yield made


def verbs(github: GitHubApi) -> list[str]:
    return [logged.method for logged in github.state.requests]


def run_with(count: int, **given: object) -> CheckRun:
    notes = tuple(
        Annotation(
            path="params.yaml",
            start_line=line,
            end_line=line,
            level="notice",
            title="Comparison",
            message=f"line {line}\nof many ",
        )
        for line in range(1, count + 1)
    )
    record = records.good()
    run = check.of(record, decide(record), report=lambda _: "### Passed\n<details>x</details>")
    return CheckRun(**{**vars(run), "annotations": notes, **given})


def publish(api: Api, run: CheckRun) -> str:
    return checks.publish(api, REPO, run, SHA, sleep=lambda _: None)


def test_a_run_of_a_real_record_is_accepted_and_brought_up_to_date(
    github: GitHubApi, api: Api
) -> None:
    files = {"params.yaml": b"train:\n  max_depth: 8\nfeatures:\n  lags: [1, 24]\n"}
    for record in (records.regression_of_a_metric(), records.regression_of_a_metric()):
        run = check.of(record, decide(record), reasons=places.of(record, files.get))
        url = publish(api, run)
    (made,) = github.state.repositories[REPO].check_runs
    assert url.endswith(f"/acme/bikes/runs/{made.id}")
    assert made.fields["conclusion"] == "failure"
    assert made.fields["status"] == "completed"
    places_of = [(one["path"], one["start_line"]) for one in made.annotations]
    assert places_of == [("assay.yaml", 9), ("params.yaml", 2), ("params.yaml", 4)]
    assert made.output["summary"].startswith("### ❌")
    assert verbs(github) == ["GET", "POST", "GET", "GET", "PATCH"]


def test_annotations_in_batches_over_pages(github: GitHubApi, api: Api) -> None:
    publish(api, run_with(120))
    publish(api, run_with(150))
    (made,) = github.state.repositories[REPO].check_runs
    assert [one["start_line"] for one in made.annotations] == list(range(1, 151))
    assert verbs(github) == ["GET", "POST", "PATCH", "PATCH", "GET", "GET", "GET", "PATCH"]


def test_a_failure_that_is_no_longer_so_is_on_no_line_of_the_newest(
    github: GitHubApi, api: Api
) -> None:
    publish(api, run_with(2, conclusion="failure"))
    publish(api, run_with(0))
    first, second = github.state.repositories[REPO].check_runs
    assert (len(first.annotations), len(second.annotations)) == (2, 0)
    assert second.fields["conclusion"] == "success"


def test_reports_with_one_title_and_two_keys_do_not_collide(github: GitHubApi, api: Api) -> None:
    for _ in range(2):
        for key in ("assay/a", "assay/b"):
            publish(api, run_with(0, external_id=key))
    runs = github.state.repositories[REPO].check_runs
    assert [run.fields["external_id"] for run in runs] == ["assay/a", "assay/b"]


def test_the_largest_run_there_can_be(github: GitHubApi, api: Api) -> None:
    record = records.regression_of_a_metric()
    said = "→" * 500_000
    reasons = [Reason(message=f"{i}{said}", file="a.py", line=i, hint=said) for i in range(1, 60)]
    run = check.of(
        record,
        decide(record).model_copy(update={"headline": said}),
        reasons=reasons,
        report=lambda limit: f"{'→' * (limit // 2)}\n<details>{'x' * (limit // 2)}",
    )
    publish(api, run)
    assert len(github.state.repositories[REPO].check_runs[0].annotations) == 59


@pytest.mark.parametrize("level", ["read", None])
def test_a_refusal_names_the_permission(github: GitHubApi, api: Api, level: str | None) -> None:
    held = {} if level is None else {"checks": level, "statuses": level}
    github.state.tokens[SECRET] = workflow_token("write", **held)
    with pytest.raises(ForgeError) as refused:
        publish(api, run_with(1))
    told = f"{refused.value.message} {refused.value.hint}"
    assert "checks: " in told
    assert SECRET not in told
    record = records.good()
    with pytest.raises(ForgeError) as refused:
        statuses.publish(api, REPO, check.status(record, decide(record)), SHA)
    assert "statuses: write" in f"{refused.value.message} {refused.value.hint}"


def test_in_a_private_repository_looking_is_refused_and_the_permission_to_write_is_named(
    github: GitHubApi,
) -> None:
    github.state.repositories[REPO].private = True
    github.state.tokens[SECRET] = workflow_token("write")
    with (
        Api(
            url=github.url,
            token=SECRET,
            timeout=5,
            sleep=lambda _: None,
            subject=REPO,
            permission=checks.PERMISSION,
        ) as api,
        pytest.raises(ForgeError) as refused,
    ):
        publish(api, run_with(0))
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("Add `permissions: checks: write` to the job.")


def test_a_persons_token_cannot_make_check_runs(github: GitHubApi, api: Api) -> None:
    github.state.tokens[SECRET] = Token("anna", "user", {"checks": "write"})
    github.state.repositories[REPO].roles["anna"] = "admin"
    with pytest.raises(ForgeError, match="GitHub App"):
        publish(api, run_with(0))


def test_a_commit_that_github_does_not_know_is_refused(api: Api) -> None:
    with pytest.raises(ForgeError, match="No commit found"):
        checks.publish(api, REPO, run_with(0), "c" * 40)


def test_a_creation_is_looked_for_and_not_repeated_after_a_502(github: GitHubApi, api: Api) -> None:
    github.state.fail(502, method="POST", after=True)
    publish(api, run_with(60))
    (made,) = github.state.repositories[REPO].check_runs
    assert [one["start_line"] for one in made.annotations] == list(range(1, 61))


def test_statuses(github: GitHubApi, api: Api) -> None:
    for record in (records.regression_of_a_metric(), records.good()):
        status = check.status(record, decide(record), target_url=record.ci.run_url)
        statuses.publish(api, REPO, status, SHA)
    found = github.state.repositories[REPO].statuses
    assert [(one.context, one.state) for one in found] == [
        ("assay/default", "failure"),
        ("assay/default", "success"),
    ]
    assert found[1].target_url == records.good().ci.run_url
    assert verbs(github) == ["POST", "POST"]


@pytest.mark.parametrize("name", records.ALL)
def test_every_record_can_be_shown(github: GitHubApi, api: Api, name: str) -> None:
    record = records.ALL[name]()
    verdict = decide(record)
    publish(api, check.of(record, verdict, reasons=places.of(record, lambda _: None)))
    statuses.publish(api, REPO, check.status(record, verdict), SHA)
    assert len(github.state.repositories[REPO].check_runs) == 1
