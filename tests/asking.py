"""A repository at the fake GitHub, and a connection that asks about it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from assay.forge.transport import Api

from tests.fakes.github_api import Repository, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.github_api import GitHubApi, Token

REPO = "acme/bikes"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"


@contextlib.contextmanager
def serving(server: GitHubApi, token: Token, **repository: Any) -> Iterator[GitHubApi]:
    """A GitHub with one repository; behind that, no request had the token but where it belongs."""
    server.state = State(
        tokens={SECRET: token}, repositories={REPO: Repository(id=7, **repository)}
    )
    yield server
    assert not [logged for logged in server.state.requests if logged.token_outside_header]


def connection(github: GitHubApi, subject: str) -> Api:
    """A connection that does not wait."""
    return Api(url=github.url, token=SECRET, timeout=5, sleep=lambda _: None, subject=subject)
