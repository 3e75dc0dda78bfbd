"""Blobs, trees and commits by the git data API. https://docs.github.com/en/rest/git"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from tests.fakes.github.objects import (
    Commit,
    Entry,
    Person,
    changed,
    put,
    put_commit,
    read_commit,
    walk,
)
from tests.fakes.github.repositories import html, node_id
from tests.fakes.github.routing import Call, Json, Refused, Reply, route

if TYPE_CHECKING:
    from tests.fakes.github.objects import Kind, Objects

MODES = {"100644": "blob", "100755": "blob", "040000": "tree", "160000": "commit", "120000": "blob"}


def git(call: Call) -> Objects:
    """The repository's objects, if it has any."""
    if call.repository.empty:
        raise Refused(409, "Git Repository is empty.")
    return call.repository.objects


def find(call: Call, kind: Kind) -> str:
    sha: str = call.parameters["sha"]
    found = git(call).get(sha)
    if found is None or found.kind != kind:
        raise Refused(404, "Not Found")
    return sha


def wanted(call: Call, name: str) -> Any:
    """A field that a request has to have."""
    data = call.data()
    if name not in data:
        raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    return data[name]


def encoded(content: bytes) -> str:
    """Base64 as GitHub writes it: in lines of 60 characters."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[start : start + 60]}\n" for start in range(0, len(text), 60))


@route("POST", "/repos/{owner}/{repo}/git/blobs", "contents")
def create_blob(call: Call) -> Reply:
    objects, content = git(call), wanted(call, "content")
    encoding = call.data().get("encoding", "utf-8")
    if encoding == "base64":
        try:
            data = base64.b64decode("".join(content.split()), validate=True)
        except (binascii.Error, ValueError):
            raise Refused(422, "Input is not valid Base64") from None
    elif encoding == "utf-8":
        data = content.encode()
    else:
        raise Refused(422, 'Encoding must be "utf-8" or "base64"')
    sha = put(objects, "blob", data)
    return Reply(201, {"sha": sha, "url": _url(call, "blobs", sha)})


@route("GET", "/repos/{owner}/{repo}/git/blobs/{sha}", "contents")
def get_blob(call: Call) -> Reply:
    sha = find(call, "blob")
    content = git(call)[sha].content
    document = {
        "sha": sha,
        "node_id": node_id("B", int(sha[:8], 16)),
        "size": len(content),
        "url": _url(call, "blobs", sha),
        "content": encoded(content),
        "encoding": "base64",
    }
    return Reply(200, document)


@route("POST", "/repos/{owner}/{repo}/git/trees", "contents")
def create_tree(call: Call) -> Reply:
    objects, entries = git(call), wanted(call, "tree")
    base = call.data().get("base_tree")
    if base is not None and (base not in objects or objects[base].kind != "tree"):
        raise Refused(422, "base_tree is not a valid tree oid")
    if not isinstance(entries, list) or not entries:
        raise Refused(422, "Invalid tree info")
    changes = {entry.get("path", ""): _entry(call, entry) for entry in entries}
    try:
        sha = changed(objects, base, changes)
    except KeyError:
        raise Refused(422, "GitRPC::BadObjectState") from None
    return Reply(201, _tree(call, sha, recursive=False))


def _entry(call: Call, given: Json) -> Entry | None:
    path, mode = given.get("path", ""), given.get("mode")
    if path.startswith("/"):
        raise Refused(422, "tree.path cannot start with a slash")
    if not path or {"", ".", "..", ".git"} & set(path.split("/")):
        raise Refused(422, "tree.path contains a malformed path component")
    if mode not in MODES:
        raise Refused(422, "tree.mode must be one of " + ", ".join(MODES))
    if given.get("type", MODES[mode]) != MODES[mode]:
        raise Refused(422, f"tree.type does not fit tree.mode {mode}")
    if ("sha" in given) == ("content" in given):
        raise Refused(422, "Must supply either tree.sha or tree.content")
    if "content" in given:
        return Entry(mode, "", put(git(call), "blob", given["content"].encode()))
    return _named(git(call), mode, given["sha"])


def _named(objects: Objects, mode: str, sha: str | None) -> Entry | None:
    if sha is None:
        return None
    if MODES[mode] != "commit":  # a submodule's commit is elsewhere
        if sha not in objects:
            raise Refused(422, "GitRPC::BadObjectState")
        if objects[sha].kind != MODES[mode]:
            raise Refused(422, f"tree.sha {sha} is not a valid {MODES[mode]}")
    return Entry(mode.removeprefix("0"), "", sha)


@route("GET", "/repos/{owner}/{repo}/git/trees/{sha:path}", "contents")
def get_tree(call: Call) -> Reply:
    """By its own name, or by that of a commit, a branch or a tag."""
    objects, repository = git(call), call.repository
    name = call.parameters["sha"]
    sha = repository.refs.get(f"refs/heads/{name}") or repository.refs.get(f"refs/tags/{name}")
    sha = sha or name
    if sha in objects and objects[sha].kind == "commit":
        sha = read_commit(objects, sha).tree
    if sha not in objects or objects[sha].kind != "tree":
        raise Refused(404, "Not Found")
    # Any value will do, "false" too: https://docs.github.com/en/rest/git/trees#get-a-tree
    return Reply(200, _tree(call, sha, recursive="recursive" in call.query))


@route("POST", "/repos/{owner}/{repo}/git/commits", "contents")
def create_commit(call: Call) -> Reply:
    objects, message, tree = git(call), wanted(call, "message"), wanted(call, "tree")
    data = call.data()
    if tree not in objects or objects[tree].kind != "tree":
        raise Refused(422, "Tree SHA does not exist")
    parents = tuple(data.get("parents", ()))
    for parent in parents:
        if parent not in objects or objects[parent].kind != "commit":
            raise Refused(422, "Parent SHA does not exist or is not a commit object")
    author = person(call, data.get("author"))
    committer = person(call, data["committer"]) if "committer" in data else author
    sha = put_commit(objects, Commit(tree, parents, author, committer, message))
    document = _commit(call, sha)
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/git/commits/{sha}", "contents")
def get_commit(call: Call) -> Reply:
    return Reply(200, _commit(call, find(call, "commit")))


def person(call: Call, given: Json | None) -> Person:
    if given is None:
        return Person(call.login, f"{call.login}@users.noreply.github.com", call.state.now())
    for name in ("name", "email"):
        if not given.get(name):
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    return Person(given["name"], given["email"], given.get("date") or call.state.now())


def _tree(call: Call, sha: str, *, recursive: bool) -> Json:
    objects = call.repository.objects
    found = []
    for path, entry in walk(objects, sha, recursive=recursive):
        line: Json = {
            "path": path,
            "mode": entry.mode.zfill(6),
            "type": entry.kind,
            "sha": entry.sha,
        }
        if entry.kind != "commit":
            line["url"] = _url(call, f"{entry.kind}s", entry.sha)
        if entry.kind == "blob":
            line["size"] = len(objects[entry.sha].content)
        found.append(line)
    return {"sha": sha, "url": _url(call, "trees", sha), "tree": found, "truncated": False}


def _commit(call: Call, sha: str) -> Json:
    commit = read_commit(call.repository.objects, sha)
    page = html(call, "commit")
    return {
        "sha": sha,
        "node_id": node_id("C", int(sha[:8], 16)),
        "url": _url(call, "commits", sha),
        "html_url": f"{page}/{sha}",
        "author": vars(commit.author),
        "committer": vars(commit.committer),
        "tree": {"sha": commit.tree, "url": _url(call, "trees", commit.tree)},
        "message": commit.message,
        "parents": [
            {"sha": one, "url": _url(call, "commits", one), "html_url": f"{page}/{one}"}
            for one in commit.parents
        ],
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def _url(call: Call, kind: str, sha: str) -> str:
    return f"{call.root}/repos/{call.name}/git/{kind}/{sha}"
