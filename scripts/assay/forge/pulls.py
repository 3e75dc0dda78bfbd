"""Reading what was said on a pull request of GitHub's, and who may write to its repository."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay import forge
from assay.errors import ForgeError
from assay.forge.comment import Comment
from assay.forge.refusal import WRONG_API, ForbiddenError, MissingError
from assay.forge.thread import Thread, Voice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from assay.forge.transport import Api

LABEL = "assay:"
"""What labels for us begin with; where there is none, nobody has to look who set it."""


def thread(api: Api, repository: str, number: int) -> Thread:
    """The pull request, its comments and the labels that are on it; not yet who we are.

    https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request

    Raises:
        ForgeError: GitHub cannot be reached or refuses.
    """
    pull = api.request("GET", f"/repos/{repository}/pulls/{number}")
    match pull:
        case {"head": {"sha": str(head)}, "user": user, "labels": list(labels), **rest}:
            author, _ = account(user)
            place = str(rest.get("html_url", ""))
        case _:
            raise ForgeError("GitHub sent no pull request", hint=WRONG_API)
    names = {label["name"] for label in labels if isinstance(label, dict) and "name" in label}
    wanted = {str(name) for name in names if str(name).lower().startswith(LABEL)}
    said = tuple(comments(api, repository, number))
    found = Thread(head=head, author=author, login="", comments=said)
    if not wanted:
        return found
    events = api.pages(f"/repos/{repository}/issues/{number}/events")
    try:
        return replace(found, labels=tuple(_set(events, wanted, place)))
    except ForbiddenError:
        # Whoever may set labels could keep comments from being heard, if this were an error.
        return replace(found, labels_hidden=True)


def comments(api: Api, repository: str, number: int, query: str = "") -> Iterator[Comment]:
    """What was written on a pull request, all pages of it.

    https://docs.github.com/en/rest/issues/comments#list-issue-comments
    """
    return map(comment, api.pages(f"/repos/{repository}/issues/{number}/comments{query}"))


def head(pull: object) -> str:
    """The commit that a pull request is at.

    Raises:
        ForgeError: It is none.
    """
    match pull:
        case {"head": {"sha": str(sha)}}:
            return sha
    raise ForgeError("GitHub sent no pull request", hint=WRONG_API)


def _set(events: Iterable[object], names: Collection[str], place: str) -> Iterable[Voice]:
    """Of each label, the event that set it last: it may have been taken off and put on again.

    https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#labeled
    """
    found = {}
    for event in events:
        match event:
            case {
                "event": "labeled",
                "id": int(number),
                "label": {"name": str(name)},
                "actor": actor,
                "created_at": str(created),
            } if name in names:
                who, person = account(actor)
                url = f"{place}#event-{number}" if place else ""
                found[name] = Voice(who, person, moment(created), url, name, how="label")
    return found.values()


def writers(api: Api, repository: str, logins: Iterable[str]) -> frozenset[str]:
    """Those who may write to the repository, at this moment.

    `permission` is one of admin, write, read and none; GitHub maps maintain to write and triage to
    read. `role_name` is not looked at: an organization may call any role of its own `admin`.
    https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    found = set()
    for login in sorted(logins):
        path = f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission"
        try:
            answer = api.request("GET", path)
        except MissingError:  # no such account any more
            continue
        match answer:
            case {"permission": "admin" | "write"}:
                found.add(login)
            case {"permission": str()}:
                continue
            case _:
                raise ForgeError(f"GitHub does not say what {login} may do", hint=WRONG_API)
    return frozenset(found)


def is_trusted(api: Api, repository: str, user: object) -> bool:
    """Whether an account is a bot, which somebody had to install, or may write to the repository.

    Anybody may comment on a public issue and open a pull request, with marks like ours in it.
    """
    login, person = account(user)
    return bool(login) and (not person or login in writers(api, repository, [login]))


def comment(data: object) -> Comment:
    """A comment from GitHub's JSON.

    Raises:
        ForgeError: It is none.
    """
    match data:
        case {"id": int(number), "html_url": str(url), "user": user, "body": body, **rest}:
            who, person = account(user)
            return Comment(
                id=number,
                author=who,
                body=str(body or ""),
                url=url,
                person=person,
                created=moment(rest.get("created_at")),
                updated=moment(rest.get("updated_at")),
            )
    raise ForgeError("GitHub sent no comment", hint=WRONG_API)


def account(user: object) -> tuple[str, bool]:
    """The login, and whether it is a person's; an account that is gone has none."""
    match user:
        case {"login": str(login), **rest} if login:
            return login, rest.get("type") == "User"
    return "", False


def moment(text: object) -> datetime:
    """A time as GitHub writes it: `2026-01-05T09:00:00Z`.

    Raises:
        ForgeError: It is none.
    """
    found = forge.moment(text)
    if found is None:
        raise ForgeError(f"GitHub sent {text!r} for a time", hint=WRONG_API)
    return found
