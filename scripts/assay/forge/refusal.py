"""What GitHub's refusals mean: whether to try again, when, and how to say it to a person.

Pure functions; `github.py` turns what the library raises into a `Refusal`.
"""

from __future__ import annotations

import email.utils
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from assay.errors import ForgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

Verb = Literal["GET", "POST", "PATCH"]

_NOT_FOUND = (
    "{subject} does not exist or is not visible with this token ({refusal})",
    "Check number and repository. GitHub also hides what a token may not read.",
)
_WORDS = {
    401: (
        "GitHub does not accept the token ({refusal}): it is expired, revoked or mistyped",
        "Pass a valid one: `github-token: ${{ github.token }}`, or set GITHUB_TOKEN.",
    ),
    404: _NOT_FOUND,
    410: _NOT_FOUND,
    422: (
        "GitHub rejects the comment for {subject} ({refusal})",
        "This is probably a defect of Assay: please report it with the message above.",
    ),
}
"""Message and hint for what needs no closer look."""
TALK, RERUN = "pull-requests: write", "actions: write"
"""The permissions that a job needs: for comments and reactions, and to run jobs again."""
WRONG_API = "Check GITHUB_API_URL: is it the API of your GitHub server?"
_OTHER = ("GitHub did not accept the comment for {subject} ({refusal})", WRONG_API)


class LookAgainError(ForgeError):
    """Whether the request took effect is unknown, or what it was about is gone."""


class MissingError(ForgeError):
    """It is not there, or not for this token to see."""


class ForbiddenError(ForgeError):
    """The token is good, but not for this."""


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


def seconds_to_wait(refusal: Refusal, *, attempt: int, now: float) -> float | None:
    """How long to wait before the next try, or None when there is no point in one.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api

    Args:
        refusal: What the last try got.
        attempt: How many tries were refused before it.
        now: Seconds since 1970.
    """
    if refusal.limits_rate:
        asked = _asked_wait(refusal.headers, now)
        return 60.0 * 2**attempt if asked is None else asked
    if refusal.lasting or (refusal.status is not None and refusal.status < 500):
        return None
    return 2.0**attempt


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


def explain(refusal: Refusal, *, verb: Verb, subject: str, permission: str = TALK) -> ForgeError:
    """The refusal in words that say what to do about it.

    Args:
        refusal: What came in place of an answer.
        verb: What was asked for.
        subject: What it was about: `pull request #5 of acme/bikes`.
        permission: What a job needs for it.
    """
    if refusal.status is None or refusal.status >= 500 or refusal.lasting:
        # A GET or a PATCH was repeated by now; a POST must not be, before we have looked.
        lost = verb == "POST" and not refusal.lasting
        message = f"could not post to {subject}: {refusal}"
        hint = refusal.hint or "GitHub has a problem: see githubstatus.com and run this again."
        return (LookAgainError if lost else ForgeError)(message, hint=hint)
    if refusal.limits_rate:
        return ForgeError(
            f"GitHub's rate limit does not let us post to {subject} ({refusal})",
            hint="Run this again later; many jobs that post at once use up the limit together.",
        )
    status = refusal.status
    if status == 403:
        return _explain_forbidden(refusal, verb=verb, subject=subject, permission=permission)
    kind = ForgeError
    if status in {404, 410}:
        kind = LookAgainError if verb == "PATCH" else MissingError
    message, hint = _WORDS.get(status, _OTHER)
    return kind(message.format(subject=subject, refusal=refusal), hint=hint)


def _explain_forbidden(
    refusal: Refusal, *, verb: Verb, subject: str, permission: str
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
        hint = "Give the personal access token `Pull requests: Read and write` on this repository."
    else:
        hint = f"Add `permissions: {permission}` to the job."
        if permission == TALK:
            hint += (
                " A pull request from a fork always gets a read-only token: "
                "post its report from a second workflow, on `workflow_run`."
            )
    lack = f": it lacks `{permission}`" if "not accessible" in said else ""
    if permission == RERUN:
        return ForbiddenError(f"the token may not re-run {subject}{lack} ({refusal})", hint=hint)
    deed = "read" if verb == "GET" else "write"
    return ForbiddenError(
        f"the token may not {deed} comments on {subject}{lack} ({refusal})", hint=hint
    )
