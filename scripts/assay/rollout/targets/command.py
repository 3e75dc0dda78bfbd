"""The target `command`: the user's own programs move traffic; who is stable is kept in a folder.

The programs know the place, this module the rollout: journal, lease, bundles and the pointer to
the stable version are files of `.assay/rollouts/ENVIRONMENT/`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from assay.errors import AssayError
from assay.rollout import journal
from assay.rollout.host import bundles, layout, lease
from assay.rollout.host.files import read_json, unreadable, write_json
from assay.rollout.host.settings import Trusted
from assay.rollout.targets.base import (
    MissingVersionError,
    Observation,
    PlaceError,
    Routing,
    StartError,
    State,
    VersionId,
)
from assay.rollout.targets.holding import Holding
from assay.rollout.targets.programs import ProgramFailedError, ask, environment
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.configrollout import CommandSpec
    from assay.rollout.host.bundles import Receive
    from assay.rollout.journal import Event

Model = TypeVar("Model", bound=Fact)


class Status(Fact):
    """What `status` answers."""

    running: tuple[VersionId, ...] = ()
    routing: Routing | None = None
    placed: tuple[VersionId, ...] = ()
    """Versions that `start` can start without a bundle."""


class _Kept(Fact):
    """`state.json`."""

    stable: VersionId | None = None
    last_good: VersionId | None = None
    bundles: tuple[VersionId, ...] = ()
    """The one that came last is first."""


@dataclass
class CommandTarget:
    """An environment that is moved by the user's programs."""

    spec: CommandSpec
    name: str
    """Of the environment."""
    root: Path
    """The project's folder, in which programs run."""
    environ: Mapping[str, str]
    receive: Receive = bundles.received
    """Copies a bundle and checks that it is the right one."""
    clock: lease.Clock = field(default_factory=lease.Clock)

    @property
    def folder(self) -> Path:
        """Where the rollout's own files are."""
        return self.root / ".assay" / "rollouts" / self.name.replace("/", "=")

    @cached_property
    def hold(self) -> Holding:
        """The lease."""
        return Holding(self.folder, self.name, self.clock)

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        """See `Target.acquire`."""
        self.hold.acquire(owner, ttl, force=force)

    def release(self, owner: str) -> None:
        """See `Target.release`."""
        self.hold.release(owner)

    def close(self) -> None:
        """Let others know that this one is gone."""
        self.hold.close()

    # --- what there is -----------------------------------------------------------------------

    def state(self) -> State:
        """See `Target.state`. What the programs say counts, where a rollout is not under way."""
        kept, status = self._kept(), self._asked("status", Status)
        rollout = journal.unfinished(self.events())
        stable = kept.stable
        if rollout is None and status.routing is not None:
            stable = status.routing.stable
        held = self.hold.lease
        known = (*kept.bundles, *(one for one in status.placed if one not in kept.bundles))
        return State(
            stable=stable,
            last_good=kept.last_good,
            routing=status.routing,
            running=status.running,
            placed=known,
            owner=None if held is None else held.owner,
            rollout=rollout,
        )

    def observe(self) -> Observation:
        """See `Target.observe`."""
        found = self._asked("observe", Observation)
        self.hold.shorten()
        return found

    def events(self) -> list[Event]:
        """See `Target.events`."""
        return journal.read(self.folder / "journal.jsonl")[0]

    def _kept(self) -> _Kept:
        path = self.folder / "state.json"
        found = read_json(path)
        try:
            return _Kept() if found is None else _Kept.model_validate(found)
        except ValidationError:
            raise unreadable(path) from None

    def _keep(self, kept: _Kept) -> None:
        write_json(self.folder / "state.json", kept.model_dump(mode="json"))

    # --- changes -----------------------------------------------------------------------------

    def place(self, bundle: Path, version: VersionId) -> None:
        """See `Target.place`: copied to a folder of ours, and checked there."""
        with self.hold.changing(self.spec.timeout):
            if self._bundle(version) is None:
                self._take(bundle, version)
            kept = self._kept()
            others = [one for one in kept.bundles if not one.same(version)]
            self._keep(kept.model_copy(update={"bundles": (version, *others)}))

    def _take(self, source: Path, version: VersionId) -> None:
        wanted = self.folder / "bundles" / layout.key(version.digest)
        scratch = wanted.with_name(f".{wanted.name}.part")
        try:
            shutil.rmtree(scratch, ignore_errors=True)  # of somebody who was killed
            scratch.mkdir(parents=True)
            # Who signed it was looked at before; its digest says that this is still the same.
            self.receive(source, scratch, version, Trusted())
            scratch.rename(wanted)
        except OSError as error:
            raise PlaceError(f"{version} cannot be copied: {error.strerror}.") from error
        except AssayError as error:
            raise PlaceError(
                f"{version} was not taken: {error.message}", hint=error.hint
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _bundle(self, version: VersionId) -> Path | None:
        """The folder of a bundle, if it is there."""
        folder = self.folder / "bundles" / layout.key(version.digest)
        return next(iter(sorted(folder.iterdir())), None) if folder.is_dir() else None

    def manifest(self, version: VersionId) -> str | None:
        """See `Target.manifest`."""
        path = self._bundle(version)
        try:
            return None if path is None else (path / "manifest.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def start(self, version: VersionId) -> None:
        """See `Target.start`."""
        with self.hold.changing(self.spec.start_timeout):
            path = self._bundle(version)
            if path is None and not self._needs_no_bundle(version):
                raise MissingVersionError(
                    f"{version} is not on the target: its bundle is not in {self.folder}.",
                    hint="`assay deploy` brings it there.",
                )
            given = {"version": version.model_dump(), "bundle": None if path is None else str(path)}
            try:
                self._ask("start", given)
            except ProgramFailedError as error:
                raise StartError(error.message, hint=error.hint) from error

    def _needs_no_bundle(self, version: VersionId) -> bool:
        status = self._asked("status", Status)
        return any(version.same(one) for one in (*status.placed, *status.running))

    def route(self, routing: Routing) -> None:
        """See `Target.route`."""
        with self.hold.moving(self.spec.timeout) as lock:
            self._ask("weight", routing.model_dump(), lock)

    def stop(self, version: VersionId) -> None:
        """See `Target.stop`."""
        with self.hold.moving(self.spec.timeout) as lock:
            self._ask("stop", {"version": version.model_dump()}, lock)

    def promote(self, version: VersionId, last_good: VersionId | None) -> None:
        """See `Target.promote`."""
        with self.hold.changing(self.spec.timeout):
            facts = {"stable": version, "last_good": last_good}
            self._keep(self._kept().model_copy(update=facts))

    def append(self, event: Event) -> None:
        """See `Target.append`."""
        self.hold.renew()
        try:
            journal.append(self.folder / "journal.jsonl", event)
        except OSError as error:
            raise ProgramFailedError(f"The journal cannot be written: {error.strerror}.") from error
        self.hold.shorten()

    # --- the programs ------------------------------------------------------------------------

    def _asked(self, call: str, model: type[Model]) -> Model:
        """What a program answers.

        Raises:
            ProgramFailedError: It is not what the contract says.
        """
        found = self._ask(call, {})
        try:
            return model.model_validate(found)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "its answer"
            raise ProgramFailedError(
                f"The answer of `{self._argv(call)[0]}` for `{call}` is not as the contract says: "
                f"`{where}`: {first['msg']}.",
                hint="docs/targets.md says what each program answers.",
            ) from error

    def _ask(self, call: str, given: dict[str, Any], *hold: int) -> dict[str, Any]:
        timeout = self.spec.start_timeout if call == "start" else self.spec.timeout
        return ask(
            self._argv(call),
            {"call": call, "format": 1, "environment": self.name, **given},
            folder=self.root,
            env=environment(self.environ, self.spec.secrets),
            timeout=timeout,
            hidden=[self.environ[name] for name in self.spec.secrets if name in self.environ],
            hold=hold,
        )

    def _argv(self, call: str) -> tuple[str, ...]:
        argv: tuple[str, ...] = getattr(self.spec, call)
        return argv


def made(spec: CommandSpec, root: Path, name: str, environ: Mapping[str, str]) -> CommandTarget:
    """The target that `assay.yaml` describes."""
    return CommandTarget(spec, name, root, environ)
