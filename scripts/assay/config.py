"""`assay.yaml` as frozen models; every error names the key, the value and what is allowed."""

from __future__ import annotations

import difflib
import json
import posixpath
import reprlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from assay import yamlfile
from assay.console import printable
from assay.errors import ConfigError
from assay.section import Fact

if TYPE_CHECKING:
    from pathlib import Path

FILE = "assay.yaml"

Direction = Literal["higher", "lower"]
TrainMode = Literal["run", "verify", "skip"]
Task = Literal["binary", "multiclass", "regression"]


def _one_or_many(value: object) -> object:
    """A single string stands for a list of one, as in most CI configuration."""
    return [value] if isinstance(value, str) else value


def _none_is_empty(value: object) -> object:
    """`f1:` with nothing after it names a metric that is shown and not gated."""
    return {} if value is None else value


def _no_boolean(value: object) -> object:
    """YAML reads `yes` as true, which Python would take for 1."""
    if isinstance(value, bool):
        message = "should be a number, not true/false"
        raise ValueError(message)  # noqa: TRY004 (pydantic turns only ValueError into its own)
    return value


def _classes_are_text(value: object) -> object:
    """Classes are often numbers, and YAML then reads the keys as numbers."""
    if isinstance(value, dict):
        return {str(k) if type(k) in (int, float) else k: v for k, v in value.items()}
    return value


def _inside(path: str) -> str:
    """A path below the project folder in the one spelling that `dvc.lock` has too."""
    normal = posixpath.normpath(path)
    if posixpath.isabs(normal) or normal.split("/", 1)[0] == "..":
        message = f"is {path!r}, which is not inside of the project"
        raise ValueError(message)
    return normal


Number = Annotated[float, BeforeValidator(_no_boolean)]
File = Annotated[str, Field(min_length=1), AfterValidator(_inside)]

_STRINGS_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Strings = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), WithJsonSchema(_STRINGS_SCHEMA)]


class _Documented(Fact):
    """A model whose attribute docstrings get into the JSON Schema; reading them costs time."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class DataSpec(_Documented):
    """Files that are validated, and the Pandera schema that they must satisfy."""

    path: str = Field(min_length=1)
    """A CSV or Parquet file, or a glob over several, relative to `assay.yaml`."""
    pandera_schema: str = Field(alias="schema", min_length=1)
    """`file.py:Name`, `package.module:Name`, or a Pandera YAML file."""
    sensitive: Strings = ()
    """Columns whose values are never shown."""


class MetricSpec(_Documented):
    """A metric that matters: which way is better, and the bounds that it must keep."""

    direction: Direction | None = None
    """Which way is better. Needed only for names that Assay does not know."""
    min: Number | None = None
    """The gate fails below this value; exactly on it passes."""
    max: Number | None = None
    """The gate fails above this value; exactly on it passes."""
    max_regression: Annotated[float, Field(ge=0), BeforeValidator(_no_boolean)] | None = None
    """The gate fails when head is worse than base by more than this. Needs a baseline."""

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> MetricSpec:
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"`min` ({self.min}) is above `max` ({self.max}); nothing could pass"
            raise ValueError(message)
        return self

    @property
    def gated(self) -> bool:
        """Whether any bound is set."""
        return any(bound is not None for bound in (self.min, self.max, self.max_regression))


class PredictionsSpec(_Documented):
    """A file with one row for each evaluated example, from which metrics are recomputed."""

    path: File
    """A CSV or Parquet file."""
    truth: str = "y_true"
    """The column with the true value."""
    prediction: str | None = None
    """The column with the predicted label or value."""
    score: Annotated[str | dict[str, str] | None, BeforeValidator(_classes_are_text)] = None
    """The column with the score of the positive class, or a mapping of class to column."""
    key: Strings = ()
    """The columns that identify a row; without them rows are matched by their order."""
    weight: str | None = None
    """The column with sample weights."""
    positive: str | int | float | bool | None = None
    """The positive class; by default the larger of the two."""
    task: Task | None = None
    """Inferred from the columns when it is not given."""
    slices: Strings = ()
    """Columns whose values are reported one by one: the 20 most frequent, from 30 rows on."""

    @model_validator(mode="after")
    def _something_to_score(self) -> PredictionsSpec:
        if self.prediction is None and self.score is None:
            message = "needs `prediction` or `score` (the name of a column), or both"
            raise ValueError(message)
        return self


class Config(_Documented):
    """The whole of `assay.yaml`. Everything is optional: what can be discovered is."""

    data: tuple[DataSpec, ...] = ()
    """What `assay validate` checks."""
    tests: Strings | None = None
    """Paths that are given to pytest. By default the project's own pytest settings decide."""
    train: TrainMode = "run"
    """`run`: `dvc repro` here. `verify`: trained elsewhere, check that dvc.lock matches. `skip`."""
    metrics: dict[str, Annotated[MetricSpec, BeforeValidator(_none_is_empty)]] = Field(
        default_factory=dict
    )
    """The metrics that matter, by name."""
    predictions: PredictionsSpec | None = None
    model: File | None = None
    """The model file. By default the artifact of type `model` in `dvc.yaml`."""

    @property
    def has_gate(self) -> bool:
        """Whether any metric has a bound."""
        return any(spec.gated for spec in self.metrics.values())


def load(root: Path, *, name: str = FILE) -> Config:
    """Read the configuration below `root`; the default one where there is no file.

    Raises:
        ConfigError: The file cannot be read, is not YAML, or says something that is not allowed.
    """
    path = root / name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if name != FILE:
            message = f"The configuration file {name} does not exist."
            raise ConfigError(message, file=name, hint="Check `--config`.") from None
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{name} cannot be read: {reason}.", file=name) from error
    return parse(text, file=name)


def parse(text: str, *, file: str = FILE) -> Config:
    """Turn the text of `assay.yaml` into a `Config`.

    Raises:
        ConfigError: See `load`.
    """
    document = yamlfile.load_document(text, file=file)
    if document.value is None:
        return Config()
    if not isinstance(document.value, dict):
        raise ConfigError(
            f"The top level must be keys and values, not {_kind(document.value)}.",
            file=file,
            line=1,
            hint=f"Allowed keys: {_listed(_allowed(()))}.",
        )
    try:
        return Config.model_validate(document.value)
    except ValidationError as error:
        raise _explain(error, document, file) from error


def locate(root: Path, key: tuple[str | int, ...], *, name: str = FILE) -> int | None:
    """The line of a key in the configuration file, or `None`."""
    try:
        text = (root / name).read_text(encoding="utf-8-sig")
        return yamlfile.load_document(text, file=name).line(key)
    except (OSError, UnicodeDecodeError, ConfigError):
        return None


def json_schema() -> str:
    """The JSON Schema of `assay.yaml`, for editors and for `docs/assay.schema.json`."""
    schema = Config.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "assay.yaml"
    # What `_none_is_empty` allows is more than the model says.
    metrics = schema["properties"]["metrics"]
    metrics["additionalProperties"] = {"anyOf": [metrics["additionalProperties"], {"type": "null"}]}
    return json.dumps(schema, indent=2) + "\n"


def _explain(error: ValidationError, document: yamlfile.YamlDocument, file: str) -> ConfigError:
    """The first problem in full, and how many more there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    path = _written(first["loc"], document)
    if first["type"] == "missing":
        path = (*path, str(first["loc"][-1]))
    message, hint = _message(first, printable(".".join(map(str, path))))
    more = len({_written(problem["loc"], document) for problem in problems}) - 1
    if more > 0:
        message += f" ({more} more problem{'s' if more > 1 else ''} in this file.)"
    return ConfigError(message, file=file, line=document.line(path), hint=hint)


def _written(location: tuple[str | int, ...], document: yamlfile.YamlDocument) -> yamlfile.KeyPath:
    """The part of a location that stands in the file.

    Of a union (`score: str | mapping`) pydantic reports every branch, and adds the branch's name,
    which is no key of the user's.
    """
    path: yamlfile.KeyPath = ()
    for part in location:
        known = next((p for p in ((*path, part), (*path, str(part))) if p in document.lines), None)
        if known is None:
            break
        path = known
    return path


def _message(problem: Any, key: str) -> tuple[str, str | None]:
    kind, given = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        allowed = _allowed(problem["loc"][:-1])
        close = difflib.get_close_matches(str(problem["loc"][-1]), allowed, n=1)
        guess = f"Did you mean `{close[0]}`? " if close else ""
        return f"Unknown key `{key}`.", f"{guess}Allowed here: {_listed(allowed)}."
    if kind == "missing":
        return f"`{key}` is required.", "Add it."
    if kind == "invalid_key" or problem["loc"][-1] == "[key]":
        return f"A key is {given!r} ({_kind(given)}).", "Keys are text: quote it."
    if kind == "literal_error":
        return f"`{key}` is {given!r}.", f"Allowed: {problem['ctx']['expected']}."
    if kind == "value_error":
        return f"`{key}` {problem['ctx']['error']}.", None
    if problem["loc"][:2] == ("predictions", "score"):
        kind = "score"
    if problem["loc"][:2] == ("predictions", "positive"):
        kind = "positive"
    wanted = _WANTED.get(kind) or problem["msg"].removeprefix("Input should be ").rstrip(".")
    shown = "empty" if given is None else f"{reprlib.repr(given)} ({_kind(given)})"
    return f"`{key}` is {shown}.", f"It should be {wanted}."


_WANTED = {
    "score": "the name of a column, or a mapping of each class to its column",
    "positive": "a single value: text, a number, or true/false",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "string_type": "text",
    "string_too_short": "a name or a path",
    "float_parsing": "a number",
    "float_type": "a number",
}


_MODELS: dict[str, type[Fact]] = {
    "data": DataSpec,
    "metrics": MetricSpec,
    "predictions": PredictionsSpec,
}


def _allowed(path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand below `path`."""
    model = _MODELS.get(str(path[0]), Config) if path else Config
    return [field.alias or name for name, field in model.model_fields.items()]


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _kind(value: object) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true/false",
        type(None): "empty",
    }
    return names.get(type(value), "a number")
