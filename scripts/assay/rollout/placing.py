"""What every verb of rollouts begins with: the target of an environment, and whose word counts."""

from __future__ import annotations

import getpass
import platform
import shutil
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.configrollout import HostSpec
from assay.console import printable
from assay.errors import OutsideError, UsageError
from assay.rollout.conduct import Clock, Conduct, new_id
from assay.rollout.host.settings import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from assay.configrollout import EnvironmentSpec
    from assay.context import Context
    from assay.packaging.signing import Trust
    from assay.rollout.journal import Event
    from assay.rollout.targets.base import Target

CLOCK = Clock()


@dataclass(frozen=True)
class Vouched:
    """Whose signature counts: here, and as text for a target that looks again."""

    trust: Trust | None
    text: Trusted


@dataclass(frozen=True)
class Whose:
    """What a person said of whose signature counts; nothing: `key` of the environment."""

    key: Path | None = None
    certificate: Path | None = None
    identity: str | None = None
    issuer: str | None = None
    unsigned: bool = False

    def trust(self, spec: EnvironmentSpec, root: Path) -> Vouched:
        """Whose signature counts for an environment.

        Raises:
            UsageError: Nothing says it, or two things do, or a file is no key.
        """
        from assay.clibundle import trust_of

        key = self.key
        said = (self.key, self.certificate, self.identity)
        if spec.key is not None and not any(said) and not self.unsigned:
            key = root / spec.key
        if key is None and not any(said) and not self.unsigned:
            raise UsageError(
                "Nothing says whose signature counts, so anybody's bundle could be deployed.",
                hint="Commit the public key, and name it as `key` of the environment in assay.yaml "
                "(or `--key FILE`, `--identity WORKFLOW`); `--unsigned` takes anybody's.",
            )
        trust = trust_of(
            key,
            self.certificate,
            self.identity,
            at=None,
            issuer=self.issuer,
            unsigned=self.unsigned,
        )
        text = Trusted(
            key=_text(key),
            certificate=_text(self.certificate),
            identity=self.identity,
            issuer=self.issuer,
        )
        return Vouched(trust, text)


def _text(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text(encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def target(
    context: Context, name: str, spec: EnvironmentSpec, vouched: Vouched | None
) -> Iterator[Target]:
    """The place that an environment is, for as long as the block lasts.

    Args:
        context: The project.
        name: Of the environment.
        spec: What `assay.yaml` says of it.
        vouched: Whose signature counts; `None` where nothing new is brought there.
    """
    root = context.workspace.root
    if isinstance(spec.target, HostSpec):
        from assay.rollout.targets import host

        made: Target = host.made(spec.target, root, vouched.text if vouched else None)
    else:
        from assay.rollout.targets.command import CommandTarget

        made = CommandTarget(spec.target, name, root, context.environ)
    try:
        yield made
    finally:
        close = getattr(made, "close", None)
        if close is not None:
            close()


def conduct(context: Context, target: Target, deed: str, clock: Clock = CLOCK) -> Conduct:
    """What a rollout has in hand: who it is, in words for whoever else wants the lease."""
    who = context.environ.get("GITHUB_ACTOR") or getpass.getuser()
    run = f", {context.ci.run_url}" if context.ci.run_url else f" on {platform.node()}"
    owner = f"{deed} by {who}{run}, {new_id()}"
    return Conduct(target, owner, clock=clock, tell=_teller(context))


def _teller(context: Context) -> Callable[[Event], None]:
    """Prints what a rollout does, as it does it; what was said is not said again."""
    began = context.clock()
    said: list[str] = []
    # A log is searched line by line.
    width = shutil.get_terminal_size().columns if context.console.interactive else sys.maxsize

    def tell(event: Event) -> None:
        known = said if event.kind == "end" else said[-1:]
        if event.kind == "done" or event.what in known:
            return
        said.append(event.what)
        first, *rest = map(printable, event.what.splitlines() or [""])
        head, below = f"{context.clock() - began:8.1f} s  ", " " * 12
        context.console.line(
            textwrap.fill(first, width, initial_indent=head, subsequent_indent=below)
        )
        for line in rest:  # the end of a log
            context.console.line(f"{below}{line}")

    return tell
