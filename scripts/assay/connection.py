"""The connection to the forge of a run. The one place that reads a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from assay.errors import ForgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.ci import CiContext
    from assay.forge.github import GitHubForge

TOKENS = ("ASSAY_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")


def connect(ci: CiContext, environ: Mapping[str, str]) -> GitHubForge:
    """The forge of a run.

    Raises:
        ForgeError: There is no token.
    """
    from assay.forge.github import GitHubForge

    return GitHubForge(api_url=ci.api_url, repository=ci.repository or "", token=token(environ))


def token(environ: Mapping[str, str]) -> SecretStr:
    """The token that the step was given.

    Raises:
        ForgeError: There is none.
    """
    for name in TOKENS:
        if environ.get(name):
            return SecretStr(environ[name])
    raise ForgeError(
        "There is no token to post the comment with.",
        hint="Pass `github-token: ${{ github.token }}` to the action, or set GITHUB_TOKEN.",
    )
