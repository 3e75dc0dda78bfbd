"""The target that an environment of `assay.yaml` is, and whose signature counts for it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay.errors import UsageError
from assay.rollout import placing
from assay.rollout.placing import Whose
from assay.rollout.targets.base import Target
from assay.rollout.targets.command import CommandTarget
from assay.rollout.targets.host import HostTarget, SshTarget
from assay.stages import rollback

from tests import rollout_scripts
from tests.builders import make_context
from tests.unit.packaging import vouched

if TYPE_CHECKING:
    from assay.context import Context

PROGRAM = json.dumps([sys.executable, str(Path(rollout_scripts.__file__))])
CONFIG = f"""\
environments:
  host: {{target: {{folder: srv}}, key: keys/assay.pub}}
  far: {{target: {{folder: /srv, ssh: nobody@127.0.0.1, port: 1}}}}
  command:
    target:
      kind: command
      start: {PROGRAM}
      weight: {PROGRAM}
      status: {PROGRAM}
      stop: {PROGRAM}
      observe: {PROGRAM}
"""
KINDS = {"host": HostTarget, "far": SshTarget, "command": CommandTarget}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "assay.pub").write_bytes(vouched.public_pem(vouched.KEY))
    return make_context(tmp_path, CONFIG)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_its_target(context: Context, name: str) -> None:
    spec = context.config.environments[name]
    with placing.target(context, name, spec, None) as made:
        assert isinstance(made, KINDS[name])
        assert isinstance(made, Target)


@pytest.mark.parametrize("name", ["host", "command"])
def test_a_place_where_nothing_is_says_so(context: Context, name: str) -> None:
    assert rollback.status(context, name).startswith("stable       nothing\n")


@pytest.mark.parametrize("name", ["host", "command"])
def test_where_nothing_is_there_is_nothing_to_go_back_to(context: Context, name: str) -> None:
    with pytest.raises(UsageError, match="no version to go back to: nothing is deployed"):
        rollback.run(context, name, to=None)


class TestWhose:
    def test_the_key_of_the_environment(self, context: Context) -> None:
        spec = context.config.environments["host"]
        found = Whose().trust(spec, context.workspace.root)
        assert found.trust is not None
        assert found.text.key == vouched.public_pem(vouched.KEY).decode()

    def test_what_a_person_says_comes_first(self, context: Context, tmp_path: Path) -> None:
        other = tmp_path / "other.pub"
        other.write_bytes(vouched.public_pem(vouched.OTHER_KEY))
        spec = context.config.environments["host"]
        found = Whose(key=other).trust(spec, context.workspace.root)
        assert found.text.key == other.read_text()
        named = Whose(identity="https://github.com/a/b").trust(spec, context.workspace.root)
        assert (named.text.key, named.text.identity) == (None, "https://github.com/a/b")
        assert Whose(unsigned=True).trust(spec, context.workspace.root).trust is None

    def test_two_of_them_exclude_each_other(self, context: Context) -> None:
        spec = context.config.environments["host"]
        with pytest.raises(UsageError, match="exclude each other"):
            Whose(identity="x", unsigned=True).trust(spec, context.workspace.root)

    def test_a_key_that_is_not_there(self, context: Context) -> None:
        spec = context.config.environments["host"].model_copy(update={"key": "keys/none.pub"})
        with pytest.raises(UsageError, match=r"none\.pub"):
            Whose().trust(spec, context.workspace.root)


def test_who_holds_a_lease_is_said_in_words(context: Context) -> None:
    environ = {**context.environ, "GITHUB_ACTOR": "ann"}
    ci = context.ci.model_copy(update={"run_url": "https://github.com/a/b/actions/runs/7"})
    with placing.target(context, "host", context.config.environments["host"], None) as made:
        found = placing.conduct(replace(context, environ=environ, ci=ci), made, "deploy of x@v1")
    assert found.owner.startswith("deploy of x@v1 by ann, https://github.com/a/b/actions/runs/7, ")
