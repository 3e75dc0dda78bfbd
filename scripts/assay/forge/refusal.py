"""What GitHub's refusals mean: whether to try again, when, and how to say it to a person.

Pure functions; `failures.py` turns what the libraries raise into a `Refusal`.
"""

from __future__ import annotations

import email.utils
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from assay.errors import ForgeError
from assay.forge.rights import RERUN, TALK, advice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.forge.rights import Kind

Verb = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

_NOT_FOUND = (
    "{subject} does not exist or is not visible with this token ({refusal})",
    "Check number and repository. GitHub also hides what a token may not read.",
)
_MOVED = (
    "{subject} is somewhere else by now ({refusal}), and nothing was done",
    "Was the repository renamed or moved? Check GITHUB_REPOSITORY and GITHUB_API_URL.",
)
_WORDS = {
    301: _MOVED,
    302: _MOVED,
    307: _MOVED,
    308: _MOVED,
    401: (
        "GitHub does not accept the token ({refusal}): it is expired, revoked or mistyped",
        (
            "Pass a valid one: `github-token: ${{ github.token }}`, or set GITHUB_TOKEN. "
            "Its job needs `permissions: {permission}`."
        ),
    ),
    404: _NOT_FOUND,
    410: _NOT_FOUND,
    422: (
        "GitHub rejects what was sent for {subject} ({refusal})",
        "This is probably a defect of Assay: please report it with the message above.",
    ),
}
"""Message and hint for what needs no closer look."""
WRONG_API = "Check GITHUB_API_URL: is it the API of your GitHub server?"
_OTHER = ("GitHub did not accept a request for {subject} ({refusal})", WRONG_API)
_THINGS = {
    "actions": "runs of",
    "checks": "checks of",
    "contents": "files for",
    "deployments": "deployments of",
    "issues": "issues of",
    "pull-requests": "comments on",
    "statuses": "statuses of",
}
_FORK = (
    " A pull request from a fork always gets a read-only token: "
    "post its report from a second workflow, on `workflow_run`."
)


class LookAgainError(ForgeError):
    """Whether the request took effect is unknown, or what it was about is gone."""


class MissingError(ForgeError):
    """It is not there, or not for this token to see."""


class ForbiddenError(ForgeError):
    """The token is good, but not for this."""


class RejectedError(ForgeError):
    """What was sent breaks a rule: a name is taken, a ruleset forbids it."""


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error, or no answer at all."""

    status: int | None
    """None when nothing was answered."""
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """With names in lower case."""
    hint: str | None = None
    lasting: bool = False
    """Trying again cannot help, whatever the status."""

    @property
    def limits_rate(self) -> bool:
        """Whether this is a rate limit; GitHub uses 403 for these too.

        https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
        """
        if self.status == 403:
            return (
                "retry-after" in self.headers
                or self.headers.get("x-ratelimit-remaining") == "0"
                or "rate limit" in self.message.lower()
            )
        return self.status == 429

    def __str__(self) -> str:
        return self.message if self.status is None else f"{self.status}: {self.message}"


def seconds_to_wait(
    refusal: Refusal, *, attempt: int, now: float, spread: float = 0.0
) -> float | None:
    """How long to wait before the next try, or None when there is no point in one.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api

    Args:
        refusal: What the last try got.
        attempt: How many tries were refused before it.
        now: Seconds since 1970.
        spread: Between 0 and 1: how much later than the earliest moment. Never earlier.
    """
    later = spread * 2.0**attempt
    if refusal.limits_rate:
        asked = _asked_wait(refusal.headers, now)
        return (60.0 * 2**attempt if asked is None else asked) + later
    if refusal.lasting or (refusal.status is not None and refusal.status < 500):
        return None
    return 2.0**attempt + later


def _asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    after = headers.get("retry-after", "").strip()
    if after.isdecimal():
        return float(after)
    if date := email.utils.parsedate_tz(after):
        return max(0.0, email.utils.mktime_tz(date) - now)
    reset = headers.get("x-ratelimit-reset", "").strip()
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(0.0, float(reset) - now) + 1
    return None


def explain(
    refusal: Refusal,
    *,
    verb: Verb,
    subject: str,
    permission: str = TALK,
    kind: Kind = "job",
    now: float | None = None,
) -> ForgeError:
    """The refusal in words that say what to do about it.

    Args:
        refusal: What came in place of an answer.
        verb: What was asked for.
        subject: What it was about: `pull request #5 of acme/bikes`.
        permission: What a job needs for it.
        kind: Whose token it is.
        now: Seconds since 1970, to say until when a rate limit lasts.
    """
    if refusal.status is None or refusal.status >= 500 or refusal.lasting:
        # Anything else was repeated by now; a POST must not be, before we have looked.
        lost = verb == "POST" and not refusal.lasting
        deed = "could not read" if verb == "GET" else "could not post to"
        hint = refusal.hint or "GitHub has a problem: see githubstatus.com and run this again."
        return (LookAgainError if lost else ForgeError)(f"{deed} {subject}: {refusal}", hint=hint)
    if refusal.limits_rate:
        return _explain_limit(refusal, subject=subject, now=now)
    status = refusal.status
    if status == 403:
        return _explain_forbidden(
            refusal, verb=verb, subject=subject, permission=permission, kind=kind
        )
    found = ForgeError
    if status in {404, 410}:
        found = LookAgainError if verb == "PATCH" else MissingError
    if status == 422:
        found = RejectedError
    message, hint = _WORDS.get(status, _OTHER)
    if status == 404 and kind == "classic" and "x-oauth-scopes" in refusal.headers:
        hint = f"{hint} {advice(kind, permission, refusal.headers)}"
    # By replacing, for a hint may hold `${{ }}`.
    hint = hint.replace("{permission}", permission)
    return found(message.format(subject=subject, refusal=refusal), hint=hint)


def _explain_limit(refusal: Refusal, *, subject: str, now: float | None) -> ForgeError:
    asked = None if now is None else _asked_wait(refusal.headers, now)
    until = ""
    if now is not None and asked is not None:
        until = f" until {datetime.fromtimestamp(now + asked, UTC):%H:%M UTC on %Y-%m-%d}"
    return ForgeError(
        f"GitHub's rate limit does not let us go on with {subject}{until} ({refusal})",
        hint=f"Run this again{until.replace(' until', ' after') or ' later'}; "
        "many jobs that post at once use up the limit together.",
    )


def _explain_forbidden(
    refusal: Refusal, *, verb: Verb, subject: str, permission: str, kind: Kind
) -> ForgeError:
    said = refusal.message.lower()
    if "locked" in said:
        return ForbiddenError(
            f"the conversation of {subject} is locked ({refusal})",
            hint="Unlock it, or read the report in the job's summary.",
        )
    if "saml" in said:
        return ForbiddenError(
            f"the organization wants single sign-on for {subject} ({refusal})",
            hint="Authorize the token for the organization: https://github.com/settings/tokens",
        )
    if "personal access token" in said:
        kind = "fine-grained"
    hint = advice(kind, permission, refusal.headers)
    if kind == "job" and permission != RERUN and permission.endswith("write"):
        hint += _FORK
    lack = f": it lacks `{permission}`" if "not accessible" in said else ""
    if permission == RERUN:
        return ForbiddenError(f"the token may not re-run {subject}{lack} ({refusal})", hint=hint)
    deed = "read" if verb == "GET" else "write"
    thing = _THINGS.get(permission.partition(":")[0], "to")
    return ForbiddenError(
        f"the token may not {deed} {thing} {subject}{lack} ({refusal})", hint=hint
    )
