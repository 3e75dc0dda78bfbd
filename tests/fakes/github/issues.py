"""Issues. https://docs.github.com/en/rest/issues/issues"""

from __future__ import annotations

from tests.fakes.github.comments import MAX_BODY
from tests.fakes.github.pulls import TALK, issue_document, thread
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route
from tests.fakes.github.state import Issue, Pull

MAX_TITLE = 256


@route("GET", "/repos/{owner}/{repo}/issues", "issues")
def list_issues(call: Call) -> Reply:
    """Newest first; every pull request is one, too."""
    state = call.query.get("state", "open")
    labels = {name for name in call.query.get("labels", "").split(",") if name}
    every: dict[int, Issue | Pull] = {**call.repository.issues, **call.repository.pulls}
    numbers = [
        number
        for number, one in sorted(every.items(), reverse=True)
        if state in {"all", one.state} and labels <= set(one.labels)
    ]
    return call.page([issue_document(call, number) for number in numbers])


@route("POST", "/repos/{owner}/{repo}/issues", "issues")
def create_issue(call: Call) -> Reply:
    repository, data = call.repository, call.data()
    if not repository.has_issues:
        raise Refused(410, "Issues are disabled for this repo")
    number = max([0, *repository.issues, *repository.pulls]) + 1
    title, body = _title(data), data.get("body") or ""
    _check_body(body)
    # Labels that are not there are made; this token may push, so that none is dropped.
    labels = list(data.get("labels", []))
    repository.issues[number] = Issue(title, body, call.login, labels, created_at=call.state.now())
    document = issue_document(call, number)
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}", *TALK)
def get_issue(call: Call) -> Reply:
    return Reply(200, issue_document(call, thread(call)))


@route("PATCH", "/repos/{owner}/{repo}/issues/{number:int}", *TALK)
def update_issue(call: Call) -> Reply:
    number, data = thread(call), call.data()
    issue = call.repository.issues.get(number)
    if issue is None:  # a pull request, which nothing of ours changes
        raise Refused(*NOT_FOUND)
    if "title" in data:
        issue.title = _title(data)
    if "body" in data:
        _check_body(data["body"] or "")
        issue.body = data["body"] or ""
    issue.state = data.get("state", issue.state)
    return Reply(200, issue_document(call, number))


def _title(data: Json) -> str:
    title = data.get("title")
    if not isinstance(title, str) or not title.strip():
        raise Refused(422, 'Invalid request.\n\n"title" wasn\'t supplied.')
    if len(title) > MAX_TITLE:
        raise _invalid("title", f"title is too long (maximum is {MAX_TITLE} characters)")
    return title


def _check_body(body: str) -> None:
    if len(body) > MAX_BODY:
        raise _invalid("body", f"body is too long (maximum is {MAX_BODY} characters)")


def _invalid(field: str, message: str) -> Refused:
    error = {"resource": "Issue", "code": "custom", "field": field, "message": message}
    return Refused(422, "Validation Failed", errors=[error])
