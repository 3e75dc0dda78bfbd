"""The columns of the prediction log: one row a row that the model answered.

| column | type | what |
|---|---|---|
| `id` | string | of the request; the client's `X-Request-Id`, or ours |
| `row` | int32 | position in the request, from 0 |
| `time` | timestamp, microseconds, UTC | when the request was answered |
| `model`, `version`, `digest` | string | of the bundle |
| `feature.NAME` | the signature's | what the model was given; null where it was missing |
| `prediction.NAME` | the signature's | what it said |

`NAME` is what `profile.json` calls the column, so that a monitor holds one against the other:
`feature.season`, `prediction.label`, `prediction.probabilities[1]`. The columns of a matrix are
called as in the profile too; where that leaves sensitive ones out, the matrix is not logged.

JSON lines have the same names and values; times as ISO 8601 with a `Z`, and neither NaN nor
infinity, which JSON lacks: both are null. In Parquet NaN is null, and infinity itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.errors import UsageError
from assay.serving.packed import stacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from assay.packaging.facts import InputSpec, OutputSpec, Signature
    from assay.packaging.profile import Profile

FEATURE, PREDICTION = "feature.", "prediction."
FIXED = {
    "id": "string",
    "row": "int32",
    "time": "timestamp",
    "model": "string",
    "version": "string",
    "digest": "string",
}
"""Columns of every log, and their types."""


class Entry(NamedTuple):
    """A request that was answered."""

    id: str
    time: float
    """Seconds since 1970."""
    rows: int
    feeds: Mapping[str, NDArray[Any]]
    """By input, (rows, width)."""
    answers: Mapping[str, NDArray[Any]]
    """By output, (rows,) or (rows, width)."""
    size: int = 0
    """Bytes of the request."""


@dataclass(frozen=True)
class Source:
    """The part of an array that is one column of the log."""

    array: str
    """Which input or output."""
    position: int
    """Column of the array."""
    column: str
    """What the log calls it."""
    dtype: str
    """As the signature has it."""
    nullable: bool = False


@dataclass(frozen=True)
class Layout:
    """What is logged of one model."""

    model: str
    version: str
    digest: str
    features: tuple[Source, ...]
    predictions: tuple[Source, ...]
    dropped: tuple[str, ...] = ()
    """Inputs that are not logged."""

    @property
    def inputs(self) -> frozenset[str]:
        """Inputs that are logged."""
        return frozenset(one.array for one in self.features)

    @property
    def types(self) -> dict[str, str]:
        """Every column and its type, in order."""
        sources = (*self.features, *self.predictions)
        return {**FIXED, **{one.column: one.dtype for one in sources}}


def layout(
    signature: Signature,
    profile: Profile | None,
    *,
    model: str,
    version: str,
    digest: str,
    drop: Iterable[str] = (),
) -> Layout:
    """The columns for a model.

    Sensitive columns are those that the profile leaves out: `assay package` profiles every column
    but those that `assay.yaml` calls sensitive. Of a matrix nobody can say which they are, so it is
    left out whole.

    Args:
        signature: Of the model.
        profile: Of the bundle; `None` where it has none, and then nothing is known to be harmless.
        model: Name.
        version: As it is shown.
        digest: Of the bundle.
        drop: Inputs, or columns of a matrix, that are left out beside.

    Raises:
        UsageError: The model has none of such a name: what was meant would be logged.
    """
    known = [one.name for one in profile.features] if profile is not None else []
    without = set(drop)
    if strange := without - {one.name for one in signature.inputs} - set(known):
        names = ", ".join(f"`{one.name}`" for one in signature.inputs)
        raise UsageError(
            f"The model has no input {min(strange)!r} that a log could leave out.",
            hint=f"It has {names}.",
        )
    features: list[Source] = []
    matrix = len(signature.inputs) == 1 and signature.inputs[0].name not in known
    for one in signature.inputs:
        features += [
            source
            for source in (_of_matrix(one, known) if matrix else _of_column(one, known))
            if source.column.removeprefix(FEATURE) not in without and one.name not in without
        ]
    logged = {source.array for source in features}
    return Layout(
        model=model,
        version=version,
        digest=digest,
        features=tuple(features),
        predictions=tuple(
            source for one in signature.outputs for source in _of_output(one, signature.classes)
        ),
        dropped=tuple(one.name for one in signature.inputs if one.name not in logged),
    )


def _of_column(one: InputSpec, known: Sequence[str]) -> Iterator[Source]:
    if one.name in known:
        yield Source(one.name, 0, f"{FEATURE}{one.name}", one.dtype, one.nullable)


def _of_matrix(one: InputSpec, known: Sequence[str]) -> Iterator[Source]:
    if len(known) == _width(one):
        for position, name in enumerate(known):
            yield Source(one.name, position, f"{FEATURE}{name}", one.dtype, one.nullable)


def _of_output(one: OutputSpec, classes: Sequence[Any] | None) -> Iterator[Source]:
    width = _width(one)
    if width == 1:
        yield Source(one.name, 0, f"{PREDICTION}{one.name}", one.dtype)
        return
    named = classes is not None and len(classes) == width and one.name != "label"
    marks = classes if named and classes is not None else range(width)
    for position, mark in enumerate(marks):
        yield Source(one.name, position, f"{PREDICTION}{one.name}[{mark}]", one.dtype)


def _width(one: InputSpec | OutputSpec) -> int:
    width = 1
    for size in one.shape[1:]:
        width *= size or 1
    return width


def columns(layout: Layout, entries: Sequence[Entry]) -> dict[str, Any]:
    """Entries as columns: lists, and arrays (n,) for features and predictions.

    Args:
        layout: Of the log.
        entries: At least one.
    """
    sizes = [one.rows for one in entries]
    total = sum(sizes)
    found: dict[str, Any] = {
        "id": [one.id for one in entries for _ in range(one.rows)],
        "row": [row for size in sizes for row in range(size)],
        "time": [one.time for one in entries for _ in range(one.rows)],
        "model": [layout.model] * total,
        "version": [layout.version] * total,
        "digest": [layout.digest] * total,
    }
    for sources, arrays in (
        (layout.features, [one.feeds for one in entries]),
        (layout.predictions, [one.answers for one in entries]),
    ):
        found |= _gathered(sources, arrays, total)
    return found


def _gathered(
    sources: Sequence[Source], arrays: Sequence[Mapping[str, NDArray[Any]]], total: int
) -> dict[str, Any]:
    tables = dict(stacked(arrays)) if sources else {}
    found: dict[str, Any] = {}
    for source in sources:
        values = tables[source.array].reshape(total, -1)[:, source.position]
        if source.dtype == "string" and source.nullable:
            # A graph has no missing text: it is given the empty one.
            values = values.copy()
            values[values == ""] = None
        found[source.column] = values
    return found


def lines(found: Mapping[str, Any]) -> Iterator[bytes]:
    """Columns as JSON lines, each with its end of line."""
    import orjson

    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    names = list(found)
    plain = [
        [datetime.fromtimestamp(value, UTC) for value in found[name]]
        if name == "time"
        else values.tolist()
        if hasattr(values := found[name], "tolist")
        else values
        for name in names
    ]
    for row in zip(*plain, strict=True):
        yield orjson.dumps(dict(zip(names, row, strict=True)), option=option)
