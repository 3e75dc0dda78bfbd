"""Annotated tags, and how two commits stand to each other."""

from __future__ import annotations

from tests.fakes.github.gitdata import find, git, person, wanted
from tests.fakes.github.objects import Tag, descends, put_tag, read_commit, read_tag
from tests.fakes.github.repositories import html, node_id
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route


@route("POST", "/repos/{owner}/{repo}/git/tags", "contents")
def create_tag(call: Call) -> Reply:
    """The object alone; a reference makes it a tag. https://docs.github.com/en/rest/git/tags"""
    objects = git(call)
    name, message, target, kind = (
        wanted(call, field) for field in ("tag", "message", "object", "type")
    )
    if target not in objects or objects[target].kind != kind:
        raise Refused(422, "Could not verify object")
    tagger = person(call, call.data().get("tagger"))
    document = _document(call, put_tag(objects, Tag(target, kind, name, tagger, message)))
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/git/tags/{sha}", "contents")
def get_tag(call: Call) -> Reply:
    return Reply(200, _document(call, find(call, "tag")))


def _document(call: Call, sha: str) -> Json:
    tag = read_tag(call.repository.objects, sha)
    root = f"{call.root}/repos/{call.name}/git"
    return {
        "sha": sha,
        "node_id": node_id("TA", int(sha[:8], 16)),
        "url": f"{root}/tags/{sha}",
        "tag": tag.name,
        "message": tag.message,
        "tagger": vars(tag.tagger),
        "object": {"sha": tag.target, "type": tag.kind, "url": f"{root}/{tag.kind}s/{tag.target}"},
    }


@route("GET", "/repos/{owner}/{repo}/compare/{basehead:path}", "contents")
def compare(call: Call) -> Reply:
    """https://docs.github.com/en/rest/commits/commits#compare-two-commits"""
    objects, refs = git(call), call.repository.refs
    ends = call.parameters["basehead"].split("...")
    names = [refs.get(f"refs/heads/{end}") or refs.get(f"refs/tags/{end}") or end for end in ends]
    if len(names) != 2 or any(name not in objects for name in names):
        raise Refused(*NOT_FOUND)
    base, head = names
    ahead, behind = _missing(call, head, base), _missing(call, base, head)
    both = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
    url = f"{call.root}/repos/{call.name}/compare/{base}...{head}"
    page = html(call, "compare", f"{base}...{head}")
    common = next(sha for sha in _history(call, base) if descends(objects, head, sha))
    document = {
        "url": url,
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": _commit(call, base),
        "merge_base_commit": _commit(call, common),
        "status": both.get((bool(ahead), bool(behind)), "identical"),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [_commit(call, sha) for sha in reversed(ahead)],
        "files": [],
    }
    return Reply(200, document)


def _history(call: Call, sha: str) -> list[str]:
    """A commit and what came before it, the newest first."""
    found, ahead = [], [sha]
    while ahead:
        one = ahead.pop(0)
        if one not in found:
            found.append(one)
            ahead.extend(read_commit(call.repository.objects, one).parents)
    return found


def _missing(call: Call, head: str, base: str) -> list[str]:
    """What `head` has and `base` has not."""
    return [sha for sha in _history(call, head) if not descends(call.repository.objects, base, sha)]


def _commit(call: Call, sha: str) -> Json:
    commit = read_commit(call.repository.objects, sha)
    root = f"{call.root}/repos/{call.name}"
    parents = [
        {"sha": one, "url": f"{root}/commits/{one}", "html_url": html(call, "commit", one)}
        for one in commit.parents
    ]
    return {
        "sha": sha,
        "node_id": node_id("C", int(sha[:8], 16)),
        "url": f"{root}/commits/{sha}",
        "html_url": html(call, "commit", sha),
        "comments_url": f"{root}/commits/{sha}/comments",
        "author": None,
        "committer": None,
        "parents": parents,
        "commit": {
            "url": f"{root}/git/commits/{sha}",
            "author": vars(commit.author),
            "committer": vars(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{root}/git/trees/{commit.tree}"},
            "comment_count": 0,
        },
    }
