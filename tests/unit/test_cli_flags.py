"""The command line stands and its flags are flags, also with the oldest Typer that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from assay.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def _commands(group: Any) -> Iterator[Any]:
    for one in group.commands.values():
        yield from _commands(one) if hasattr(one, "commands") else (one,)


COMMANDS = {one.name: one for one in _commands(typer.main.get_command(app))}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_flag_that_is_given_is_true(name: str) -> None:
    command = COMMANDS[name]
    with command.make_context(name, [], resilient_parsing=True) as context:
        assert command.get_help(context)
    for flag in (one for one in command.params if getattr(one, "is_flag", False)):
        if flag.is_eager:  # `--help` ends
            continue
        with command.make_context(name, [flag.opts[0]], resilient_parsing=True) as context:
            assert context.params[flag.name] is True
