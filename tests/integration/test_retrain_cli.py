"""`assay retrain` as it is typed, and its steps as the action runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.asking import REPO, SECRET
from tests.retrain_facts import section
from tests.retrain_shop import BRANCH, Shop, founded, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.github_api import GitHubApi


FILES = {".gitignore": ".assay/\n", "dvc.yaml": "stages: {}\n", "dvc.lock": "# 1\n"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded(tmp_path_factory.mktemp("retrain"), FILES)


@pytest.fixture
def shop(place: Path, tmp_path: Path, server: GitHubApi) -> Iterator[Shop]:
    with opened(place, tmp_path, server) as made:
        yield made


def typed(shop: Shop, *args: str, **more: str) -> tuple[int, str]:
    """The command line; exit code, and everything that it printed."""
    given = {
        "GITHUB_TOKEN": SECRET,
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_API_URL": shop.github.url,
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli", *args],
        cwd=shop.root,
        env={**shop.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert SECRET not in printed
    return done.returncode, printed


def test_the_steps_of_the_action(shop: Shop, tmp_path: Path) -> None:
    """A training leaves files; what comes of them is said in outputs and in the summary."""
    shop.train({"dvc.lock": "# 2\n"}, reason="It was @everybody.")
    out, summary = tmp_path / "out", tmp_path / "summary"
    files = {"GITHUB_OUTPUT": str(out), "GITHUB_STEP_SUMMARY": str(summary)}
    code, printed = typed(shop, "retrain-propose", **files)
    assert code == 0, printed
    first, note, url = printed.splitlines()
    assert first == (
        "opened: The candidate is a pull request, and its checks say whether it is better."
    )
    assert note.startswith("note: GitHub starts no workflow for what `GITHUB_TOKEN` opens")
    assert url == f"https://github.com/{REPO}/pull/1"
    told = out.read_text()
    assert "opened" in told
    assert f"https://github.com/{REPO}/pull/1" in told
    assert summary.read_text().startswith(
        "🔁 **Opened** [#1](https://github.com/acme/bikes/pull/1)"
    )
    assert "@everybody" not in shop.repository.pulls[1].body
    assert shop.head() != shop.head("main")


def test_a_decision_against_it_ends_the_steps(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (shop.root / "assay.yaml").write_text(f"retrain: {{when: [schedule], branch: {BRANCH}}}\n")
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "--message=Config")
    shop.git("push", "--quiet", "origin", "HEAD:main")
    code, printed = typed(shop, "retrain-decide", GITHUB_OUTPUT=str(out), ASSAY_WHY="drift")
    assert (code, "`drift` is no reason to train anew here" in printed) == (0, True)
    assert "false" in out.read_text()
    code, printed = typed(shop, "retrain-propose")
    assert (code, printed.startswith("not now: `drift` is no reason")) == (0, True)
    assert not shop.repository.pulls


def test_a_dry_run_by_hand(shop: Shop) -> None:
    (shop.root / ".assay").mkdir()
    (shop.root / ".assay/monitor.json").write_text(
        section(["drift", "drift"], k=1).model_dump_json()
    )
    code, printed = typed(shop, "retrain", "--dry-run")
    assert code == 0
    assert printed == (
        "would retrain: The model does worse in production than where it was tested.\n"
    )


def test_a_reason_that_is_none(shop: Shop) -> None:
    code, printed = typed(shop, "retrain", "--why", "boredom")
    assert code == 2
    assert "`why` is 'boredom'. Allowed: drift, performance, schedule, data, hand." in printed
