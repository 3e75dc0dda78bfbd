"""Check runs and commit statuses: which requests are made, against an API in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from assay.errors import ForgeError
from assay.forge import checks, statuses
from assay.forge.refusal import ForbiddenError, LookAgainError
from assay.report.check import Annotation, CheckRun, CommitStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from assay.forge.transport import Api

REPO = "acme/bikes"
SHA = "a" * 40


class Server:
    """GitHub's check runs, as far as `publish` looks at them."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.failures: list[Exception] = []
        self.after: list[Exception] = []
        """Raised once a request has taken effect: its answer got lost."""
        self.slug = "github-actions"

    def pages(self, path: str, key: str | None = None) -> Iterator[object]:
        self.asked.append(("GET", path))
        if path.endswith("/annotations"):
            number = int(path.split("/")[-2])
            yield from next(run["all"] for run in self.runs if run["id"] == number)
            return
        assert key == "check_runs"
        assert path == f"/repos/{REPO}/commits/{SHA}/check-runs?check_name=Assay&filter=all"
        yield from self.runs

    def viewer(self) -> str:
        self.asked.append(("POST", "/graphql"))
        if self.failures:
            raise self.failures.pop(0)
        return f"{self.slug}[bot]"

    def request(self, verb: str, path: str, data: Mapping[str, Any]) -> object:
        self.asked.append((verb, path))
        if self.failures:
            raise self.failures.pop(0)
        if verb == "POST":
            assert path == f"/repos/{REPO}/check-runs"
            assert data["head_sha"] == SHA
            run: dict[str, Any] = {"id": len(self.runs) + 1, "all": [], "app": {"slug": self.slug}}
            run["html_url"] = f"https://github.com/{REPO}/runs/{run['id']}"
            self.runs.append(run)
        else:
            run = next(r for r in self.runs if path == f"/repos/{REPO}/check-runs/{r['id']}")
        new = data["output"].get("annotations", [])
        assert len(new) <= 50
        run["all"] += new
        run |= {name: value for name, value in data.items() if name != "output"}
        run["output"] = {**data["output"], "annotations_count": len(run["all"])}
        if self.after:
            raise self.after.pop(0)
        return run


def note(number: int) -> Annotation:
    return Annotation(
        path="a.py", start_line=number, end_line=number, level="notice", title="t", message="m"
    )


def check_run(count: int = 0, *, start: int = 1, **given: Any) -> CheckRun:
    return CheckRun(
        **{
            "name": "Assay",
            "external_id": "assay/default",
            "conclusion": "success",
            "title": "T",
            "summary": "S",
            "text": None,
            "annotations": tuple(note(i) for i in range(start, start + count)),
            **given,
        }
    )


def publish(server: Server, run: CheckRun, pauses: list[float] | None = None) -> str:
    sleep: Callable[[float], None] = [].append if pauses is None else pauses.append
    return checks.publish(cast("Api", server), REPO, run, SHA, sleep=sleep)


def test_the_first_is_created_with_all_that_it_shows() -> None:
    server = Server()
    run = check_run(1, text="More", details_url="https://github.com/acme/bikes/actions/runs/1")
    assert publish(server, run) == "https://github.com/acme/bikes/runs/1"
    assert [verb for verb, _ in server.asked] == ["GET", "POST"]
    (made,) = server.runs
    assert {name: made[name] for name in ("name", "external_id", "status", "conclusion")} == {
        "name": "Assay",
        "external_id": "assay/default",
        "status": "completed",
        "conclusion": "success",
    }
    assert made["details_url"] == "https://github.com/acme/bikes/actions/runs/1"
    assert made["output"] == {
        "title": "T",
        "summary": "S",
        "text": "More",
        "annotations": [
            {
                "path": "a.py",
                "start_line": 1,
                "end_line": 1,
                "annotation_level": "notice",
                "title": "t",
                "message": "m",
            }
        ],
        "annotations_count": 1,
    }


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2), (101, 3), (150, 3)]
)
def test_annotations_go_in_batches_of_fifty_and_in_order(count: int, requests: int) -> None:
    server = Server()
    publish(server, check_run(count))
    assert [verb for verb, _ in server.asked] == ["GET", "POST", *["PATCH"] * (requests - 1)]
    assert [a["start_line"] for a in server.runs[0]["all"]] == list(range(1, count + 1))


def test_one_of_ours_is_updated_and_nothing_is_annotated_twice() -> None:
    server = Server()
    url = publish(server, check_run(60))
    server.asked.clear()
    assert publish(server, check_run(130, conclusion="failure")) == url
    assert [verb for verb, _ in server.asked] == ["GET", "GET", "PATCH", "PATCH"]
    (made,) = server.runs
    assert [a["start_line"] for a in made["all"]] == list(range(1, 131))
    assert made["conclusion"] == "failure"


def test_an_update_without_annotations_takes_two_requests() -> None:
    server = Server()
    publish(server, check_run())
    server.asked.clear()
    publish(server, check_run(title="Anew"))
    assert [verb for verb, _ in server.asked] == ["GET", "PATCH"]
    assert server.runs[0]["output"]["title"] == "Anew"


def test_what_is_no_longer_so_stays_on_no_line() -> None:
    server = Server()
    first = publish(server, check_run(3))
    second = publish(server, check_run(1))
    assert first != second
    assert [len(run["all"]) for run in server.runs] == [3, 1]
    assert publish(server, check_run(2)) == second


@pytest.mark.parametrize(
    "other",
    [
        {"external_id": "assay/churn"},
        {"external_id": None},
        {"name": "Assay: churn"},
        {"app": {"slug": "somebody-else"}},
        {"app": None},
    ],
)
def test_one_of_others_is_left_alone(other: dict[str, Any]) -> None:
    server = Server()
    publish(server, check_run())
    server.runs[0] |= other
    publish(server, check_run())
    assert len(server.runs) == 2


def test_another_app_finds_its_own() -> None:
    server = Server()
    server.slug = "acme-bot"
    for _ in range(2):
        publish(server, check_run())
    assert len(server.runs) == 1


def test_who_the_token_is_is_asked_only_beside_another_app_s_run() -> None:
    server = Server()
    for _ in range(2):
        publish(server, check_run())
    assert ("POST", "/graphql") not in server.asked
    server.runs[0]["app"] = {"slug": "somebody-else"}
    server.failures = [ForgeError("no GraphQL here")]
    publish(server, check_run())
    assert ("POST", "/graphql") in server.asked
    assert len(server.runs) == 2


def test_a_creation_whose_answer_got_lost_is_not_repeated() -> None:
    server = Server()
    server.after = [LookAgainError("lost")]
    pauses: list[float] = []
    publish(server, check_run(2), pauses)
    assert len(server.runs) == 1
    assert len(server.runs[0]["all"]) == 2
    assert pauses == [1.0]


def test_it_gives_up_in_the_end() -> None:
    server = Server()
    server.failures = [LookAgainError("lost")] * 9
    pauses: list[float] = []
    with pytest.raises(LookAgainError):
        publish(server, check_run(), pauses)
    assert pauses == [1.0, 2.0, 4.0]


def test_a_refusal_is_passed_on() -> None:
    server = Server()
    server.failures = [ForbiddenError("no")]
    with pytest.raises(ForbiddenError):
        publish(server, check_run())


@pytest.mark.parametrize("answer", [None, [], {}, {"id": "1", "html_url": "x"}, {"id": 1}])
def test_an_answer_of_another_kind_is_an_error(answer: object) -> None:
    class Odd(Server):
        def request(self, verb: str, path: str, data: Mapping[str, Any]) -> object:
            return answer

    with pytest.raises(ForgeError, match="no check run"):
        publish(Odd(), check_run())


class Statuses:
    def __init__(self, *answers: object) -> None:
        self.sent: list[tuple[str, str, Mapping[str, Any]]] = []
        self.answers = list(answers)

    def request(self, verb: str, path: str, data: Mapping[str, Any]) -> object:
        self.sent.append((verb, path, data))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


STATUS = CommitStatus(state="failure", context="assay/default", description="No.")
DONE = {"state": "failure", "context": "assay/default"}


def test_a_status_is_one_request() -> None:
    api = Statuses(DONE)
    statuses.publish(cast("Api", api), REPO, STATUS, SHA)
    data = {"state": "failure", "context": "assay/default", "description": "No."}
    assert api.sent == [("POST", f"/repos/{REPO}/statuses/{SHA}", data)]


def test_a_status_links_to_where_the_report_is() -> None:
    api = Statuses(DONE)
    linked = CommitStatus(
        state="success", context="assay/x", description="Yes.", target_url="https://example.org"
    )
    statuses.publish(cast("Api", api), REPO, linked, SHA)
    assert api.sent[0][2]["target_url"] == "https://example.org"


def test_a_status_whose_answer_got_lost_is_set_again() -> None:
    api = Statuses(LookAgainError("lost"), DONE)
    pauses: list[float] = []
    statuses.publish(cast("Api", api), REPO, STATUS, SHA, sleep=pauses.append)
    assert (len(api.sent), pauses) == (2, [1.0])


@pytest.mark.parametrize("answer", [None, {}, "success"])
def test_a_status_that_is_not_told_back_is_an_error(answer: object) -> None:
    with pytest.raises(ForgeError, match="no commit status"):
        statuses.publish(cast("Api", Statuses(answer)), REPO, STATUS, SHA)
