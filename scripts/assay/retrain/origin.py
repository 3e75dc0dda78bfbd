"""Where origin is, and the token for it and for no other server."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assay.errors import RepositoryError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from assay.context import Context


def address(context: Context) -> str:
    """Where origin is; at GitHub by what the run says, and not by what a training may write.

    Raises:
        RepositoryError: There is none.
    """
    named = context.workspace.git.text("remote", "get-url", "origin")
    if named is None:
        raise RepositoryError(
            "There is no remote `origin` to push a branch to.",
            hint="Name the repository on GitHub: `git remote add origin ADDRESS`.",
        )
    ci = context.ci
    if ci.host == "github" and ci.repository and named.startswith(("http://", "https://")):
        return f"{ci.server_url.rstrip('/')}/{ci.repository}.git"
    if "://" not in named and ":" not in named:
        return str((context.workspace.root / named).resolve())
    return named


def trusted(context: Context, address: str, token: SecretStr | None) -> dict[str, str]:
    """The token as git takes it: for this one server, and in no argument.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpltURLgtextraHeader
    """
    server = context.ci.server_url.rstrip("/")
    same = urlsplit(address)[:2] == urlsplit(server)[:2]
    if token is None or not address.startswith(("http://", "https://")) or not same:
        return {}
    secret = base64.b64encode(f"x-access-token:{token.get_secret_value()}".encode()).decode()
    return {
        # A training may have written there, too.
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
    }
