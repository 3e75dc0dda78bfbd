"""Releases and their assets. https://docs.github.com/en/rest/releases"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tests.fakes.github.described import UPLOADS
from tests.fakes.github.refs import permit_ref
from tests.fakes.github.repositories import html, node_id, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route
from tests.fakes.github.state import Asset, Release

if TYPE_CHECKING:
    from tests.fakes.github.state import Repository

STORAGE = "/storage/releases"
MOST_ASSETS = 1000
MAX_BODY = 125_000
FROZEN = "Cannot {} immutable release."


@route("GET", "/repos/{owner}/{repo}/releases", "contents")
def list_releases(call: Call) -> Reply:
    """Newest first; drafts for those alone who may write."""
    found = [one for one in reversed(call.repository.releases) if not one.draft or _writes(call)]
    return call.page([_release(call, one) for one in found])


@route("POST", "/repos/{owner}/{repo}/releases", "contents")
def create_release(call: Call) -> Reply:
    data = call.data()
    if not data.get("tag_name"):
        raise _invalid("tag_name", "missing_field")
    call.state.last_id += 1
    release = Release(
        id=call.state.last_id,
        tag=data["tag_name"],
        author=call.login,
        created_at=call.state.now(),
        target=data.get("target_commitish", call.repository.default_branch),
    )
    _set(call, release, {"make_latest": "true", "draft": False, **data})
    call.repository.releases.append(release)
    document = _release(call, release)
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/releases/latest", "contents")
def get_latest_release(call: Call) -> Reply:
    whole = [one for one in call.repository.releases if not one.draft and not one.prerelease]
    for one in reversed([*whole, *(one for one in whole if one.latest)]):
        return Reply(200, _release(call, one))
    raise Refused(*NOT_FOUND)


@route("GET", "/repos/{owner}/{repo}/releases/tags/{tag:path}", "contents")
def get_release_by_tag(call: Call) -> Reply:
    """Published ones alone: a draft has no tag yet."""
    release = _published(call.repository, call.parameters["tag"])
    if release is None:
        raise Refused(*NOT_FOUND)
    return Reply(200, _release(call, release))


@route("GET", "/repos/{owner}/{repo}/releases/{id:int}", "contents")
def get_release(call: Call) -> Reply:
    return Reply(200, _release(call, _find(call)))


@route("PATCH", "/repos/{owner}/{repo}/releases/{id:int}", "contents")
def update_release(call: Call) -> Reply:
    release, data = _find(call), call.data()
    if release.immutable and data.get("tag_name", release.tag) != release.tag:
        raise _frozen("change the tag of an")
    _set(call, release, data)
    return Reply(200, _release(call, release))


@route("DELETE", "/repos/{owner}/{repo}/releases/{id:int}", "contents")
def delete_release(call: Call) -> Reply:
    release = _find(call)
    call.repository.releases.remove(release)
    if release.immutable:
        call.repository.used_tags.append(release.tag)
    return Reply(204)


@route("GET", "/repos/{owner}/{repo}/releases/{id:int}/assets", "contents")
def list_assets(call: Call) -> Reply:
    release = _find(call)
    return call.page([_asset(call, release, one) for one in release.assets])


@route("POST", f"{UPLOADS}/repos/{{owner}}/{{repo}}/releases/{{id:int}}/assets", "contents")
def upload_asset(call: Call) -> Reply:
    """https://docs.github.com/en/rest/releases/assets#upload-a-release-asset"""
    release, name = _find(call), call.query.get("name", "")
    if release.immutable:
        raise _frozen("upload assets to an")
    if not name:
        raise _invalid("name", "missing_field", "ReleaseAsset")
    if "content-type" not in call.headers or not call.content:
        raise Refused(400, "Bad Content-Type" if call.content else "Bad Content-Length")
    if len(call.content) >= call.repository.asset_limit:
        raise _invalid("size", "custom", "ReleaseAsset", "size must be less than 2147483648")
    # GitHub renames what has other characters; the exact set is not published.
    name = re.sub(r"[^\w.@+-]+", ".", name, flags=re.ASCII).strip(".")
    if any(one.name == name for one in release.assets):
        raise _invalid("name", "already_exists", "ReleaseAsset")
    if len(release.assets) >= MOST_ASSETS:
        raise _invalid("base", "custom", "ReleaseAsset", "has too many assets")
    call.state.last_id += 1
    asset = Asset(
        id=call.state.last_id,
        name=name,
        content=call.content,
        content_type=call.headers["content-type"],
        label=call.query.get("label"),
        author=call.login,
        created_at=call.state.now(),
    )
    release.assets.append(asset)
    match call.repository.accidents.pop(0) if call.repository.accidents else "none":
        case "starter":
            asset.state, asset.content = "starter", b""
            raise Refused(502, "Bad Gateway")
        case "changed":
            asset.content = asset.content[:-1] + bytes([asset.content[-1] ^ 1])
    document = _asset(call, release, asset)
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/releases/assets/{id:int}", "contents")
def get_asset(call: Call) -> Reply:
    """The document, or for who takes bytes where they are."""
    release, asset = _found(call)
    if call.headers.get("accept") != "application/octet-stream":
        return Reply(200, _asset(call, release, asset))
    url = f"{_other_host(call.root)}{STORAGE}/{asset.id}?sig=secret"
    return Reply(302, None, {"Location": url})


@route("GET", f"{STORAGE}/{{id:int}}")
def get_bytes(call: Call) -> Reply:
    """The storage: whoever has the address may read, and a token is an error."""
    if "authorization" in call.headers or call.query.get("sig") != "secret":
        raise Refused(403, "Server failed to authenticate the request.")
    for repository in call.state.repositories.values():
        for release in repository.releases:
            for asset in release.assets:
                if asset.id == call.parameters["id"]:
                    return Reply(200, asset.content, {"Content-Type": asset.content_type})
    raise Refused(*NOT_FOUND)


@route("DELETE", "/repos/{owner}/{repo}/releases/assets/{id:int}", "contents")
def delete_asset(call: Call) -> Reply:
    release, asset = _found(call)
    if release.immutable:
        raise _frozen("delete asset from an")
    release.assets.remove(asset)
    return Reply(204)


def _set(call: Call, release: Release, data: Json) -> None:
    repository, was_draft = call.repository, release.draft
    prerelease = data.get("prerelease", release.prerelease)
    draft = data.get("draft", release.draft)
    latest = data.get("make_latest")
    body = data.get("body", release.body)
    if body is not None and len(body) > MAX_BODY:
        raise _invalid("body", "custom", message=f"is too long (maximum is {MAX_BODY} characters)")
    tag = data.get("tag_name", release.tag)
    if not draft:
        other = _published(repository, tag)
        if (other is not None and other.id != release.id) or tag in repository.used_tags:
            raise _invalid("tag_name", "already_exists")
        _tag(call, tag, data.get("target_commitish", release.target))
    release.tag, release.prerelease, release.draft = tag, prerelease, draft
    release.name, release.body = data.get("name", release.name), body
    if not draft:
        if was_draft:
            release.published_at = call.state.now()
            release.immutable = repository.immutable_releases
        if latest in {"true", "legacy"} and not prerelease:
            for one in repository.releases:
                one.latest = False
            release.latest = True


def _tag(call: Call, tag: str, target: str) -> None:
    """A release makes the tag that it is of, if need be: a lightweight one."""
    refs, name = call.repository.refs, f"refs/tags/{tag}"
    if name in refs:
        return
    sha = refs.get(f"refs/heads/{target}", target)
    if not call.repository.knows(sha):
        raise _invalid("target_commitish", "invalid")
    permit_ref(call, name, "Cannot create ref due to creations being restricted.")
    refs[name] = sha


def _published(repository: Repository, tag: str) -> Release | None:
    return next((one for one in repository.releases if one.tag == tag and not one.draft), None)


def _writes(call: Call) -> bool:
    return call.token is not None and call.token.may("write", "contents")


def _find(call: Call) -> Release:
    for release in call.repository.releases:
        if release.id == call.parameters["id"] and (not release.draft or _writes(call)):
            return release
    raise Refused(*NOT_FOUND)


def _found(call: Call) -> tuple[Release, Asset]:
    for release in call.repository.releases:
        for asset in release.assets:
            if asset.id == call.parameters["id"] and (not release.draft or _writes(call)):
                return release, asset
    raise Refused(*NOT_FOUND)


def _invalid(
    field: str, code: str, resource: str = "Release", message: str | None = None
) -> Refused:
    error = {"resource": resource, "code": code, "field": field}
    if message is not None:
        error["message"] = f"{field} {message}"
    return Refused(422, "Validation Failed", errors=[error])


def _frozen(deed: str) -> Refused:
    # The rule is published, its words are not.
    # https://docs.github.com/en/code-security/concepts/supply-chain-security/immutable-releases
    return Refused(422, FROZEN.format(deed))


def _other_host(root: str) -> str:
    there = urlsplit(root)
    host = "localhost" if there.hostname != "localhost" else "127.0.0.1"
    return f"{there.scheme}://{host}:{there.port}"


def _release(call: Call, release: Release) -> Json:
    root = call.root
    url = f"{root}/repos/{call.name}/releases/{release.id}"
    # On the API's host, as on an Enterprise server.
    uploads = f"{root}{UPLOADS}/repos/{call.name}/releases/{release.id}/assets"
    shown = f"untagged-{release.id:020x}" if release.draft else quote(release.tag)
    ball = f"{root}/repos/{call.name}"
    return {
        "id": release.id,
        "node_id": node_id("RE", release.id),
        "url": url,
        "html_url": html(call, "releases", "tag", shown),
        "assets_url": f"{url}/assets",
        "upload_url": call.repository.uploads or f"{uploads}{{?name,label}}",
        "tarball_url": None if release.draft else f"{ball}/tarball/{quote(release.tag)}",
        "zipball_url": None if release.draft else f"{ball}/zipball/{quote(release.tag)}",
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": release.immutable,
        "created_at": release.created_at,
        "published_at": release.published_at,
        "author": user_document(call, release.author),
        "assets": [_asset(call, release, one) for one in release.assets],
    }


def _asset(call: Call, release: Release, asset: Asset) -> Json:
    whole = asset.state == "uploaded" and call.repository.tells_digests
    return {
        "id": asset.id,
        "node_id": node_id("RA", asset.id),
        "url": f"{call.root}/repos/{call.name}/releases/assets/{asset.id}",
        "browser_download_url": html(
            call, "releases", "download", quote(release.tag), quote(asset.name)
        ),
        "name": asset.name,
        "label": asset.label,
        "state": asset.state,
        "content_type": asset.content_type,
        "size": len(asset.content),
        "digest": f"sha256:{hashlib.sha256(asset.content).hexdigest()}" if whole else None,
        "download_count": 0,
        "created_at": asset.created_at,
        "updated_at": asset.created_at,
        "uploader": user_document(call, asset.author),
    }
