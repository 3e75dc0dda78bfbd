"""Label sanity: the classes that occur, how often, and whether the same features agree on one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.privacy import as_text
from assay.contract.relations.side import dotted, plain, whole
from assay.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from assay.configdata import LabelsSpec
    from assay.contract.relations.side import Found, KeyPath, Side

MOST_CLASSES = 1000
"""A label with more values is none that has classes."""


def names(spec: LabelsSpec, *, hidden: bool = False) -> dict[str, str]:
    """What reports call the bounds that are set."""
    classes = "" if hidden else f"({list(spec.classes)})"
    bounds = {
        "classes": f"label_classes{classes}" if spec.classes else None,
        "min_share": _bound("label_share(min", spec.min_share),
        "max_share": _bound("label_share(max", spec.max_share),
        "min_rows": _bound("label_rows(min", spec.min_rows),
        "missing": _bound("label_missing(max", spec.missing),
        "conflicting": _bound("label_conflicts(max", spec.conflicting),
    }
    return {bound: name for bound, name in bounds.items() if name is not None}


def _bound(start: str, value: float | None) -> str | None:
    return None if value is None else f"{start}={value:g})"


def aggregates(side: Side, labels: LabelsSpec, column: str, key: KeyPath) -> dict[str, Any]:
    """What is asked of the table: how many labels are missing.

    Raises:
        ConfigError: The column is missing, or its type is not that of the classes.
    """
    side.require([column], (*key, "column") if labels.column else (*key[:-1], "label"))
    side.require(labels.features, (*key, "features"))
    _check_types(side, labels, column, key)
    return {"label_missing": missing(side.table[column]).sum().coalesce(0)}


def missing(column: Any) -> Any:
    """Whether a label is missing."""
    return column.isnull() | column.isnan() if column.type().is_floating() else column.isnull()


def judge(
    side: Side,
    labels: LabelsSpec,
    column: str,
    values: Mapping[str, Any],
    *,
    ids: Collection[str],
    total: int,
    key: KeyPath,
) -> Iterator[Found]:
    """The bounds that the labels do not keep.

    Args:
        side: The table.
        labels: The bounds.
        column: The label's.
        values: Of `aggregates`.
        ids: The columns that identify a row, which are no features.
        total: The rows of the table.
        key: Where `labels` stands in `assay.yaml`.

    Raises:
        DataError: There are too many classes to be classes.
    """
    called = names(labels, hidden=side.hides([column]))
    absent = int(values["label_missing"])
    if total and absent / total > labels.missing:
        yield side.failing(
            lambda table: table.filter(missing(table[column])),
            [column],
            check=called["missing"],
            count=absent,
            total=total,
        )
    if not {"classes", "min_share", "max_share", "min_rows"}.isdisjoint(called):
        yield from _classes(side, labels, column, _counted(side, column, key), total=total)
    if labels.conflicting is not None:
        features = labels.features or [
            name for name in side.table.columns if name != column and name not in ids
        ]
        yield from _conflicts(
            side, column, list(features), labels.conflicting, called["conflicting"], total=total
        )


def _counted(side: Side, column: str, key: KeyPath) -> dict[Any, int]:
    """The rows of each class."""
    table = side.table
    query = (
        table.filter(~missing(table[column]))
        .group_by(**{"class": table[column]})
        .aggregate(rows=lambda t: t.count())
        .limit(MOST_CLASSES + 1)
    )
    found = {row["class"]: int(row["rows"]) for row in side.rows(query)}
    if len(found) > MOST_CLASSES:
        raise DataError(
            f"`{dotted(key)}`: `{printable(column)}` has more than {MOST_CLASSES:,} different"
            f" values in {side.shown}; these are no classes.",
            hint="Of a number to predict, only `missing` and `conflicting` can be looked at.",
            key=key,
        )
    return dict(sorted(found.items(), key=lambda item: (-item[1], str(item[0]))))


def _classes(
    side: Side, labels: LabelsSpec, column: str, found: Mapping[Any, int], *, total: int
) -> Iterator[Found]:
    """Classes that are not expected, that vanished, that are too rare or too frequent."""
    hidden = side.hides([column])
    called, labelled = names(labels, hidden=hidden), sum(found.values())
    unexpected = [one for one in found if labels.classes and one not in labels.classes]
    if unexpected:
        yield side.failing(
            lambda table: table.filter(table[column].isin(unexpected)),
            [column],
            check=called["classes"],
            count=sum(found[one] for one in unexpected),
            total=total,
        )
    about = partial(_about, column=column, hidden=hidden)
    counts = {one: found.get(one, 0) for one in labels.classes} if labels.classes else found
    for one, rows in counts.items():
        share = rows / labelled if labelled else 0.0
        if rows == 0:
            yield about(called["classes"], one, "no row")
            continue
        said = f"{rows:,} rows ({plain(100 * share)} %)"
        if labels.min_share is not None and share < labels.min_share:
            yield about(called["min_share"], one, said)
        if labels.max_share is not None and share > labels.max_share:
            yield about(called["max_share"], one, said)
        if labels.min_rows is not None and rows < labels.min_rows:
            yield about(called["min_rows"], one, said)
    if not counts and not labelled:
        yield about(next(iter(called.values())), None, "no row has a label")


def _about(check: str, one: Any, said: str, *, column: str, hidden: bool) -> Found:
    """A promise about a class."""
    subject = "" if one is None else "a class: " if hidden else f"{as_text(one)}: "
    return whole(check, column=column, found=f"{subject}{said}")


def _conflicts(
    side: Side, column: str, features: list[str], most: float, check: str, *, total: int
) -> Iterator[Found]:
    """Rows whose features another row has too, with another label."""
    if not features:
        return

    def several(table: Any) -> Any:
        """The features that have several labels, and how many rows they have."""
        label = table[column].cast("int8") if table[column].type().is_boolean() else table[column]
        labelled = table.filter(~missing(table[column]))
        groups = labelled.group_by(features).aggregate(
            least=label.min(), most=label.max(), rows=labelled.count()
        )
        return groups.filter(groups.least != groups.most)

    (counted,) = side.rows(several(side.table).aggregate(rows=lambda t: t.rows.sum().coalesce(0)))
    rows = int(counted["rows"])
    if not total or rows == 0 or rows / total <= most:
        return
    conflicting = several(side.table).select(*features)

    def narrow(table: Any) -> Any:
        same = [table[name].identical_to(conflicting[name]) for name in features]
        return table.filter(~missing(table[column])).semi_join(conflicting, same)

    yield side.failing(narrow, [column], check=check, count=rows, total=total)


def _check_types(side: Side, labels: LabelsSpec, column: str, key: KeyPath) -> None:
    """Look whether the classes can be values of the column."""
    dtype = side.table.schema()[column]
    for number, one in enumerate(labels.classes):
        if isinstance(one, str):
            fits = dtype.is_string()
        else:
            fits = dtype.is_numeric() or dtype.is_boolean()
        if not fits:
            kind = "text" if isinstance(one, str) else "a number or true/false"
            raise ConfigError(
                f"`{dotted((*key, 'classes', number))}` is {kind}, and `{printable(column)}` is"
                f" {dtype} in {side.shown}.",
                hint="Write the class as the data has it, with quotes or without.",
                key=(*key, "classes", number),
            )
