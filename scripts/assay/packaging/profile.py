"""What features and predictions looked like where the model was tested: `profile.json`.

A monitor holds what it sees later against this, without the data:

- A number has up to 289 `edges`, the `QUANTILES` of its values, each one a value that was there,
  and for every edge how many values lie below it (`below`) and how many not above (`upto`). The
  cumulative distribution is exact at the edges, jumps included, and taken for linear between `upto`
  of one edge and `below` of the next. A column with at most 289 different values is exact
  everywhere. Deciles and twentieths are among the edges, so a population stability index over ten
  or twenty bins is that of the whole sample; a Kolmogorov-Smirnov distance is within 1e-4 of it,
  as measured on samples of 50,000 and more.
- A category has the counts of its most frequent values, those that occur at least five times (fewer
  tell nothing, and may tell of a person); `other` counts the rest, `nulls` what was missing.
- Predictions are profiled as features are: labels as categories, each column of probabilities,
  scores or values as a number, called `probabilities[class]`.

Columns that `assay.yaml` calls sensitive are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import Signature
    from assay.packaging.parity.answers import Answers

FILE = "profile.json"
BINS = 256
_TAILS = 2.0 ** -np.arange(9, 17)
# `np.unique` would import masked arrays, for which every server that starts would wait.
QUANTILES = np.array(
    sorted({*(np.arange(BINS + 1) / BINS), *(np.arange(21) / 20), *_TAILS, *(1 - _TAILS)})
)
"""(289,): 256 bins of the same share; cut at every twentieth, and ever finer towards both ends."""
LEAST = 5
"""Times that a category occurs to be listed."""
_MOST_OUTPUTS = 100
_LONGEST = 100
"""Characters of a category that is listed; what is longer is no category."""


class Numbers(Fact):
    """The distribution of finite numbers."""

    kind: Literal["number"] = "number"
    name: str
    count: int
    """Rows, those without a value too."""
    nulls: int
    infinite: int = 0
    """Of either sign; not in what follows."""
    edges: tuple[float, ...] = ()
    """Rising, no two the same; none where there is no finite number."""
    below: tuple[int, ...] = ()
    """How many values are less than each edge."""
    upto: tuple[int, ...] = ()
    """How many are less than or equal to it."""
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    """Of the population: divided by n."""


class Categories(Fact):
    """The distribution of texts, truth values or labels."""

    kind: Literal["category"] = "category"
    name: str
    count: int
    """Rows, those without a value too."""
    nulls: int
    values: tuple[str, ...] = ()
    """The most frequent first, at most 256; numbers and truth values as Python writes them."""
    counts: tuple[int, ...] = ()
    other: int = 0
    """Rows with a value that is not listed."""


class Profile(Fact):
    """The reference profile of a model."""

    format: Literal[1] = 1
    rows: int
    features: tuple[Numbers | Categories, ...]
    predictions: tuple[Numbers | Categories, ...]


def of(
    frame: pd.DataFrame,
    answers: Answers,
    signature: Signature,
    *,
    sensitive: Collection[str] = (),
) -> Profile:
    """The profile of the evaluation data.

    Args:
        frame: The columns that the model is given.
        answers: What it says of them.
        signature: Its classes.
        sensitive: Columns that are left out.
    """
    encoded = {one.name for one in signature.inputs if one.categories is not None}
    features = [
        column(name, frame[name], categorical=name in encoded)
        for name in map(str, frame.columns)
        if name not in sensitive
    ]
    return Profile(
        rows=len(frame), features=tuple(features), predictions=tuple(_outputs(answers, signature))
    )


def column(name: str, values: pd.Series, *, categorical: bool) -> Numbers | Categories:
    """The profile of one column.

    Args:
        name: What it is called.
        values: Numbers, truth values or text; missing ones too.
        categorical: Whether its numbers are categories.
    """
    import pandas as pd

    kind = values.dtype
    is_number = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
    if categorical or not is_number:
        return _categories(name, values)
    return numbers(name, values.to_numpy(dtype=np.float64, na_value=np.nan))


def numbers(name: str, values: NDArray[np.float64]) -> Numbers:
    """The profile of numbers; NaN is missing."""
    nulls = int(np.isnan(values).sum())
    there = np.sort(values[np.isfinite(values)].astype(np.float64))
    facts: dict[str, Any] = {
        "name": name,
        "count": len(values),
        "nulls": nulls,
        "infinite": len(values) - nulls - len(there),
    }
    if not there.size:
        return Numbers(**facts)
    different = np.unique(there)
    if len(different) <= len(QUANTILES):
        edges = different
    else:
        edges = np.unique(there[np.ceil(QUANTILES * (len(there) - 1)).astype(np.intp)])
    with np.errstate(over="ignore"):
        mean, std = float(there.mean()), float(there.std())
    return Numbers(
        **facts,
        edges=tuple((edges + 0.0).tolist()),  # no negative zero
        below=tuple(np.searchsorted(there, edges, side="left").tolist()),
        upto=tuple(np.searchsorted(there, edges, side="right").tolist()),
        min=float(there[0]),
        max=float(there[-1]),
        mean=mean if np.isfinite(mean) else None,
        std=std if np.isfinite(std) else None,
    )


def _categories(name: str, values: pd.Series) -> Categories:
    there = values.dropna()
    counted: dict[str, int] = {}
    for value, count in there.value_counts(sort=False).items():
        plain = value.item() if isinstance(value, np.generic) else value
        counted[str(plain)] = counted.get(str(plain), 0) + int(count)
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    listed = [one for one in ranked if one[1] >= LEAST and len(one[0]) <= _LONGEST][:BINS]
    return Categories(
        name=name,
        count=len(values),
        nulls=len(values) - len(there),
        values=tuple(value for value, _ in listed),
        counts=tuple(count for _, count in listed),
        other=len(there) - sum(count for _, count in listed),
    )


def _outputs(answers: Answers, signature: Signature) -> Iterator[Numbers | Categories]:
    import pandas as pd

    for name, values in answers.items():
        table = values.reshape(len(values), -1)
        width = table.shape[1]
        classes = signature.classes or ()
        marks = classes if len(classes) == width and name != "label" else range(width)
        for position, mark in list(enumerate(marks))[:_MOST_OUTPUTS]:
            called = name if values.ndim == 1 else f"{name}[{mark}]"
            one = table[:, position]
            if name == "label":
                yield _categories(called, pd.Series(one))
            else:
                yield numbers(called, one.astype(np.float64))
