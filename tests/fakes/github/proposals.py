"""Pull requests that are opened, changed and merged. https://docs.github.com/en/rest/pulls/pulls"""

from __future__ import annotations

import subprocess

from tests.fakes.github.comments import MAX_BODY
from tests.fakes.github.issues import MAX_TITLE
from tests.fakes.github.pulls import TALK, branches, get_pull, git, label_document, thread
from tests.fakes.github.repositories import html, moment, node_id, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Refused, Reply, route
from tests.fakes.github.state import Pull


@route("POST", "/repos/{owner}/{repo}/pulls", "pull_requests")
def create_pull(call: Call) -> Reply:
    repository, data = call.repository, call.data()
    if call.token is not None and call.token.kind == "app" and not repository.actions_may_propose:
        # https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository/managing-github-actions-settings-for-a-repository
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    head, base, known = data["head"], data["base"], branches(call)
    for name, field in ((head, "head"), (base, "base")):
        if name not in known:
            raise _invalid(field, code="invalid")
    is_open = (one for one in repository.pulls.values() if one.state == "open")
    if any((one.head_ref, one.base_ref) == (head, base) for one in is_open):
        owner = call.name.split("/", maxsplit=1)[0]
        raise _invalid(None, f"A pull request already exists for {owner}:{head}.")
    if not git("rev-list", "--max-count=1", f"{known[base]}..{known[head]}", call=call):
        raise _invalid(None, f"No commits between {base} and {head}")
    number = max([0, *repository.issues, *repository.pulls]) + 1
    repository.pulls[number] = Pull(
        head_sha=known[head],
        head_ref=head,
        title=data["title"],
        author=call.login,
        base_sha=known[base],
        base_ref=base,
        body=data.get("body") or "",
        created_at=call.state.now(),
    )
    _check(repository.pulls[number])
    call.parameters["number"] = number
    document = get_pull(call).data
    return Reply(201, document, {"Location": document["url"]})


@route("PATCH", "/repos/{owner}/{repo}/pulls/{number:int}", "pull_requests")
def update_pull(call: Call) -> Reply:
    pull, data = _pull(call), call.data()
    pull.title = data.get("title", pull.title)
    pull.body = data.get("body", pull.body) or ""
    _check(pull)
    if data.get("state", pull.state) != pull.state:
        pull.state = data["state"]
        pull.closed_at = call.state.now() if pull.state == "closed" else None
    return get_pull(call)


@route("POST", "/repos/{owner}/{repo}/issues/{number:int}/labels", *TALK)
def add_labels(call: Call) -> Reply:
    """Labels that are not there are made."""
    pull, wanted = call.repository.pulls[thread(call)], call.data()["labels"]
    for name in wanted:
        if name not in pull.labels:
            call.state.label(call.name, call.parameters["number"], name, actor=call.login)
    return Reply(200, [label_document(call, name) for name in pull.labels])


@route("GET", "/repos/{owner}/{repo}/pulls/{number:int}/reviews", "pull_requests")
def list_reviews(call: Call) -> Reply:
    """The oldest first. https://docs.github.com/en/rest/pulls/reviews"""
    number, pull = call.parameters["number"], _pull(call)
    url = f"{call.root}/repos/{call.name}/pulls/{number}"
    page = html(call, "pull", number)
    return call.page(
        [
            {
                "id": at,
                "node_id": node_id("PRR", at),
                "user": user_document(call, who),
                "body": "",
                "state": state,
                "html_url": f"{page}#pullrequestreview-{at}",
                "pull_request_url": url,
                "author_association": "NONE",
                "_links": {"html": {"href": page}, "pull_request": {"href": url}},
                "submitted_at": moment(),
                "commit_id": pull.head_sha,
            }
            for at, (who, state) in enumerate(pull.reviews, 1)
        ]
    )


# To merge is to write contents.
@route("PUT", "/repos/{owner}/{repo}/pulls/{number:int}/merge", "contents")
def merge_pull(call: Call) -> Reply:
    pull, data = _pull(call), call.data()
    known = branches(call)
    head, base = known.get(pull.head_ref, ""), known[pull.base_ref]
    if pull.state != "open":
        raise Refused(405, "Pull Request is not mergeable")
    if data.get("sha", head) != head:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    try:
        tree = git("merge-tree", "--write-tree", base, head, call=call)
    except subprocess.CalledProcessError:
        raise Refused(405, "Pull Request is not mergeable") from None
    message = data.get("commit_title") or f"Merge pull request #{call.parameters['number']}"
    who = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com")
    parents = ("-p", base, "-p", head)
    sha = git(*who, "commit-tree", tree, *parents, "-m", message, call=call)
    git("update-ref", f"refs/heads/{pull.base_ref}", sha, base, call=call)
    pull.head_sha, pull.state = head, "closed"
    pull.merged_at = pull.closed_at = call.state.now()
    answer = {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}
    return Reply(200, answer)


def _pull(call: Call) -> Pull:
    number = call.parameters["number"]
    if number not in call.repository.pulls:
        raise Refused(*NOT_FOUND)
    return call.repository.pulls[number]


def _check(pull: Pull) -> None:
    if len(pull.title) > MAX_TITLE:
        raise _invalid("title", f"title is too long (maximum is {MAX_TITLE} characters)")
    if len(pull.body) > MAX_BODY:
        raise _invalid("body", f"body is too long (maximum is {MAX_BODY} characters)")


def _invalid(field: str | None, message: str = "", code: str = "custom") -> Refused:
    error = {"resource": "PullRequest", "code": code}
    error |= {"field": field} if field else {}
    error |= {"message": message} if message else {}
    return Refused(422, "Validation Failed", errors=[error])
