"""Where `assay.yaml` promises what stands beside the schema: the key of a check, and its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.configdata import DataSpec
    from assay.stages.validate import CheckFailure
    from assay.yamlfile import YamlDocument

_KEYS = {
    "references": ("references",),
    "disjoint_on": ("disjoint_on",),
    "fresh": ("fresh", "within"),
    "not_in_future": ("fresh", "ahead"),
    "label_classes": ("labels", "classes"),
    "label_missing": ("labels", "missing"),
    "label_conflicts": ("labels", "conflicting"),
}


def key(check: str, column: str | None) -> tuple[str, ...] | None:
    """The key of an entry of `data` that promises a check beside the schema; `None` for others.

    Args:
        check: As `assay.contract.relations` names it: `rows(min=1000)`.
        column: What it is about.
    """
    name, _, arguments = check.partition("(")
    bound = arguments.partition("=")[0]
    if name == "expect" and arguments:
        return ("expect", "columns", column or "", bound)
    if name in {"rows", "label_share", "label_rows"} and arguments:
        section, _, of = name.partition("_")
        return ("labels", f"{bound}_{of}") if of else (section, bound)
    return _KEYS.get(name) if arguments or name == "label_classes" else None


def placed(
    failures: Iterable[CheckFailure],
    spec: DataSpec,
    *,
    number: int,
    document: YamlDocument | None,
    file: str,
) -> tuple[CheckFailure, ...]:
    """Failures of promises beside the schema, with the lines that make them.

    Args:
        failures: What a table breaks.
        spec: The entry of `data`.
        number: Of the entry, from 0.
        document: The configuration; `None` where it cannot be read any more.
        file: Its name, relative to the project folder.
    """
    found = []
    for failure in failures:
        line = None if document is None else document.line(("data", number, *_path(spec, failure)))
        update = {} if line is None else {"file": file, "line": line}
        found.append(failure.model_copy(update=update))
    return tuple(found)


def _path(spec: DataSpec, failure: CheckFailure) -> tuple[str | int, ...]:
    """The key of a failure; of several references that to the file which the check names."""
    found = key(failure.check, failure.column) or ()
    if found != ("references",):
        return found
    named = (at for at, one in enumerate(spec.references) if repr(one.to) in failure.check)
    return (*found, next(named, 0))
