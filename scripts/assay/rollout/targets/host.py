"""The target `host`: one machine with nginx in front, this one or another over SSH."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.rollout.host.agent import Agent, local
from assay.rollout.host.settings import HostSettings, Trusted
from assay.rollout.journal import Event
from assay.rollout.targets import sshsession
from assay.rollout.targets.base import Observation, State

if TYPE_CHECKING:
    from assay.configrollout import HostSpec
    from assay.rollout.targets.base import Routing, Target, VersionId


class HostTarget:
    """A folder of this machine."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        """See `Target`."""
        self.agent.acquire(owner, ttl, force=force)

    def release(self, owner: str) -> None:
        """See `Target`."""
        self.agent.release(owner)

    def state(self) -> State:
        """See `Target`."""
        return self.agent.state()

    def manifest(self, version: VersionId) -> str | None:
        """See `Target`."""
        return self.agent.manifest(version)

    def place(self, bundle: Path, version: VersionId) -> None:
        """See `Target`."""
        self.agent.place_bundle(bundle, version)

    def start(self, version: VersionId) -> None:
        """See `Target`."""
        self.agent.start(version)

    def route(self, routing: Routing) -> None:
        """See `Target`."""
        self.agent.route(routing)

    def observe(self) -> Observation:
        """See `Target`."""
        return self.agent.observe()

    def stop(self, version: VersionId) -> None:
        """See `Target`."""
        self.agent.stop(version)

    def promote(self, version: VersionId, last_good: VersionId | None) -> None:
        """See `Target`."""
        self.agent.promote(version, last_good)

    def append(self, event: Event) -> None:
        """See `Target`."""
        self.agent.append(event)

    def events(self) -> list[Event]:
        """See `Target`."""
        return self.agent.events()


class SshTarget:
    """A folder of another machine."""

    def __init__(
        self, session: sshsession.Session, folder: str, settings: HostSettings | None
    ) -> None:
        self.session = session
        self.folder = folder
        self.settings = settings
        self.owner: str | None = None

    def _ask(self, verb: str, arguments: dict[str, Any], archive: Path | None = None) -> Any:
        settings = None if self.settings is None else self.settings.model_dump(mode="json")
        about = {"folder": self.folder, "owner": self.owner, "settings": settings}
        return self.session.ask({"verb": verb, **about, "arguments": arguments}, archive)

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        """See `Target`."""
        self._ask("acquire", {"owner": owner, "ttl": ttl, "force": force})
        self.owner = owner

    def release(self, owner: str) -> None:
        """See `Target`."""
        self._ask("release", {"owner": owner})
        self.owner = None

    def state(self) -> State:
        """See `Target`."""
        return State.model_validate(self._ask("state", {}))

    def manifest(self, version: VersionId) -> str | None:
        """See `Target`."""
        found = self._ask("manifest", {"version": _plain(version)})
        return None if found is None else str(found)

    def place(self, bundle: Path, version: VersionId) -> None:
        """See `Target`."""
        given = {"version": _plain(version)}
        if any(one.same(version) for one in self.state().placed):
            self._ask("place", given)  # it is not sent twice
            return
        with sshsession.packed(bundle) as archive:
            self._ask("place", given, archive)

    def start(self, version: VersionId) -> None:
        """See `Target`."""
        self._ask("start", {"version": _plain(version)})

    def route(self, routing: Routing) -> None:
        """See `Target`."""
        self._ask("route", {"routing": _plain(routing)})

    def observe(self) -> Observation:
        """See `Target`."""
        return Observation.model_validate(self._ask("observe", {}))

    def stop(self, version: VersionId) -> None:
        """See `Target`."""
        self._ask("stop", {"version": _plain(version)})

    def promote(self, version: VersionId, last_good: VersionId | None) -> None:
        """See `Target`."""
        given = {"version": _plain(version)}
        self._ask("promote", {**given, "last_good": last_good and _plain(last_good)})

    def append(self, event: Event) -> None:
        """See `Target`."""
        self._ask("append", {"event": _plain(event)})

    def events(self) -> list[Event]:
        """See `Target`."""
        return [Event.model_validate(one) for one in self._ask("events", {})]

    def close(self) -> None:
        """End the connection."""
        self.session.close()


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")


def made(spec: HostSpec, root: Path, trusted: Trusted | None) -> Target:
    """The target that `assay.yaml` describes.

    Args:
        spec: `target` of an environment.
        root: From which a folder of this machine is named.
        trusted: Whose signature counts. `None`: all stays as the last deployment set it, as for a
            rollback, which must work with what is there.
    """
    settings = None if trusted is None else _settings(spec, trusted)
    if spec.ssh is None:
        return HostTarget(local(root / _expanded(spec.folder), settings))
    session = sshsession.Session(spec.ssh, spec.port, spec.assay)
    return SshTarget(session, spec.folder, settings)


def _expanded(folder: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise UsageError(
            f"The `folder` {folder} is in the home of somebody who is not known here.",
            hint="Name it from `/` on.",
        ) from None


def _settings(spec: HostSpec, trusted: Trusted) -> HostSettings:
    from assay.configrollout import size

    memory = None if spec.memory is None else size(spec.memory)
    return HostSettings(
        listen=spec.listen, assay=spec.assay, memory=memory, keep=spec.keep, trusted=trusted
    )
