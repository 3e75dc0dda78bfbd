"""Whose fault it is where a model has no answer: the model's, or that of a row like no other.

A number far beyond all that the model was tested with may overflow in any sum. A client that sends
it must not look like a defect of the release, or one client could send a rollout back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.serving.errors import RequestError

if TYPE_CHECKING:
    from assay.packaging.profile import Numbers, Profile
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Feeds, Request

_FEW = 16
"""Values that are looked at faster one by one."""


def check_finite(answers: Answers, request: Request, loaded: Loaded) -> None:
    """Refuse answers that are no numbers.

    Raises:
        RequestError: One is NaN or infinite.
    """
    for name, values in answers.items():
        if values.dtype.kind == "f":
            if values.size <= _FEW and all(map(math.isfinite, values.ravel().tolist())):
                continue
            finite = np.isfinite(values)
            if not finite.all():
                row = int(np.flatnonzero(~finite.reshape(len(values), -1).all(axis=1))[0])
                raise _without_answer(request, loaded, f"no finite {name}", row)


def model_raised(error: Exception, request: Request, loaded: Loaded) -> RequestError:
    """What to say of a model that raised."""
    if strange := _strange(request.feeds, loaded.profile):
        return RequestError(422, f"The model has no answer: {strange}")
    return RequestError(500, f"The model failed: {type(error).__name__}.", kind="internal")


def _without_answer(request: Request, loaded: Loaded, what: str, row: int) -> RequestError:
    only = {name: values[row : row + 1] for name, values in request.feeds.items()}
    if strange := _strange(only, loaded.profile):
        return RequestError(422, f"The model has {what} for row {row + 1}: {strange}")
    return RequestError(500, f"The model gave {what} for row {row + 1}.", kind="not_finite")


def _strange(feeds: Feeds, profile: Profile | None) -> str | None:
    """What of rows is far from all that the model was tested with, as a sentence."""
    known = {one.name: one for one in profile.features} if profile else {}
    for name, values in feeds.items():
        one = known.get(name)
        if values.dtype.kind not in "iuf":
            continue
        numbers = values.astype(np.float64).ravel()
        if one is not None and one.kind == "number":
            if np.isnan(numbers).any() and not one.nulls:
                return f"`{name}` is missing, which it never was in the tests."
            low, high = _range(one)
        else:
            low, high = -1e100, 1e100
        if ((numbers < low) | (numbers > high)).any():
            return f"`{name}` is far beyond all that it was tested with."
    return None


def _range(one: Numbers) -> tuple[float, float]:
    """Numbers as those of the tests: as far beyond them as they are apart."""
    if one.min is None or one.max is None:
        return -1e100, 1e100
    span = max(one.max - one.min, abs(one.min), abs(one.max), 1.0)
    return one.min - span, one.max + span
