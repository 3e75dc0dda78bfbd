"""deploy: a released version brought to users, step by step, or back to where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.configrollout import HostSpec
from assay.console import printable
from assay.errors import AssayError
from assay.packaging import bundle as bundles
from assay.packaging import verify as verifying
from assay.packaging.bundle import BundleError
from assay.packaging.manifest import Manifest
from assay.release import gto, released, tagging
from assay.rollout import admission, interrupt, machine, placing, stagetag
from assay.rollout import plan as plans
from assay.rollout.placing import CLOCK
from assay.rollout.recording import Recording
from assay.rollout.targets.base import VersionId
from assay.section import Reason

if TYPE_CHECKING:
    from assay.configrollout import EnvironmentSpec
    from assay.context import Context
    from assay.packaging.bundle import Bundle
    from assay.packaging.signing import Trust
    from assay.release.gto import Artifact, Registry, Version
    from assay.release.lookup import Lookup
    from assay.report.rollout import Told
    from assay.rollout.conduct import Clock, Conduct
    from assay.rollout.targets.base import State, Target


@dataclass(frozen=True)
class Wish:
    """What a person asked for."""

    environment: str
    version: str = ""
    """`bikes@v1.2.3`; empty: the tag that started the workflow."""
    bundle: Path | None = None
    """The bundle that was released; `None`: that of the GitHub Release."""


@dataclass(frozen=True)
class _Site:
    """Where it goes."""

    context: Context
    wish: Wish
    spec: EnvironmentSpec
    target: Target
    state: State
    """What the target is like."""


@dataclass(frozen=True)
class _Material:
    """What is to be deployed: all that was looked up, and let in."""

    tag: str
    id: VersionId
    bundle: Bundle


def run(context: Context, wish: Wish, *, who: placing.Whose, clock: Clock = CLOCK) -> Told:
    """Deploy a version, after everything that can be looked at was looked at.

    Args:
        context: The project.
        wish: What to deploy, and where.
        who: Whose signature counts.
        clock: Time.

    Raises:
        UsageError: It may not be deployed there, or is not signed as it must be.
        BusyError: Somebody else's rollout is under way.
        OutsideError: GitHub or the target cannot be reached; nothing was done.
    """
    spec = admission.environment(context.config.environments, wish.environment)
    vouched = who.trust(spec, context.workspace.root)
    with (
        tempfile.TemporaryDirectory(prefix="assay-deploy-") as scratch,
        placing.target(context, wish.environment, spec, vouched) as target,
    ):
        site = _Site(context, wish, spec, target, target.state())
        material = _admitted(site, vouched.trust, Path(scratch))
        conduct = placing.conduct(context, target, f"deploy of {material.id}", clock)
        return _rolled(site, conduct, material)


def _rolled(site: _Site, conduct: Conduct, material: _Material) -> Told:
    recording = Recording(site.context, site.wish.environment, site.spec.url)
    # What is there already is no deployment of its own.
    if not (material.id.same(site.state.stable) and site.state.rollout is None):
        recording.begin(material.id, material.tag, run=conduct.rollout)
    # A runner that cancels a job sends several signals: the first ends the rollout, and none of the
    # others what is told of it.
    with interrupt.once():
        try:
            plan = plans.plan(site.spec)
            outcome = machine.roll(conduct, material.bundle.folder, material.id, plan)
        except BaseException as error:
            recording.broke(error)
            raise
        told = recording.end(outcome)
    first = outcome.ending == "promoted" and outcome.before is None
    return replace(told, first_call=_first_call(site, material.bundle)) if first else told


def _first_call(site: _Site, bundle: Bundle) -> str | None:
    """How a newcomer sees the model answer: a request of one row, for a shell."""
    from assay.packaging import usage
    from assay.packaging.profile import FILE, Profile

    target, file = site.spec.target, bundle.folder / FILE
    if isinstance(target, HostSpec) and target.ssh is None:
        address = target.listen.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 (not bound)
    elif site.spec.url is not None:
        address = site.spec.url.rstrip("/")
    else:
        return None
    profile = Profile(rows=0, features=(), predictions=())
    if file.is_file():
        profile = Profile.model_validate_json(file.read_bytes())
    body = json.dumps(usage.row(bundle.manifest.signature, profile))
    return shlex.join(["curl", f"{address}/predict", "-d", body])


def _admitted(site: _Site, trust: Trust | None, scratch: Path) -> _Material:
    context, wish = site.context, site.wish
    with tagging.asking(context) as ask:
        registry = _registry(context, ask)
        ref = context.environ.get("GITHUB_REF", "")
        artifact, version = admission.version(
            registry, wish.version, stage=wish.environment, ref=ref
        )
        found = released.bundle_of(
            context, version.tag, given=wish.bundle, scratch=scratch, commit=version.commit
        )
        notes = _check_released(ask, registry, artifact, version, found)
        old = _deployed(site, ask, registry, found)
    _check_signed(context, found, trust)
    notes += admission.admit(
        admission.Facts(
            environment=wish.environment,
            after=site.spec.after,
            artifact=artifact,
            wanted=version,
            new=found.manifest,
            deployed=site.state.stable,
            old=old,
        )
    )
    for note in notes:
        context.console.annotate(Reason(message=note, severity="warning"))
    known = VersionId(name=artifact.name, version=version.version, digest=found.digest)
    return _Material(version.tag, known, found)


def _registry(context: Context, ask: Lookup | None) -> Registry:
    """What the tags say, as origin has them now; where it cannot be asked, as this clone has."""
    git = context.workspace.git
    if ask is not None:
        return ask.registry(git)
    try:
        if stagetag.has_origin(git):
            tagging.fetch(git)
    except AssayError as error:
        context.console.annotate(
            Reason(
                message=f"The tags are those of this clone, which may be old: {error.message}",
                severity="warning",
            )
        )
    return gto.read(git)


def _check_released(
    ask: Lookup | None, registry: Registry, artifact: Artifact, version: Version, found: Bundle
) -> tuple[str, ...]:
    """The bundle is the one that was released; notes on what could not be asked."""
    name = f"{artifact.name} {version.version}"
    if ask is None:
        unknown = (
            f"Whether this bundle is the one that was released as {name} is not known here: there "
            "is no token (GITHUB_TOKEN)."
        )
        return (unknown,)
    out = ask.released(registry, artifact.name, version.version)
    digests = [ask.published(one).digest for one in out]
    if not digests:
        raise admission.NotAdmittedError(
            f"{name} is a tag, and was never released.",
            hint="The workflow of releases makes it one: look at its run for the tag.",
        )
    if found.digest not in digests:
        raise BundleError(
            f"This bundle is not the one that was released as {name}.",
            hint="Leave `--bundle` out, and that of the release is fetched.",
        )
    return ()


def _deployed(site: _Site, ask: Lookup | None, registry: Registry, new: Bundle) -> Manifest | None:
    """Of what is deployed: by the target, of its release, or of a bundle at hand."""
    if (deployed := site.state.stable) is None:
        return None
    for one in (new, *bundles.at_hand(site.context.workspace.state)):
        if one.digest == deployed.digest:
            return one.manifest
    text = site.target.manifest(deployed)
    if text is not None and hashlib.sha256(text.encode()).hexdigest() == deployed.digest:
        with contextlib.suppress(ValidationError):  # another version of Assay made it
            return Manifest.model_validate_json(text)
    version = registry.artifact(deployed.name).find(deployed.version)
    return ask.manifest(version.tag) if ask and version else None


def _check_signed(context: Context, found: Bundle, trust: Trust | None) -> None:
    verdict = verifying.verify(found.folder, trust)
    if not verdict.whole:
        bad = [check for check in verdict.checks if check.result == "refused"]
        raise BundleError(
            f"The bundle is not accepted: {' '.join(printable(check.detail) for check in bad)}",
            hint=next((check.hint for check in bad if check.hint), None),
        )
    if trust is None:
        context.console.annotate(
            Reason(
                message="Nobody vouches for what is deployed: `--unsigned` was given.",
                severity="warning",
            )
        )
    elif not verdict.accepted:
        raise BundleError("The bundle is not signed by whom it must be signed by.")
