"""Which permission a request needs, and how the one who made the token gives it.

Pure functions. https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["job", "classic", "fine-grained"]
"""Of a token: an installation's, as a job has; a person's with scopes; a person's with permissions.
"""
TALK, RERUN = "pull-requests: write", "actions: write"
_BY_PATH = (
    (r"/deployments(/|$)", "deployments"),
    (r"/check-(runs|suites)", "checks"),
    (r"/statuses/|/commits/[^/]+/status", "statuses"),
    (r"/actions/", "actions"),
    (r"/(git|contents|branches|commits|releases)(/|$)|/pulls/[0-9]+/merge$", "contents"),
    (r"/issues/|/pulls(/|$)", "pull-requests"),
)
"""What stands in a path below a repository, and the permission that it needs."""
_SCOPES = {"actions": "repo", "deployments": "repo_deployment", "statuses": "repo:status"}


def kind_of(token: str) -> Kind:
    """By the first letters of a token.

    https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
    """
    if token.startswith("github_pat_"):
        return "fine-grained"
    if token.startswith(("ghp_", "gho_")) or re.fullmatch(r"[0-9a-f]{40}", token):
        return "classic"
    return "job"


def permission_for(verb: str, path: str) -> str:
    """What a job needs to be given for a request: `checks: write`."""
    level = "read" if verb == "GET" else "write"
    # Without the names of owner and repository, which may be any of these words.
    below = re.sub("/repos/[^/]+/[^/]+", "", path.partition("?")[0], count=1)
    for pattern, name in _BY_PATH:
        if re.search(pattern, below):
            return f"{name}: {level}"
    return f"contents: {level}"


def accepted(headers: Mapping[str, str]) -> list[str]:
    """What GitHub says that would have done, as lines of a job's `permissions:`.

    Alternatives are apart by semicolons; all that one of them lists is needed.
    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permissions

    Args:
        headers: Of the refusal, with names in lower case.
    """
    told = headers.get("x-accepted-github-permissions", "")
    found = []
    for alternative in told.split(";"):
        pairs = re.findall(r"([a-z_]+)=(read|write|admin)", alternative)
        if pairs:
            lines = (f"{name.replace('_', '-')}: {level}" for name, level in pairs)
            found.append(", ".join(lines))
    return found


def advice(kind: Kind, permission: str, headers: Mapping[str, str]) -> str:
    """How the permission is given to such a token."""
    wanted = _wanted(permission, accepted(headers))
    if kind == "fine-grained":
        return f"Give the personal access token `{_spelled(wanted)}` on this repository."
    if kind == "classic":
        scope = headers.get("x-accepted-oauth-scopes", "").strip() or _scope(wanted)
        held = headers.get("x-oauth-scopes")
        has = "" if held is None else f" (it has {held.strip() or 'none'})"
        return f"Give the personal access token the scope `{scope}`{has}."
    return f"Add `permissions: {wanted}` to the job."


def _wanted(permission: str, choices: list[str]) -> str:
    """The alternative that has to do with ours; the level that we need may be the higher one."""
    name, _, level = permission.partition(": ")
    if not choices or (level == "write" and f"{name}: read" in choices):
        return permission
    return next((choice for choice in choices if choice.startswith(f"{name}: ")), choices[0])


def _spelled(permission: str) -> str:
    """As the settings of a fine-grained token have it: `Pull requests: Read and write`."""
    name, _, level = permission.partition(",")[0].partition(": ")
    text = "Read and write" if level == "write" else "Read-only"
    return f"{name.replace('-', ' ').capitalize()}: {text}"


def _scope(permission: str) -> str:
    return _SCOPES.get(permission.partition(":")[0], "repo")
