"""A GitHub API that remembers: real HTTP on 127.0.0.1, with GitHub's rules and JSON.

In a test:

    state = State(tokens={...}, repositories={...})
    with GitHubApi(state) as api:
        ...  # api.url is what GITHUB_API_URL is on a runner

As a program, for other processes (the first line that it prints is the URL; the file is read at the
start and written after every request):

    python -m tests.fakes.github_api --port 0 --state state.json

It answers under `/`, under `/api/v3/` (an Enterprise server's prefix), and for
`/repositories/{id}/`, which is what GitHub's own `Link` and `Location` headers use.

`State` has what sets things up: `comment`, `label`, `commit` (files on a branch, as real git
objects), `run`, `artifact`; `fail` and `slow_down` let requests fail. Where api.url also stands for
the web site (GITHUB_SERVER_URL), it serves `/{owner}/{repo}/raw/{commit}/{path}`.

Every request that it takes and every answer that it gives is held to GitHub's OpenAPI description
(`tests.fakes.github.described`): a test in which one does not fit fails, whatever else it asserts.

More endpoints: write a function (Call) -> Reply, decorated with `@route`, in a module of
`tests.fakes.github`, which `server` imports; give `Repository` the field that it keeps its things
in; run `python -m tests.fakes.github.renew`. Permission, visibility, pagination, injected failures
and the log are taken care of there.
https://docs.github.com/en/rest
"""

from __future__ import annotations

import sys

from tests.fakes.github.comments import MAX_BODY
from tests.fakes.github.server import GitHubApi, main
from tests.fakes.github.state import (
    Artifact,
    Asset,
    CheckRun,
    Comment,
    Deployment,
    DeploymentStatus,
    Event,
    Failure,
    Issue,
    Level,
    Logged,
    Pull,
    Release,
    Repository,
    State,
    Status,
    Token,
    WorkflowRun,
    load,
    save,
    workflow_token,
)

__all__ = [
    "MAX_BODY",
    "Artifact",
    "Asset",
    "CheckRun",
    "Comment",
    "Deployment",
    "DeploymentStatus",
    "Event",
    "Failure",
    "GitHubApi",
    "Issue",
    "Level",
    "Logged",
    "Pull",
    "Release",
    "Repository",
    "State",
    "Status",
    "Token",
    "WorkflowRun",
    "load",
    "main",
    "save",
    "workflow_token",
]

if __name__ == "__main__":
    sys.exit(main())
