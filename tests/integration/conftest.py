"""Repositories for the tests of the stages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import repos
from tests.fakes.github_api import GitHubApi, State
from tests.rendering import packages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, also where several processes run the tests."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return repos.template(folder / "template")


@pytest.fixture
def cloned(template: Path, tmp_path: Path) -> repos.Project:
    """What CI has: a fresh clone of the branch `better`; the data is in the remote alone."""
    return repos.clone(template, tmp_path)


@pytest.fixture
def project(template: Path, tmp_path: Path) -> repos.Project:
    """What a developer has: everything is in the cache and in its place."""
    return repos.copy(template, tmp_path)


@pytest.fixture(scope="session")
def server() -> Iterator[GitHubApi]:
    """A GitHub; each test gives it a state of its own."""
    with GitHubApi(State()) as running:
        yield running


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Where an S3 server (moto's) answers."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """What `tests.rendering` needs from npm: without it a test is skipped, and fails in CI."""
    try:
        packages.folder()
    except packages.UnavailableError as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
