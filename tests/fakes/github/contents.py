"""Files as they are at a commit: by the API, and as the web site serves them to a browser."""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from tests.fakes.github.gitdata import encoded
from tests.fakes.github.objects import Entry, entries, read_commit
from tests.fakes.github.repositories import html
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route

MEGABYTE = 2**20


@route("GET", "/repos/{owner}/{repo}/contents/{path:path}", "contents")
def get_contents(call: Call) -> Reply:
    """https://docs.github.com/en/rest/repos/contents#get-repository-content"""
    repository, ref = call.repository, call.query.get("ref")
    if repository.empty:
        raise Refused(404, "This repository is empty.")
    commit = _commit(call, ref or repository.default_branch)
    if commit is None:
        raise Refused(404, f"No commit found for the ref {ref or repository.default_branch}")
    path = call.parameters["path"].strip("/")
    entry = _find(call, commit, path)
    if entry is None:
        raise Refused(*NOT_FOUND)
    shown = ref or repository.default_branch
    if entry.kind == "tree":
        found = entries(repository.objects, entry.sha)
        below = [(f"{path}/{one.name}".lstrip("/"), one) for one in found]
        return Reply(200, [_file(call, where, one, shown) for where, one in below])
    content = repository.objects[entry.sha].content
    if ".raw" in call.headers.get("accept", ""):
        media_type = "application/vnd.github.raw+json; charset=utf-8"
        return Reply(200, content, {"Content-Type": media_type})
    if len(content) > 100 * MEGABYTE:
        raise Refused(403, "This API returns blobs up to 100 MB in size.")
    # From one megabyte on, only the raw kind has the content.
    small = len(content) <= MEGABYTE
    held = {
        "content": encoded(content) if small else "",
        "encoding": "base64" if small else "none",
    }
    return Reply(200, {**_file(call, path, entry, shown), **held})


@route("GET", "/{owner}/{repo}/raw/{commit}/{path:path}", "contents")
def get_raw(call: Call) -> Reply:
    """What an image in a comment links to: the web site, and not the API."""
    commit = _commit(call, call.parameters["commit"])
    entry = commit and _find(call, commit, call.parameters["path"])
    if not entry or entry.kind != "blob":
        raise Refused(*NOT_FOUND)
    name = mimetypes.guess_type(entry.name)[0] or "text/plain"
    # Only what is no document keeps its type there: nothing runs.
    media_type = name if name.startswith("image/") else "text/plain; charset=utf-8"
    headers = {"Content-Type": media_type, "X-Content-Type-Options": "nosniff"}
    return Reply(200, call.repository.objects[entry.sha].content, headers)


def _commit(call: Call, ref: str) -> str | None:
    refs, objects = call.repository.refs, call.repository.objects
    names = [ref, f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}"]
    sha = next((refs[name] for name in names if name in refs), ref)
    return sha if sha in objects and objects[sha].kind == "commit" else None


def _find(call: Call, commit: str, path: str) -> Entry | None:
    objects = call.repository.objects
    entry = Entry("40000", "", read_commit(objects, commit).tree)
    for name in path.split("/") if path else []:
        below = entries(objects, entry.sha) if entry.kind == "tree" else []
        found = next((one for one in below if one.name == name), None)
        if found is None:
            return None
        entry = found
    return entry


def _file(call: Call, path: str, entry: Entry, ref: str) -> Json:
    objects, folder = call.repository.objects, entry.kind == "tree"
    url = f"{call.root}/repos/{call.name}/contents/{quote(path)}?ref={quote(ref)}"
    data = f"{call.root}/repos/{call.name}/git/{entry.kind}s/{entry.sha}"
    page = html(call, entry.kind, ref, quote(path))
    return {
        "name": entry.name,
        "path": path,
        "sha": entry.sha,
        "size": 0 if folder else len(objects[entry.sha].content),
        "url": url,
        "html_url": page,
        "git_url": data,
        "download_url": None if folder else f"{html(call, 'raw', ref)}/{quote(path)}",
        "type": "dir" if folder else "file",
        "_links": {"self": url, "git": data, "html": page},
    }
