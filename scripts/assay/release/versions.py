"""Which version comes next, and why: from what changed between two bundles.

Who calls version 1.2.3 can be given any later 1.y.z without noticing. So this raises

- major: an input came, went, or has another type or shape; it may no longer be null; it no longer
  knows a category; an output went, or has another type, shape or place; the classes or their order
  are others; another task; ONNX became skops, or the reverse.
- minor: an input may be null now, or knows more categories; an output came, after the others. And
  the model was trained again: its digest is another.
- patch: nothing of that. The same model is packaged again.

An input that came is major even where it may be null, and so is a wider type: ONNX Runtime refuses
a call without an input and one with another type, and scikit-learn refuses a table without a
column.

The first version is v1.0.0: what is released is meant to be used, and below 1.0.0 a version
promises nothing of its signature. Below 1.0.0 what would raise major raises minor, as semantic
versions have it (https://semver.org/spec/v2.0.0.html, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import UsageError
from assay.release import semver
from assay.release.semver import Bump, SemVer
from assay.report.escape import marked
from assay.report.wording import short

if TYPE_CHECKING:
    from assay.packaging.facts import InputSpec, OutputSpec, Signature
    from assay.packaging.manifest import Manifest
    from assay.release.gto import Artifact

    Specs = tuple[InputSpec, ...] | tuple[OutputSpec, ...]

FIRST = SemVer(1, 0, 0)
_PARTS: tuple[Bump, ...] = ("major", "minor", "patch")


@dataclass(frozen=True)
class Change:
    """One difference between two versions."""

    part: Bump
    """What it raises."""
    message: str
    """As a sentence, with names as `code`."""


@dataclass(frozen=True)
class Next:
    """The version that comes next."""

    version: str
    bump: Bump | None
    """What was raised over the previous version; `None` for the first and for an explicit one."""
    previous: str | None
    reasons: tuple[str, ...]


def next_version(
    artifact: Artifact,
    new: Manifest | None = None,
    old: Manifest | None = None,
    *,
    asked: str = "",
) -> Next:
    """The next version of an artifact.

    Args:
        artifact: What the tags say of it.
        new: What is about to be released.
        old: The manifest of `artifact.latest`, where it is at hand.
        asked: What a person said: a version, `major`, `minor` or `patch`, or nothing.

    Raises:
        UsageError: The version that is asked for exists, or is below one that does; or nothing says
            what changed.
    """
    latest = artifact.latest
    previous = None if latest is None else semver.parse(latest.version)
    if asked and asked not in _PARTS:
        return _explicit(artifact, semver.parse(asked), previous)
    changed = changes(old, new) if new is not None and old is not None else ()
    if previous is None:
        version, bump = FIRST, None
        reasons: tuple[str, ...] = ("It is the first version.",)
        if asked:
            reasons = (f"It is the first version: there is none whose {asked} part to raise.",)
    else:
        raised = _part(asked) or _raised(changed, old=old, new=new)
        bump = raised if previous.major or asked else _before_one(raised)
        version = previous.bump(bump)
        reasons = (f"`{asked}` was asked for.",) if asked else _reasons(changed, raised)
        if bump != raised:
            reasons = (*reasons, "Below v1.0.0 that raises the minor part.")
    taken = {one.version for one in artifact.versions}
    while str(version) in taken:  # it was deregistered: the number is not given to anything else
        version = version.bump(bump or "patch")
    return Next(str(version), bump, str(previous) if previous else None, reasons)


def _explicit(artifact: Artifact, wanted: SemVer, previous: SemVer | None) -> Next:
    if (found := artifact.find(str(wanted))) is not None:
        state = "exists already" if found.registered else "was deregistered"
        raise UsageError(
            f"{wanted} of {printable(artifact.name)} {state}, at commit {found.commit[:12]}.",
            hint="A version is never made twice. Leave the version out, and the next one is taken.",
        )
    if previous is not None and not previous < wanted:
        raise UsageError(
            f"{wanted} is not above {previous}, the greatest version of "
            f"{printable(artifact.name)}.",
            hint="Name a greater version, or `major`, `minor` or `patch`.",
        )
    before = str(previous) if previous else None
    return Next(str(wanted), None, before, (f"`{wanted}` was asked for.",))


def _part(asked: str) -> Bump | None:
    return next((part for part in _PARTS if part == asked), None)


def _raised(changed: tuple[Change, ...], *, old: Manifest | None, new: Manifest | None) -> Bump:
    if old is None or new is None:
        lacking = {
            "its manifest is not at hand (GITHUB_TOKEN lets its release be read)": old is None,
            "this commit is not packaged here (`assay package`)": new is None,
        }
        why = ", and ".join(text for text, lacks in lacking.items() if lacks)
        raise UsageError(
            f"What changed since the previous version is not known: {why}.",
            hint="Or say what to raise: `assay release --version minor` (or `major`, `patch`, or "
            "the version itself); in a workflow, its input `version`.",
        )
    return min((change.part for change in changed), key=_PARTS.index, default="patch")


def _before_one(raised: Bump) -> Bump:
    return "minor" if raised == "major" else raised


def _reasons(changed: tuple[Change, ...], raised: Bump) -> tuple[str, ...]:
    found = tuple(change.message for change in changed if change.part == raised)
    return found or ("The same model is packaged again.",)


def changes(old: Manifest, new: Manifest) -> tuple[Change, ...]:
    """What changed for who uses the model: the greatest first."""
    found = signature_changes(old.signature, new.signature)
    if old.kind != new.kind:
        found.append(Change("major", f"`{old.model}` became `{new.model}`."))
    elif new.kind == "native" and _moved(old.signature.inputs, new.signature.inputs):
        # ONNX takes inputs by name; scikit-learn wants the columns in the order that it knows.
        found.append(Change("major", "The inputs are in another order."))
    if old.source.model.md5 != new.source.model.md5:
        found.append(Change("minor", "The model was trained again."))
    return tuple(sorted(found, key=lambda change: _PARTS.index(change.part)))


def signature_changes(old: Signature, new: Signature) -> list[Change]:
    """What changed of the signature, and whether a caller of the old one notices."""
    found: list[Change] = []
    if old.task != new.task:
        found.append(Change("major", f"The task was `{old.task}`, and is `{new.task}`."))
    found += _inputs({i.name: i for i in old.inputs}, {i.name: i for i in new.inputs})
    found += _outputs({o.name: o for o in old.outputs}, {o.name: o for o in new.outputs})
    if _moved(old.outputs, new.outputs):
        found.append(Change("major", "The outputs are in another order."))
    if old.classes != new.classes:
        found.append(Change("major", _classes(old.classes or (), new.classes or ())))
    return found


def _moved(old: Specs, new: Specs) -> bool:
    """Whether names that both have stand at other places; what came stands after them."""
    names = [spec.name for spec in new]
    kept = [spec.name for spec in old if spec.name in names]
    return names[: len(kept)] != kept


def _classes(old: tuple[object, ...], new: tuple[object, ...]) -> str:
    """Callers take columns of `probabilities` by their place: a new class is a change too."""
    gone = [one for one in old if one not in new]
    more = [one for one in new if one not in old]
    parts = [f"{_named(more)} came"] if more else []
    parts += [f"{_named(gone)} went"] if gone else []
    return f"Classes changed: {' and '.join(parts) or 'their order is another'}."


def _named(values: list[object]) -> str:
    shown = ", ".join(marked(short(printable(str(value)), 60)) for value in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown


def _inputs(old: dict[str, InputSpec], new: dict[str, InputSpec]) -> list[Change]:
    found = [Change("major", f"Input {_named([n])} is gone.") for n in old if n not in new]
    found += [Change("major", f"Input {_named([n])} is new.") for n in new if n not in old]
    for name, spec in new.items():
        if name in old:
            found += _input(old[name], spec)
    return found


def _input(old: InputSpec, new: InputSpec) -> list[Change]:
    name = _named([old.name])
    found: list[Change] = []
    if old.dtype != new.dtype:
        found.append(Change("major", f"Input {name} was {old.dtype}, and is {new.dtype}."))
    if old.shape != new.shape:
        found.append(Change("major", f"Input {name} has another shape."))
    if old.nullable and not new.nullable:
        found.append(Change("major", f"Input {name} may no longer be null."))
    if new.nullable and not old.nullable:
        found.append(Change("minor", f"Input {name} may be null now."))
    return found + _categories(name, old, new)


def _categories(name: str, old: InputSpec, new: InputSpec) -> list[Change]:
    if old.categories == new.categories:
        return []
    if new.categories is None:
        return [Change("minor", f"Input {name} takes any value now.")]
    if old.categories is None:
        return [Change("major", f"Input {name} has known categories now, and took any value.")]
    gone = [one for one in old.categories if one not in new.categories]
    more = [one for one in new.categories if one not in old.categories]
    found = []
    if gone:
        found.append(Change("major", f"Input {name} no longer knows {_named(list(gone))}."))
    if more:
        found.append(Change("minor", f"Input {name} knows {_named(list(more))} too."))
    return found


def _outputs(old: dict[str, OutputSpec], new: dict[str, OutputSpec]) -> list[Change]:
    found = [Change("major", f"Output {_named([n])} is gone.") for n in old if n not in new]
    found += [Change("minor", f"Output {_named([n])} is new.") for n in new if n not in old]
    for name, spec in new.items():
        if name in old and old[name] != spec:
            found.append(Change("major", f"Output {_named([name])} has another type or shape."))
    return found
