"""Branches and tags. https://docs.github.com/en/rest/git/refs"""

from __future__ import annotations

from fnmatch import fnmatchcase

from tests.fakes.github.gitdata import git, wanted
from tests.fakes.github.objects import descends
from tests.fakes.github.repositories import node_id
from tests.fakes.github.routing import Call, Json, Refused, Reply, route

BROKEN_RULES = "Repository rule violations found\n\n"


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref:path}", "contents")
def get_ref(call: Call) -> Reply:
    git(call)
    name = f"refs/{call.parameters['ref']}"
    if name not in call.repository.refs:
        raise Refused(404, "Not Found")
    return Reply(200, _ref(call, name))


@route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref:path}", "contents")
def list_matching_refs(call: Call) -> Reply:
    git(call)
    start = f"refs/{call.parameters['ref']}"
    names = sorted(name for name in call.repository.refs if name.startswith(start))
    return Reply(200, [_ref(call, name) for name in names])


@route("POST", "/repos/{owner}/{repo}/git/refs", "contents")
def create_ref(call: Call) -> Reply:
    git(call)
    name, sha = wanted(call, "ref"), wanted(call, "sha")
    refs = call.repository.refs
    if not name.startswith("refs/") or name.count("/") < 2:
        # The rule is published, its words are not.
        raise Refused(422, "Reference name must start with 'refs/' and have two slashes")
    if ".." in name or name.endswith(("/", ".lock")) or any(sign in name for sign in " ~^:?*[\\"):
        raise Refused(422, f"{name} is not a valid ref name.")
    if name in refs:
        raise Refused(422, "Reference already exists")
    _points(call, name, sha)
    permit_ref(call, name, "Cannot create ref due to creations being restricted.")
    if any(f"{one}/".startswith(f"{name}/") or name.startswith(f"{one}/") for one in refs):
        raise Refused(422, "Reference update failed")  # a file and a folder of one name
    refs[name] = sha
    document = _ref(call, name)
    return Reply(201, document, {"Location": document["url"]})


@route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref:path}", "contents")
def update_ref(call: Call) -> Reply:
    git(call)
    name, sha = _existing(call), wanted(call, "sha")
    refs, repository = call.repository.refs, call.repository
    _points(call, name, sha)
    permit_ref(call, name, "Changes must be made through a pull request.")
    forced = call.data().get("force", False)
    if not forced and not descends(repository.objects, sha, refs[name]):
        raise Refused(422, "Update is not a fast forward")
    refs[name] = sha
    return Reply(200, _ref(call, name))


@route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref:path}", "contents")
def delete_ref(call: Call) -> Reply:
    git(call)
    name = _existing(call)
    permit_ref(call, name, "Cannot delete this ref.")
    del call.repository.refs[name]
    return Reply(204)


def _existing(call: Call) -> str:
    name = f"refs/{call.parameters['ref']}"
    if name not in call.repository.refs:
        raise Refused(422, "Reference does not exist")
    return name


def _points(call: Call, name: str, sha: str) -> None:
    found = call.repository.objects.get(sha)
    if found is None:
        raise Refused(422, "Object does not exist")
    if name.startswith("refs/heads/") and found.kind != "commit":
        raise Refused(422, "Reference update failed")


def permit_ref(call: Call, name: str, rule: str) -> None:
    if any(fnmatchcase(name, pattern) for pattern in call.repository.protected):
        raise Refused(422, f"{BROKEN_RULES}{rule}\n\n")


def _ref(call: Call, name: str) -> Json:
    sha = call.repository.refs[name]
    kind = call.repository.objects[sha].kind
    root = f"{call.root}/repos/{call.name}/git"
    return {
        "ref": name,
        "node_id": node_id("REF", int(sha[:8], 16)),
        "url": f"{root}/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{root}/{kind}s/{sha}"},
    }
