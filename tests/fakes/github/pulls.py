"""Pull requests, issues, and what happened on them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.fakes.github.repositories import (
    html,
    moment,
    node_id,
    repository_document,
    user_document,
)
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route

if TYPE_CHECKING:
    from tests.fakes.github.state import Event

# A comment on a pull request may be written with either permission:
# https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
TALK = ("pull_requests", "issues")
# Those of a pull request's `_links` that are not beside it as well.
SHORT_LINKS = ("self", "html", "issue")


@route("GET", "/repos/{owner}/{repo}/pulls/{number:int}", "pull_requests")
def get_pull(call: Call) -> Reply:
    number = call.parameters["number"]
    if number not in call.repository.pulls:
        raise Refused(*NOT_FOUND)
    counts = "additions deletions changed_files comments review_comments commits"
    more = {
        **dict.fromkeys(counts.split(), 0),
        "merged": call.repository.pulls[number].merged_at is not None,
        "merged_by": None,
        "mergeable": True,
        "mergeable_state": "clean",
        "maintainer_can_modify": False,
    }
    return Reply(200, {**pull_document(call, number), **more})


def branches(call: Call) -> dict[str, str]:
    """The branches and their commits, where people push them to a repository of git's own."""
    if call.repository.bare is None:
        return {}
    listed = git(
        "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads", call=call
    )
    return dict(line.split(" ") for line in listed.splitlines())


def git(*args: str, call: Call) -> str:
    """What git says of that repository."""
    argv = ["git", "--git-dir", str(call.repository.bare), *args]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


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
    about = pull or call.repository.issues[number]
    made = about.created_at or moment()
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
        "title": about.title,
        "user": user_document(call, about.author),
        "labels_url": f"{url}/labels{{/name}}",
        "events_url": f"{url}/events",
        "labels": [label_document(call, name) for name in about.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "state": about.state,
        "locked": False,
        "comments": sum(comment.number == number for comment in call.repository.comments),
        "body": about.body,
        "created_at": made,
        "updated_at": made,
        "closed_at": pull.closed_at if pull else None,
        "author_association": "CONTRIBUTOR",
    }
    if pull:
        page = document["html_url"]
        document["pull_request"] = {
            "url": f"{call.root}/repos/{call.name}/pulls/{number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": pull.merged_at,
        }
    return document


def pull_document(call: Call, number: int) -> Json:
    pull = call.repository.pulls[number]
    if pull.state == "open" and pull.head_repository is None:
        pull.head_sha = branches(call).get(pull.head_ref, pull.head_sha)
    issue = issue_document(call, number)
    url = issue["pull_request"]["url"]
    shared = (
        "id node_id html_url number title user state locked body labels created_at updated_at "
        "closed_at author_association assignee milestone"
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

    statuses = f"{call.root}/repos/{call.name}/statuses/{pull.head_sha}"
    links = {
        "self": url,
        "html": issue["html_url"],
        "issue": issue["url"],
        "comments": issue["comments_url"],
        "review_comments": f"{url}/comments",
        "review_comment": f"{call.root}/repos/{call.name}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": statuses,
    }
    return {
        **{key: issue[key] for key in shared.split()},
        "url": url,
        "diff_url": f"{issue['html_url']}.diff",
        "patch_url": f"{issue['html_url']}.patch",
        "issue_url": issue["url"],
        **{f"{name}_url": target for name, target in links.items() if name not in SHORT_LINKS},
        "head": end(pull.head_repository or call.name, pull.head_ref, pull.head_sha),
        "base": end(call.name, pull.base_ref, pull.base_sha),
        "draft": pull.draft,
        "auto_merge": None,
        "merge_commit_sha": None,
        "merged_at": pull.merged_at,
        "_links": {name: {"href": target} for name, target in links.items()},
    }


def label_document(call: Call, name: str) -> Json:
    url = f"{call.root}/repos/{call.name}/labels/{quote(name)}"
    return {
        "id": len(name),
        "node_id": node_id("LA", len(name)),
        "url": url,
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }


def event_document(call: Call, event: Event) -> Json:
    return {
        "id": event.id,
        "node_id": node_id("LE", event.id),
        "url": f"{call.root}/repos/{call.name}/issues/events/{event.id}",
        "actor": user_document(call, event.actor),
        "event": event.event,
        "commit_id": None,
        "commit_url": None,
        "created_at": event.created_at,
        "label": {"name": event.label, "color": "ededed"},
        "performed_via_github_app": None,
    }
