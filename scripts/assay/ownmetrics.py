"""Metrics that are the user's own: a function of the predictions' rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.console import printable
from assay.contract import usercode
from assay.errors import ConfigError, DataError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from assay.config import Config

FORMS = "Write `file.py:name` or `package.module:name`, of a function."


class OwnMetric:
    """A metric of `assay.yaml` with a `function`; call it, inside `usercode.importable`.

    Args:
        name: Of the metric.
        function: The user's: rows of the predictions file to a number.
        root: The project.
    """

    def __init__(self, name: str, function: Callable[[pd.DataFrame], object], root: Path) -> None:
        self.name = name
        self._function = function
        self._root = root

    def __call__(self, rows: pd.DataFrame) -> float:
        """The metric of some rows.

        Raises:
            DataError: The function raises, or returns something else than a finite number.
        """
        # A copy, or a function that writes into it would change what the next one is given; before
        # pandas 3 the values too, and with them the predictions of every other metric.
        try:
            value = self._function(rows.copy())
            number = float(value)  # type: ignore[arg-type]
        except (Exception, SystemExit) as error:
            file, line = usercode.user_line(error, self._root)
            kind = type(error).__name__
            message = f"The metric {printable(self.name)} raises {kind}: "
            message += f"{usercode.first_line(error)}."
            raise DataError(message.replace("..", "."), file=file, line=line) from error
        if not math.isfinite(number):
            raise DataError(f"The metric {printable(self.name)} is {number}, which is no number.")
        return number


def load(config: Config, root: Path) -> dict[str, OwnMetric]:
    """The user's own metrics, by name; call it inside `usercode.importable`.

    Raises:
        ConfigError: A reference is not one, or there is no such function.
        SchemaError: The module cannot be imported.
    """
    return {
        name: OwnMetric(name, _function(name, spec.function, root), root)
        for name, spec in config.metrics.items()
        if spec.function is not None
    }


def _function(name: str, reference: str, root: Path) -> Callable[[pd.DataFrame], object]:
    key = ("metrics", name, "function")
    target, separator, attribute = reference.rpartition(":")
    if not separator or not target or not attribute.isidentifier():
        message = f"`{printable(reference)}` does not name a function."
        raise ConfigError(message, hint=FORMS, key=key)
    try:
        module = usercode.import_module(target, root)
    except SchemaError as error:
        error.key = key
        error.hint = FORMS if error.hint == usercode.FORMS else error.hint
        raise
    found = getattr(module, attribute, None)
    if not callable(found):
        what = "has no" if found is None else "has, but not as a function, a"
        message = f"{printable(target)} {what} `{attribute}`."
        raise ConfigError(message, hint=FORMS, key=key)
    function: Callable[[pd.DataFrame], object] = found
    return function
