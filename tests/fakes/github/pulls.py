"""Pull requests, issues, and what happened on them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.fakes.github.repositories import html, node_id, repository_document, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route
from tests.fakes.github.state import EPOCH

if TYPE_CHECKING:
    from tests.fakes.github.state import Event

# A comment on a pull request may be written with either permission:
# https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
TALK = ("pull_requests", "issues")


@route("GET", "/repos/{owner}/{repo}/pulls/{number:int}", "pull_requests")
def get_pull(call: Call) -> Reply:
    number = call.parameters["number"]
    if number not in call.repository.pulls:
        raise Refused(*NOT_FOUND)
    return Reply(200, pull_document(call, number))


@route("GET", "/repos/{owner}/{repo}/pulls", "pull_requests")
def list_pulls(call: Call) -> Reply:
    """Newest first. https://docs.github.com/en/rest/pulls/pulls#list-pull-requests"""
    state = call.query.get("state", "open")
    owner, _, branch = call.query.get("head", "").partition(":")
    numbers = []
    for number, pull in sorted(call.repository.pulls.items(), reverse=True):
        heads = (pull.head_repository or call.name).split("/", maxsplit=1)[0], pull.head_ref
        # A head without its owner is ignored, as GitHub does.
        fits = not branch or heads == (owner, branch)
        fits = fits and call.query.get("base") in {None, pull.base_ref}
        if fits and state in {"all", pull.state}:
            numbers.append(number)
    return call.page([pull_document(call, number) for number in numbers])


@route("GET", "/repos/{owner}/{repo}/commits/{sha}/pulls", "pull_requests", "contents")
def list_pulls_of_commit(call: Call) -> Reply:
    """Those of this repository's branches: GitHub does not find a fork's by its commits."""
    sha = call.parameters["sha"]
    numbers = [
        number
        for number, pull in call.repository.pulls.items()
        if pull.head_sha == sha and pull.head_repository in {None, call.name}
    ]
    return call.page([pull_document(call, number) for number in numbers])


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}", *TALK)
def get_issue(call: Call) -> Reply:
    return Reply(200, issue_document(call, thread(call)))


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}/events", *TALK)
def list_events(call: Call) -> Reply:
    number = thread(call)
    found = [event for event in call.repository.events if event.number == number]
    return call.page([event_document(call, event) for event in found])


def thread(call: Call) -> int:
    number: int = call.parameters["number"]
    if number not in call.repository.pulls and number not in call.repository.issues:
        raise Refused(*NOT_FOUND)
    return number


def issue_document(call: Call, number: int) -> Json:
    pull = call.repository.pulls.get(number)
    url = f"{call.root}/repos/{call.name}/issues/{number}"
    kind = "pull" if pull else "issues"
    document = {
        "id": 100_000 + number,
        "node_id": node_id("PR" if pull else "I", number),
        "url": url,
        "repository_url": f"{call.root}/repos/{call.name}",
        "comments_url": f"{url}/comments",
        "html_url": html(call, kind, number),
        "number": number,
        "title": pull.title if pull else call.repository.issues[number],
        "user": user_document(call, pull.author if pull else "octocat"),
        "labels": [label_document(call, name) for name in pull.labels] if pull else [],
        "assignees": [],
        "milestone": None,
        "state": pull.state if pull else "open",
        "locked": False,
        "comments": sum(comment.number == number for comment in call.repository.comments),
        "body": pull.body if pull else "",
        "created_at": f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
        "closed_at": None,
        "author_association": "CONTRIBUTOR",
    }
    if pull:
        links = {"url": f"{call.root}/repos/{call.name}/pulls/{number}"}
        document["pull_request"] = {**links, "html_url": document["html_url"]}
    return document


def pull_document(call: Call, number: int) -> Json:
    pull = call.repository.pulls[number]
    issue = issue_document(call, number)
    url = issue["pull_request"]["url"]
    shared = (
        "id node_id html_url number title user state locked body labels created_at updated_at "
        "closed_at"
    )

    def end(name: str, ref: str, sha: str) -> Json:
        owner = name.split("/", maxsplit=1)[0]
        return {
            "label": f"{owner}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": user_document(call, owner),
            "repo": repository_document(call, name),
        }

    return {
        **{key: issue[key] for key in [*shared.split(), "comments_url", "author_association"]},
        "url": url,
        "issue_url": issue["url"],
        "head": end(pull.head_repository or call.name, pull.head_ref, pull.head_sha),
        "base": end(call.name, pull.base_ref, pull.base_sha),
        "draft": pull.draft,
        "merged": False,
        "merged_at": None,
        "mergeable": True,
        "_links": {"self": {"href": url}, "html": {"href": issue["html_url"]}},
    }


def label_document(call: Call, name: str) -> Json:
    url = f"{call.root}/repos/{call.name}/labels/{quote(name)}"
    return {"id": len(name), "url": url, "name": name, "color": "ededed", "default": False}


def event_document(call: Call, event: Event) -> Json:
    return {
        "id": event.id,
        "node_id": node_id("LE", event.id),
        "url": f"{call.root}/repos/{call.name}/issues/events/{event.id}",
        "actor": user_document(call, event.actor),
        "event": event.event,
        "created_at": event.created_at,
        "label": {"name": event.label, "color": "ededed"},
        "performed_via_github_app": None,
    }
