"""Metrics and parameter files as DVC's users write them: nested JSON, YAML or TOML."""

from __future__ import annotations

import json
import math
import tomllib
from typing import TYPE_CHECKING, Any

from assay import yamlfile
from assay.console import printable
from assay.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(text: bytes, *, file: str) -> dict[str, Any]:
    """The values of a file by dotted name: `{"train": {"f1": 0.9}}` is `{"train.f1": 0.9}`.

    Raises:
        DataError: The file is empty, cannot be parsed, or holds no names.
    """
    value = _parse(text, file)
    if not isinstance(value, dict):
        raise DataError(
            f"{printable(file)} holds no names with values.",
            file=file,
            hint='Write a mapping, such as {"f1": 0.91}.',
        )
    try:
        return dict(_flat(value, ""))
    except RecursionError:  # JSON is parsed to a greater depth
        message = f"{printable(file)} is nested too deeply to be read."
        raise DataError(message, file=file, hint=_AGAIN) from None


def numbers(text: bytes, *, file: str) -> dict[str, float]:
    """The numbers of a metrics file by dotted name; texts, true/false and lists are left out.

    Raises:
        DataError: See `leaves`; or a number is NaN or infinite.
    """
    found: dict[str, float] = {}
    for name, value in leaves(text, file=file).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        number = _finite(value)
        if number is None:
            shown = "too large" if isinstance(value, int) else f"{value}, not a number"
            raise DataError(
                f"The metric `{printable(name)}` in {printable(file)} is {shown}.",
                file=file,
                hint="Find out why the evaluation did not yield a value; leave the name out if "
                "it has none.",
            )
        found[name] = number
    return found


def _finite(value: float) -> float | None:
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # JSON knows no largest integer
        return None


def _parse(text: bytes, file: str) -> Any:
    if not text.strip():
        raise DataError(f"{printable(file)} is empty.", file=file, hint=_AGAIN)
    try:
        if file.endswith((".yaml", ".yml")):
            return yamlfile.load(text.decode("utf-8"), file=file)
        if file.endswith(".toml"):
            return tomllib.loads(text.decode("utf-8"))
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{printable(file)} is not valid JSON: {error.msg}."
        raise DataError(message, file=file, line=error.lineno, hint=_AGAIN) from error
    except (ConfigError, ValueError, RecursionError) as error:
        said = error.message if isinstance(error, ConfigError) else printable(f"{error}.")
        line = error.line if isinstance(error, ConfigError) else None
        message = f"{printable(file)} cannot be read: {said}"
        raise DataError(message, file=file, line=line, hint=_AGAIN) from error


_AGAIN = "Run the stage that writes it once more."


def _flat(value: dict[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, child in value.items():
        name = f"{prefix}{key}"
        if isinstance(child, dict):
            yield from _flat(child, f"{name}.")
        else:
            yield name, child
