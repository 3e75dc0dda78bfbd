"""Which estimators become ONNX, tried: writes the tables of `docs/estimators.md`. Takes minutes.

    python scripts/estimators.py                    # try all, write the page
    python scripts/estimators.py Ridge SVC          # try some, print what came of them

Each goes the way that `assay package` goes: pickled, loaded, converted, and asked about
its data and about rows that are hard to get right.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import pickle
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay.errors import AssayError
from assay.packaging.export import export
from assay.packaging.job import ExportJob
from assay.workspace.dvcfiles import DvcFiles, Output
from estimator_cases import (
    CannotFitError,
    classification,
    fit,
    foreign,
    made,
    predictors,
    regression,
)
from generate_docs import DOCS, markdown_table, render
from sklearn.base import is_regressor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.packaging.facts import Parity
    from estimator_cases import DataSet, Fitted

PAGE = DOCS / "estimators.md"
SEVERAL = "two targets"
KINDS = ("classifier", "regressor", "cluster", "outliers")
PACKAGES = ("scikit-learn", "lightgbm", "xgboost-cpu", "catboost", "onnx", "onnxruntime")

Result = Literal["onnx", "native", "wrong", "refused", "crash", "no fit"]


@dataclass(frozen=True)
class Outcome:
    """What came of an estimator on a data set."""

    result: Result
    error: float = 0.0
    """Of ONNX: a bound of the largest difference, absolute or relative, over all rows asked."""
    why: str = ""

    @property
    def cell(self) -> str:
        """As the table shows it."""
        if self.result == "onnx":
            return f"ONNX, {self.error:.0e}" if self.error else "ONNX"
        return "" if self.result == "no fit" else self.result


@dataclass(frozen=True)
class Row:
    """An estimator on all data sets of its kind."""

    name: str
    outcomes: dict[str, Outcome]

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        return (f"`{self.name}`", *(one.cell for one in self.outcomes.values()))

    @property
    def good(self) -> bool:
        """Whether it became ONNX wherever it was fitted, on three data sets or more."""
        results = [one.result for one in self.outcomes.values() if one.result != "no fit"]
        return len(results) >= 3 and set(results) == {"onnx"}


def main() -> int:
    """Try estimators; 1 where one was wrong, refused or crashed."""
    parser = argparse.ArgumentParser(description="Try which estimators become ONNX.")
    parser.add_argument("names", nargs="*", help="classes to try; all, and the page, without any")
    names = parser.parse_args().names
    found = {kind: list(rows(kind, names)) for kind in (*KINDS, "foreign")}
    if not names:
        PAGE.write_text(page(found), encoding="utf-8", newline="\n")
    each = [one for part in found.values() for row in part for one in row.outcomes.values()]
    return 1 if any(one.result in {"wrong", "refused", "crash"} for one in each) else 0


def rows(kind: str, names: list[str]) -> Iterator[Row]:
    """Try the estimators of a kind, one after the other."""
    classes = foreign() if kind == "foreign" else predictors(kind)
    for name, one in classes.items():
        if names and name not in names:
            continue
        row = Row(name, outcomes(one))
        for data, outcome in row.outcomes.items():
            print(f"{name:32} {data:18} {outcome.cell or '-':16} {outcome.why}", flush=True)
        yield row


def outcomes(kind: type) -> dict[str, Outcome]:
    """What comes of an estimator on each data set, and on one with two targets."""
    known = regression() if is_regressor(made(kind)) else classification()
    found = {name: tried(kind, data) for name, data in known.items()}
    first = next(iter(known.values()))
    return found | {SEVERAL: tried(kind, first, several=True)}


def tried(kind: type, data: DataSet, *, several: bool = False) -> Outcome:
    """Fit an estimator and export it.

    Args:
        kind: The class.
        data: What it is fitted on.
        several: With a second target.
    """
    try:
        fitted = fit(kind, data, several=several)
    except CannotFitError as error:
        return Outcome("no fit", why=str(error))
    return exported(fitted)


def exported(fitted: Fitted) -> Outcome:
    """The way of `assay package`, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        root = Path(folder)
        model, table_file, out = root / "model.pkl", root / "rows.parquet", root / "out"
        out.mkdir()
        model.write_bytes(pickle.dumps(fitted.model))
        fitted.rows.to_parquet(table_file)
        digest = hashlib.md5(model.read_bytes(), usedforsecurity=False).hexdigest()
        job = ExportJob(
            root=str(root),
            model=str(model),
            shown=model.name,
            features=str(table_file),
            folder=str(out),
        )
        try:
            answer = export(job, DvcFiles(outputs=(Output(model.name, "out", digest, None),)))
        except AssayError as error:
            return Outcome("refused", why=error.message)
        except Exception as error:  # noqa: BLE001 (a defect of ours, which the table is to show)
            return Outcome("crash", why=f"{type(error).__name__}: {error}")
    if answer.export is None or answer.exit_code:
        return Outcome("wrong", why=" ".join(one.message for one in answer.reasons))
    if answer.export.kind == "native":
        return Outcome("native", why=answer.export.why_native or "")
    return Outcome("onnx", _furthest(answer.export.parity))


def _furthest(parity: Parity) -> float:
    each = [
        min(one.max_absolute or 0.0, one.max_relative or 0.0)
        for rows in parity.rows
        for one in rows.outputs
    ]
    return max(each, default=0.0)


def page(found: dict[str, list[Row]]) -> str:
    """The page with its tables."""

    def part(rows: list[Row]) -> Callable[[], str]:
        return lambda: _part(rows)

    parts = {kind: part(rows) for kind, rows in found.items()}
    text = PAGE.read_text(encoding="utf-8")
    return render(text, {**parts, "summary": lambda: _summary(found)})


def _summary(found: dict[str, list[Row]]) -> str:
    known = [row for kind in ("classifier", "regressor") for row in found[kind]]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    good = sum(row.good for row in known)
    return (
        f"With {packages}: **{good} of {len(known)}** classifiers and regressors of scikit-learn "
        "became ONNX on every data set that they can be fitted on, three or more.\n"
    )


def _part(rows: list[Row]) -> str:
    """A table for each list of data sets."""
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(tuple(row.outcomes), []).append(row)
    tables = [
        markdown_table(("Estimator", *sets), (row.cells for row in alike))
        for sets, alike in grouped.items()
    ]
    return "\n".join([*tables, *_notes(rows)])


def _notes(rows: list[Row]) -> Iterator[str]:
    """Why an estimator did not become ONNX, once a reason."""
    for row in rows:
        said: dict[str, list[str]] = {}
        for data, one in row.outcomes.items():
            if one.result != "onnx" and data != SEVERAL:
                said.setdefault(one.why, []).append(data)
        for why, names in said.items():
            yield f"`{row.name}` on {', '.join(names)}: {why}\n"


if __name__ == "__main__":
    sys.exit(main())
