"""A model file, loaded and asked, in the project environment.

Loading a pickle runs code: whatever the repository, or whoever could write to its DVC remote, put
there. That is as trusted as training is, no more: it happens in a process of its own
(`assay.rescoring`), without the tokens of the forge.
"""

from __future__ import annotations

import importlib
import pickle
import re
import warnings
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.console import printable
from assay.contract import usercode
from assay.errors import UsageError
from assay.section import Reason
from assay.stats.columns import listed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

SUFFIXES = (".joblib", ".pkl", ".pickle", ".skops")
"""What can be loaded: a scikit-learn estimator, or anything with its `predict`."""


class ModelError(UsageError):
    """A model file cannot be loaded, or the model cannot be asked."""


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of n rows."""

    labels: NDArray[Any] | None
    """(n,): of `predict`."""
    scores: NDArray[np.float64] | None
    """(n, k): of `predict_proba`, else of `decision_function`, in the order of `classes`."""
    classes: tuple[Any, ...] = ()
    """Of a classifier, in its own spelling."""
    probability: bool = True
    """Whether the scores are probabilities."""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded estimator."""

    estimator: Any
    shown: str
    """How messages call its file."""
    notes: tuple[Reason, ...] = ()
    """What loading warned of, such as another version of scikit-learn."""

    def columns(self, table: pd.DataFrame, *, apart: Iterable[str]) -> list[str]:
        """The columns of a table that the model is given.

        By the names that it was fitted with; without any, all but those `apart` (key, truth).

        Raises:
            ModelError: The table lacks one, or has another number of them.
        """
        existing = [str(name) for name in table.columns]
        names = self.fitted_names()
        if names is not None:
            # LightGBM has underscores for the spaces of a name, and asks for no name again
            spelled = {name.replace(" ", "_"): name for name in existing}
            names = [name if name in existing else spelled.get(name, name) for name in names]
            if missing := [name for name in names if name not in existing]:
                raise ModelError(
                    f"{self.shown} was fitted with {_columns(missing)}, which the table of "
                    f"features does not have; it has {listed(existing, limit=30)}."
                )
            return names
        skipped = set(apart)
        rest = [name for name in existing if name not in skipped]
        count = getattr(self.estimator, "n_features_in_", None)
        if count and isinstance(count, int) and count != len(rest):  # a loaded CatBoost says 0
            raise ModelError(
                f"{self.shown} was fitted with {count} columns without names, and the table of "
                f"features has {len(rest)} beside key and truth.",
                hint="Fit the model on a DataFrame, so that it knows its columns by name.",
            )
        return rest

    def fitted_names(self) -> list[str] | None:
        """The columns that it was fitted with; `None` where they had no names.

        Of scikit-learn and XGBoost; of CatBoost; of LightGBM. The last two number what has none.
        A pipeline passes on the first name alone, so that its first step is asked too.
        """
        steps = getattr(self.estimator, "steps", None)
        first = [steps[0][1]] if isinstance(steps, list) and steps else []
        attributes = ("feature_names_in_", "feature_names_", "feature_name_")
        for one, attribute in product([self.estimator, *first], attributes):
            try:
                names = getattr(one, attribute, None)
            except Exception:  # noqa: BLE001 S112 (a property of somebody's class)
                continue
            if isinstance(names, list | tuple | np.ndarray) and len(names):
                found = [str(name) for name in names]
                numbered = found == [str(position) for position in range(len(found))]
                made_up = numbered and attribute == "feature_names_"
                return None if made_up or found[0] == "Column_0" else found
        return None

    def say(self, features: pd.DataFrame, *, labels: bool = True, scores: bool = True) -> Said:
        """Ask the model. Call it inside `usercode.importable`.

        Args:
            features: The columns that `columns` names.
            labels: Whether `predict` is asked.
            scores: Whether scores are asked for, where the model has any.

        Raises:
            ModelError: It raises, or answers in another shape than scikit-learn's estimators do.
        """
        said = self._ask("predict", features) if labels else None
        if said is not None:
            said = said.reshape(-1) if said.shape == (len(features), 1) else said
            if said.shape != (len(features),):
                raise self._odd("predict", said, features)
        classes = self._classes()
        how = next((m for m in ("predict_proba", "decision_function") if self._has(m)), None)
        if not scores or not classes or how is None:
            return Said(said, None, classes)
        matrix = self._ask(how, features)
        if matrix.shape == (len(features),) and len(classes) == 2:  # one number for two classes
            matrix = np.column_stack([-matrix, matrix])
        if matrix.shape != (len(features), len(classes)):
            raise self._odd(how, matrix, features)
        return Said(said, matrix.astype(np.float64), classes, probability=how == "predict_proba")

    def _has(self, method: str) -> bool:
        try:
            return callable(getattr(self.estimator, method, None))
        except Exception:  # noqa: BLE001 (scikit-learn's `available_if` runs the user's code)
            return False

    def _classes(self) -> tuple[Any, ...]:
        found = getattr(self.estimator, "classes_", ())
        is_array = isinstance(found, list | tuple | np.ndarray)
        return tuple(np.asarray(found).tolist()) if is_array and np.ndim(found) == 1 else ()

    def _ask(self, method: str, features: pd.DataFrame) -> NDArray[Any]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return np.asarray(getattr(self.estimator, method)(features))
        except (Exception, SystemExit) as error:
            kind = type(error).__name__
            message = f"{self.shown}: `{method}` raises {kind}: {usercode.first_line(error)}."
            raise ModelError(message.replace("..", ".")) from error

    def _odd(self, method: str, found: NDArray[Any], features: pd.DataFrame) -> ModelError:
        return ModelError(
            f"{self.shown}: `{method}` of {len(features):,} rows is of shape {found.shape}, which "
            "is no single answer a row."
        )


def load(path: Path, *, shown: str, root: Path) -> Model:
    """Load a model. Call it inside `usercode.importable`: its classes may be the user's own.

    This runs code of the repository, see the top of this module.

    Args:
        path: The file.
        shown: How messages call it.
        root: The project, whose modules the model may need.

    Raises:
        ModelError: It is missing, damaged, of another format, needs what is not installed or not
            there any more, or has no `predict`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(
            f"{shown} cannot be loaded: its name ends in none of {', '.join(SUFFIXES)}.",
            hint="Models are loaded where joblib, pickle or skops wrote them.",
        )
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is missing"
        raise ModelError(f"{shown} {what}.")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = _read(path)
        except (Exception, SystemExit) as error:
            raise _not_loaded(error, shown, root) from error
    if not callable(getattr(estimator, "predict", None)):
        raise ModelError(
            f"{shown} holds a {type(estimator).__name__}, which has no `predict`.",
            hint="Save the fitted estimator itself, as `joblib.dump(model, path)` does.",
        )
    return Model(estimator, shown, tuple(_notes(caught, shown)))


def _read(path: Path) -> Any:
    if path.suffix.lower() == ".skops":
        skops = importlib.import_module("skops.io")
        # What the file asks for is loaded, as it would be from a pickle; see the top of this
        # module for why that is no more than training may do.
        return skops.load(path, trusted=skops.get_untrusted_types(file=path))
    try:
        joblib = importlib.import_module("joblib")  # it reads what pickle wrote too
    except ImportError:
        return pickle.loads(path.read_bytes())  # noqa: S301 (see the top of this module)
    return joblib.load(path)


# As the two unpicklers of Python say it, the one in C and the one that joblib builds on.
_GONE = re.compile(
    r"Can't get attribute '([^']+)' on <module '([^']+)'"
    r"|module '([^']+)' has no attribute '([^']+)'"
)


_SCRIPTS = {"__main__", "__mp_main__", "assay.rescoring.__main__", "assay.packaging.__main__"}
"""What a script is called, and what calls itself so while it loads a model."""


def _not_loaded(error: BaseException, shown: str, root: Path) -> ModelError:
    file, line = usercode.user_line(error, root)
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        return ModelError(
            f"{shown} needs the module `{printable(error.name)}`, which is not there.",
            hint="It was removed or renamed after the model was trained, or is not installed.",
            file=file,
            line=line,
        )
    gone = _GONE.search(str(error))
    if isinstance(error, AttributeError) and gone is not None:
        name, module = printable(gone[1] or gone[4]), printable(gone[2] or gone[3])
        hint = "It was removed or renamed after the model was trained."
        if module in _SCRIPTS:
            module = "__main__"
            hint = f"Define `{name}` in a module that training imports, not in the script itself."
        return ModelError(f"{shown} needs `{name}` of `{module}`, which is not there.", hint=hint)
    kind = type(error).__name__
    message = f"{shown} cannot be loaded: {kind}: {usercode.first_line(error)}."
    return ModelError(message.replace("..", "."), file=file, line=line)


def _notes(caught: list[warnings.WarningMessage], shown: str) -> list[Reason]:
    """What a reader should know of the warnings: scikit-learn's about its versions, once."""
    for one in caught:
        written = getattr(one.message, "original_sklearn_version", None)
        if written is not None:
            here = getattr(one.message, "current_sklearn_version", "another")
            message = (
                f"{shown} was written by scikit-learn {printable(str(written))} and is read by "
                f"{printable(str(here))}."
            )
            return [Reason(message=message, severity="note")]
    return []


def _columns(names: list[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {listed(names)}"
