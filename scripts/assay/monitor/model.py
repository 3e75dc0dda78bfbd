"""The version that is watched: what its bundle says of it, and what its answers are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from assay.monitor.performance import Known
from assay.packaging import kept
from assay.packaging import profile as profiles
from assay.packaging.bundle import BundleError
from assay.packaging.kept import Kept
from assay.packaging.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

    from assay.packaging.bundle import Bundle
    from assay.packaging.facts import Signature
    from assay.section import Fact
    from assay.stats.predictions import Predictions

FEATURE, PREDICTION = "feature.", "prediction."
"""What columns of a server's log begin with."""
DIGEST = "digest"
"""The column of a server's log with the bundle that answered."""
TRUTH = "__truth__"
_TASKS = {"binary", "multiclass", "regression"}


@dataclass(frozen=True)
class Model:
    """The version that is watched."""

    name: str
    version: str
    digest: str
    signature: Signature
    profile: Profile
    """Without the columns that are ignored."""
    known: Mapping[str, Known] = field(default_factory=dict)
    """Metrics on the evaluation data."""
    kept: Kept | None = None
    positive: object | None = None
    """The positive class of a binary task, where `assay.yaml` names it."""

    @property
    def categorical(self) -> frozenset[str]:
        """Features and predictions that are categories."""
        every = (*self.profile.features, *self.profile.predictions)
        return frozenset(one.name for one in every if one.kind == "category")

    @property
    def texts(self) -> frozenset[str]:
        """Categories of which some value is no plain number, or would not be one again."""
        every = (*self.profile.features, *self.profile.predictions)
        return frozenset(
            one.name
            for one in every
            if one.kind == "category" and not all(map(_is_plain, one.values))
        )


def of(bundle: Bundle, *, version: str, ignore: Collection[str], positive: object | None) -> Model:
    """What a bundle says.

    Args:
        bundle: Of the version.
        version: As it is called.
        ignore: Columns that nothing is said of.
        positive: See `Model`.

    Raises:
        BundleError: It has no profile, or not one that this version of Assay can read.
    """
    manifest = bundle.manifest
    found = _read(bundle, profiles.FILE, Profile)
    if found is None:
        raise BundleError(
            f"The bundle of {manifest.name} has no {profiles.FILE}, so nothing is known of the "
            "data on which the model was tested.",
            hint="Package the model again with this version of Assay.",
        )
    known = {
        one.name: Known(one.value, one.low, one.high, manifest.confidence, found.rows)
        for one in manifest.metrics
        if one.low is not None and one.high is not None and manifest.confidence is not None
    }
    return Model(
        name=manifest.name,
        version=version,
        digest=bundle.digest,
        signature=manifest.signature,
        profile=without(found, ignore),
        known=known,
        kept=_read(bundle, kept.FILE, Kept),
        positive=positive,
    )


def without(profile: Profile, ignore: Collection[str]) -> Profile:
    """A profile less some columns."""
    return profile.model_copy(
        update={
            "features": tuple(one for one in profile.features if one.name not in ignore),
            "predictions": tuple(one for one in profile.predictions if one.name not in ignore),
        }
    )


def _read(bundle: Bundle, name: str, kind: type[Any]) -> Any:
    path = bundle.folder / name
    if not path.is_file():
        return None
    content = path.read_bytes()
    try:
        found: Fact = kind.model_validate_json(content)
    except ValidationError as error:
        raise BundleError(
            f"{name} of the bundle cannot be read by this version of Assay.",
            hint="A newer Assay may have made it; else it was changed after it was made.",
        ) from error
    return found


def _is_plain(value: str) -> bool:
    """Whether a text comes back the same after a reader took it for a number or a truth value."""
    if value in ("True", "False"):
        return True
    try:
        number = float(value)
    except ValueError:
        return False
    return value in (str(number), str(int(number)) if number.is_integer() else "")


def columns(
    names: Collection[str], prefix: str, given: Mapping[str, str], there: Collection[str]
) -> dict[str, str]:
    """Where a table has what the model calls so.

    Args:
        names: Of features, or of predictions.
        prefix: What a server's log puts before them.
        given: What `assay.yaml` says, by name.
        there: The table's columns.
    """
    found = {}
    for name in names:
        logged = f"{prefix}{name}"
        plain = name if name in there and logged not in there else logged
        found[name] = given.get(name, plain)
    return found


def predictions(frame: pd.DataFrame, model: Model) -> Predictions:
    """Labelled answers of the model.

    Args:
        frame: Its predictions as `prediction.NAME`, and `TRUTH`; without missing values.
        model: Whose they are.

    Raises:
        PredictionsError: They are not what such a model says.
    """
    from assay.stats.predictions import from_frame

    signature = model.signature
    label = next((n for n in ("label", "value") if f"{PREDICTION}{n}" in frame.columns), None)
    return from_frame(
        frame,
        truth=TRUTH,
        prediction=None if label is None else f"{PREDICTION}{label}",
        score=_scores(frame, signature),
        positive=positive(model),
        task=signature.task if signature.task in _TASKS else None,  # type: ignore[arg-type]
    )


def positive(model: Model) -> Any:
    """The positive class of a binary task: by default the larger of the two."""
    classes = model.signature.classes
    if model.signature.task != "binary" or not classes:
        return None
    return classes[-1] if model.positive is None else model.positive


def _scores(frame: pd.DataFrame, signature: Signature) -> Any:
    for kind in ("probabilities", "scores"):
        if f"{PREDICTION}{kind}" in frame.columns:
            return f"{PREDICTION}{kind}"
        classes = signature.classes or ()
        found = {one: f"{PREDICTION}{kind}[{one}]" for one in classes}
        there = {one: name for one, name in found.items() if name in frame.columns}
        if there and (len(there) == len(found) or signature.task == "binary"):
            return there
    return None


def is_judged(signature: Signature) -> bool:
    """Whether there are metrics of such a task."""
    return signature.task in _TASKS
