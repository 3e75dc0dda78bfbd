"""Users, repositories, and what the one may do with the other."""

from __future__ import annotations

import base64

from tests.fakes.github.routing import Call, Json, Refused, Reply, route
from tests.fakes.github.state import Repository


@route("GET", "/user")
def get_user(call: Call) -> Reply:
    if call.token is None:
        raise Refused(401, "Requires authentication")
    if call.token.kind == "app":
        raise Refused(403, "Resource not accessible by integration")
    return Reply(200, user_document(call, call.token.login))


@route("GET", "/repos/{owner}/{repo}")
def get_repository(call: Call) -> Reply:
    return Reply(200, repository_document(call, call.name))


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
    return Reply(
        200, {"permission": permission, "role_name": role, "user": user_document(call, login)}
    )


def node_id(kind: str, number: int) -> str:
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def html(call: Call, *parts: object) -> str:
    return "/".join(["https://github.com", call.name, *map(str, parts)])


def user_document(call: Call, login: str) -> Json:
    # Any stable number will do, as long as everybody has one of their own.
    number = int.from_bytes(login.encode()) % 100_000_000
    bot = login.endswith("[bot]")
    web = f"apps/{login.removesuffix('[bot]')}" if bot else login
    return {
        "login": login,
        "id": number,
        "node_id": node_id("BOT" if bot else "U", number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": f"{call.root}/users/{login}",
        "html_url": f"https://github.com/{web}",
        "type": "Bot" if bot else "User",
        "site_admin": False,
    }


def repository_document(call: Call, name: str) -> Json:
    repository = call.state.repositories.get(name) or Repository(id=1)
    owner, short = name.split("/")
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
        "url": f"{call.root}/repos/{name}",
        "default_branch": repository.default_branch,
        "clone_url": f"https://github.com/{name}.git",
        "archived": False,
        "disabled": False,
    }
