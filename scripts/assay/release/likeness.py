"""Is a rebuilt bundle the one that was released: identical, equivalent, or different, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.packaging.licenses import LIBRARIES, SERVING
from assay.packaging.manifest import FILE
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.packaging.facts import ParityOutput
    from assay.packaging.manifest import Manifest, Tracked

Outcome = Literal["identical", "equivalent", "different"]
_MOST = 20
"""Findings of one kind."""
_MODELS = {"scikit-learn", *SERVING["onnx"], *SERVING["native"], *LIBRARIES.values()}
"""Packages that make models or serve them; an environment has a hundred others."""


class Likeness(Fact):
    """What became of a release that was built again."""

    outcome: Outcome
    released: str
    """Digest of the bundle that was released."""
    rebuilt: str
    rows: int = 0
    """How many rows both models were asked about; 0 where the bundles are the same bytes."""
    mismatches: int = 0
    """On how many of them an answer is further apart than the tolerance."""
    findings: tuple[str, ...] = ()
    """Where the two differ, as sentences; of identical ones there are none."""


def judge(
    released: Manifest, rebuilt: Manifest, *, rows: int, outputs: tuple[ParityOutput, ...]
) -> Likeness:
    """Hold a rebuilt bundle against the one that was released.

    Equal bytes are identical. Else it is equivalent where both models give the same answers on the
    evaluation data, within the tolerance that was stated when it was released.

    Args:
        released: Its manifest.
        rebuilt: The other one.
        rows: How many rows both were asked about.
        outputs: How far apart their answers are; empty where the bundles are the same bytes.
    """
    same = released.digest == rebuilt.digest
    mismatches = max((one.mismatches for one in outputs), default=0)
    outcome: Outcome = "identical"
    if not same:
        alike = bool(outputs) and mismatches == 0
        outcome = "equivalent" if alike else "different"
    return Likeness(
        outcome=outcome,
        released=released.digest,
        rebuilt=rebuilt.digest,
        rows=rows,
        mismatches=mismatches,
        findings=() if same else tuple(_findings(released, rebuilt, outputs)),
    )


def _findings(
    released: Manifest, rebuilt: Manifest, outputs: tuple[ParityOutput, ...]
) -> Iterator[str]:
    """From the cause to the effect: data, code's settings, packages, model, answers, metrics."""
    one, other = released.source, rebuilt.source
    yield from _several("data", _tracked(one.data), _tracked(other.data))
    yield from _several("parameter", one.parameters, other.parameters)
    if released.environment.python != rebuilt.environment.python:
        yield f"Python was {released.environment.python} and is {rebuilt.environment.python}."
    yield from _packages(released.environment.packages, rebuilt.environment.packages)
    if one.model.md5 != other.model.md5:
        yield f"{one.model.path} had the MD5 {one.model.md5}, and has {other.model.md5}."
    if released.signature != rebuilt.signature:
        yield "The signature (inputs, outputs, classes) is another one."
    for output in outputs:
        far = "" if output.max_absolute is None else f", at most {output.max_absolute:g} apart"
        if output.mismatches or output.max_absolute:
            yield f"{output.output}: {output.mismatches:,} rows beyond the tolerance{far}."
    values = {metric.name: metric.value for metric in rebuilt.metrics}
    for metric in released.metrics:
        now = values.get(metric.name)
        if now != metric.value:
            is_now = "gone" if now is None else f"{now:.6g}"
            yield f"{metric.name} was {metric.value:.6g} and is {is_now}."
    files = ({entry.path: entry.sha256 for entry in one.files} for one in (released, rebuilt))
    # The manifest has the digests of all files, and the two have other ones.
    changed = sorted([*_differing(*files), FILE])
    yield f"Files of the bundle with other bytes: {', '.join(changed[:_MOST])}."


def _tracked(files: tuple[Tracked, ...]) -> Mapping[str, str]:
    return {file.path: file.md5 for file in files}


def _packages(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    sides = ({name: side[name] for name in side.keys() & _MODELS} for side in (before, now))
    yield from _several("package", *sides)
    others = [name for name in _differing(before, now) if name not in _MODELS]
    if others:
        more = ", …" if len(others) > len(others[:3]) else ""
        yield f"Other packages that differ: {len(others):,} ({', '.join(others[:3])}{more})."


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {**before, **now} if before.get(name) != now.get(name))


def _several(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    names = _differing(before, now)
    for name in names[:_MOST]:
        was, is_now = before.get(name, "not there"), now.get(name, "gone")
        yield f"The {what} {name} was {was} and is {is_now}."
    if len(names) > _MOST:
        yield f"And {len(names) - _MOST} more."
