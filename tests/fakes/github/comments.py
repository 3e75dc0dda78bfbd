"""Comments on pull requests and issues, and reactions to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.github.pulls import TALK, thread
from tests.fakes.github.repositories import html, node_id, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route

if TYPE_CHECKING:
    from tests.fakes.github.state import Comment

MAX_BODY = 65_536
REACTIONS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}/comments", *TALK)
def list_comments(call: Call) -> Reply:
    number = thread(call)
    found = [comment for comment in call.repository.comments if comment.number == number]
    return call.page([comment_document(call, comment) for comment in found])


@route("POST", "/repos/{owner}/{repo}/issues/{number:int}/comments", *TALK)
def create_comment(call: Call) -> Reply:
    number, body = thread(call), _body(call)
    comment = call.state.comment(call.name, number, author=call.login, body=body)
    return Reply(201, document := comment_document(call, comment), {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/issues/comments/{id:int}", *TALK)
def get_comment(call: Call) -> Reply:
    return Reply(200, comment_document(call, _find_comment(call)))


@route("PATCH", "/repos/{owner}/{repo}/issues/comments/{id:int}", *TALK)
def update_comment(call: Call) -> Reply:
    # Whoever may write may edit what others wrote: that is why clients have to look at the author.
    comment = _find_comment(call)
    comment.body = _body(call)
    comment.updated_at = call.state.now()
    return Reply(200, comment_document(call, comment))


@route("DELETE", "/repos/{owner}/{repo}/issues/comments/{id:int}", *TALK)
def delete_comment(call: Call) -> Reply:
    call.repository.comments.remove(_find_comment(call))
    return Reply(204)


@route("POST", "/repos/{owner}/{repo}/issues/comments/{id:int}/reactions", *TALK)
def create_reaction(call: Call) -> Reply:
    comment, content = _find_comment(call), call.data().get("content")
    if content not in REACTIONS:
        raise Refused(
            422, "Validation Failed", errors=[{"resource": "Reaction", "code": "invalid"}]
        )
    reaction = (call.login, str(content))
    status = 200 if reaction in comment.reactions else 201
    if status == 201:
        comment.reactions.append(reaction)
    document = {
        "id": comment.id,
        "node_id": node_id("REA", comment.id),
        "user": user_document(call, call.login),
        "content": content,
        "created_at": comment.created_at,
    }
    return Reply(status, document)


def _find_comment(call: Call) -> Comment:
    for comment in call.repository.comments:
        if comment.id == call.parameters["id"]:
            return comment
    raise Refused(*NOT_FOUND)


def _body(call: Call) -> str:
    body = call.data().get("body")
    if not isinstance(body, str):
        raise Refused(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    problem = None
    if not body.strip():
        problem = "Body cannot be blank"
    elif len(body) > MAX_BODY:
        problem = f"Body is too long (maximum is {MAX_BODY} characters)"
    if problem:
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
        raise Refused(422, "Validation Failed", errors=[{**error, "message": problem}])
    return body


def comment_document(call: Call, comment: Comment) -> Json:
    kind = "pull" if comment.number in call.repository.pulls else "issues"
    root = f"{call.root}/repos/{call.name}/issues"
    return {
        "url": f"{root}/comments/{comment.id}",
        "html_url": html(call, kind, f"{comment.number}#issuecomment-{comment.id}"),
        "issue_url": f"{root}/{comment.number}",
        "id": comment.id,
        "node_id": node_id("IC", comment.id),
        "user": user_document(call, comment.author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "author_association": "NONE",
        "body": comment.body,
        "performed_via_github_app": None,
    }
