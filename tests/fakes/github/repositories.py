"""Users, repositories, and what the one may do with the other."""

from __future__ import annotations

import base64
from urllib.parse import quote

from tests.fakes.github.routing import Call, Json, Refused, Reply, route
from tests.fakes.github.state import EPOCH, Repository


@route("GET", "/user")
def get_user(call: Call) -> Reply:
    if call.token is None:
        raise Refused(401, "Requires authentication")
    if call.token.kind == "app":
        raise Refused(403, "Resource not accessible by integration")
    return Reply(200, _account(call, call.token.login))


@route("GET", "/repos/{owner}/{repo}")
def get_repository(call: Call) -> Reply:
    counts = {"network_count": 0, "subscribers_count": 0}
    return Reply(200, {**repository_document(call, call.name), **counts})


# Needs `metadata: read`, which every token has.
@route("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission")
def get_permission(call: Call) -> Reply:
    """https://docs.github.com/en/rest/collaborators/collaborators"""
    if call.token is None:
        raise Refused(401, "Requires authentication")
    login = call.parameters["login"]
    if login.endswith("[bot]") or login == "ghost":
        raise Refused(404, f"{login} is not a user")
    repository = call.repository
    nobody = "none" if repository.private else "read"
    role = next((r for who, r in repository.roles.items() if who.lower() == login.lower()), nobody)
    built_on = repository.custom_roles.get(role, role)
    permission = {"maintain": "write", "triage": "read"}.get(built_on, built_on)
    user = {**user_document(call, login), "role_name": role}
    return Reply(200, {"permission": permission, "role_name": role, "user": user})


def node_id(kind: str, number: int) -> str:
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def html(call: Call, *parts: object) -> str:
    return "/".join(["https://github.com", call.name, *map(str, parts)])


USER_LINKS = (
    "followers following gists starred subscriptions organizations repos events received_events"
)
REPOSITORY_LINKS = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors "
    "deployments downloads events forks git_commits git_refs git_tags hooks issue_comment "
    "issue_events issues keys labels languages merges milestones notifications pulls releases "
    "stargazers statuses subscribers subscription tags teams trees"
)
# Paths that are not the link's name.
PLACES = {
    "blobs": "git/blobs{/sha}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "contents": "contents/{+path}",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "pulls": "pulls{/number}",
    "statuses": "statuses/{sha}",
    "trees": "git/trees{/sha}",
}


def user_document(call: Call, login: str) -> Json:
    # Any stable number will do, as long as everybody has one of their own.
    number = int.from_bytes(login.encode()) % 100_000_000
    bot = login.endswith("[bot]")
    web = f"apps/{login.removesuffix('[bot]')}" if bot else login
    url = f"{call.root}/users/{quote(login)}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id("BOT" if bot else "U", number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{web}",
        **{f"{name}_url": f"{url}/{name}" for name in USER_LINKS.split()},
        "type": "Bot" if bot else "User",
        "site_admin": False,
    }


def _account(call: Call, login: str) -> Json:
    """A user as they see themselves, or anybody of whom more is asked."""
    unknown = dict.fromkeys(["bio", "blog", "company", "email", "hireable", "location", "name"])
    counts = dict.fromkeys(["followers", "following", "public_gists", "public_repos"], 0)
    times = dict.fromkeys(["created_at", "updated_at"], moment())
    return {**user_document(call, login), **unknown, "blog": "", **counts, **times}


def moment() -> str:
    """When whatever has no time of its own was made."""
    return f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}"


def repository_document(call: Call, name: str) -> Json:
    """A repository as it stands in other documents; `get_repository` says more."""
    repository = call.state.repositories.get(name) or Repository(id=1)
    owner, short = name.split("/")
    url = f"{call.root}/repos/{name}"
    counts = "forks forks_count open_issues open_issues_count stargazers_count watchers"
    features = "issues projects wiki pages discussions downloads"
    return {
        "id": repository.id,
        "node_id": node_id("R", repository.id),
        "name": short,
        "full_name": name,
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "owner": user_document(call, owner),
        "html_url": f"https://github.com/{name}",
        "description": None,
        "fork": name != call.name,
        "url": url,
        "default_branch": repository.default_branch,
        "clone_url": f"https://github.com/{name}.git",
        "git_url": f"git://github.com/{name}.git",
        "ssh_url": f"git@github.com:{name}.git",
        "svn_url": f"https://github.com/{name}",
        **{f"{link}_url": f"{url}/{PLACES.get(link, link)}" for link in REPOSITORY_LINKS.split()},
        **dict.fromkeys(["homepage", "language", "license", "mirror_url"]),
        **dict.fromkeys([*counts.split(), "watchers_count", "size"], 0),
        **{f"has_{feature}": False for feature in features.split()},
        **dict.fromkeys(["created_at", "pushed_at", "updated_at"], moment()),
        "archived": False,
        "disabled": False,
    }
