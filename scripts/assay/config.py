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
Severity = Literal["fail", "warn"]
FairnessMeasure = Literal[
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
]
_RULES = frozenset(
    {
        "min",
        "max",
        "max_regression",
        "max_relative_regression",
        "min_improvement",
        "min_relative_improvement",
        "no_significant_regression",
        "non_inferior",
        "superior",
        "slices",
    }
)
"""The keys of a metric that can say no."""


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
NotNegative = Annotated[float, Field(ge=0), BeforeValidator(_no_boolean)]
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
    key: Strings = ()
    """The columns that identify a row, to tell changed rows from new ones."""
    label: str | None = None
    """The column that the model learns, whose balance is reported."""
    disjoint_from: File | None = None
    """A file that must not have a row of this one: the training data of evaluation data."""


class Rules(_Documented):
    """The bounds that a metric must keep."""

    min: Number | None = None
    """The gate fails below this value; exactly on it passes."""
    max: Number | None = None
    """The gate fails above this value; exactly on it passes."""
    max_regression: NotNegative | None = None
    """The gate fails when head is worse than base by more than this. Needs a baseline."""
    max_relative_regression: NotNegative | None = None
    """The same as a share of base's value: `0.02` allows 2 % worse. Fails when base is zero."""
    no_significant_regression: bool = False
    """The gate fails when head is worse than base and chance does not explain it."""
    non_inferior: NotNegative | None = None
    """The gate passes when head is surely not worse than base by more than this margin."""
    severity: Severity = "fail"
    """What a gate that says no does to the run."""

    @property
    def gated(self) -> bool:
        """Whether any rule is set."""
        rules = (getattr(self, name) for name in type(self).model_fields if name in _RULES)
        return any(rule is not None and rule is not False for rule in rules)

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> MetricSpec:
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"`min` ({self.min}) is above `max` ({self.max}); nothing could pass"
            raise ValueError(message)
        return self


class MetricSpec(Rules):
    """A metric that matters: which way is better, and the bounds that it must keep."""

    direction: Direction | None = None
    """Which way is better. Needed only for names that Assay does not know."""
    function: str | None = Field(default=None, min_length=1)
    """Your own metric: `file.py:name` or `package.module:name` of a function of the predictions'
    rows (a pandas.DataFrame) that returns a number."""
    min_improvement: NotNegative | None = None
    """The gate fails when head is not better than base by at least this."""
    min_relative_improvement: NotNegative | None = None
    """The same as a share of base's value. Fails when base is zero."""
    superior: bool = False
    """The gate passes when head is surely better than base."""
    slices: Rules | None = None
    """Rules that every slice must keep, corrected for having looked at many."""


class Column(_Documented):
    """Slices by the values of a column, or by bins of its numbers."""

    column: str = Field(min_length=1)
    """The column of the predictions file."""
    bins: tuple[Number, ...] | None = Field(default=None, min_length=1)
    """Edges between the bins, rising; the outer bins are open."""
    quantiles: Annotated[int, Field(ge=2, le=20)] | None = None
    """Into how many bins with about the same number of rows."""

    @model_validator(mode="after")
    def _one_way_of_binning(self) -> Column:
        if self.bins is not None and self.quantiles is not None:
            message = "has both `bins` and `quantiles`; one of them"
            raise ValueError(message)
        if self.bins is not None and list(self.bins) != sorted(set(self.bins)):
            message = f"has `bins` {list(self.bins)}, which do not rise"
            raise ValueError(message)
        return self


class Where(_Documented):
    """One slice: the rows for which an expression is true."""

    name: str = Field(min_length=1)
    """What reports call it."""
    where: str = Field(min_length=1)
    """Comparisons of columns, as `age >= 60 and region in ('north', 'east')`."""


class Cross(_Documented):
    """Slices by the values of several columns at once."""

    cross: Annotated[tuple[str, ...], Field(min_length=2, max_length=4)]
    """Columns of the predictions file."""


SliceSpec = Column | Where | Cross


def _slice_specs(value: object) -> object:
    """`season` is short for `{column: season}`."""
    listed = [value] if isinstance(value, str | dict) else value
    if not isinstance(listed, list | tuple):
        return listed
    return [{"column": item} if isinstance(item, str) else item for item in listed]


class FairnessSpec(_Documented):
    """A bound on how far apart the groups of a column may be."""

    column: str = Field(min_length=1)
    """The column that says which group a row belongs to."""
    measure: FairnessMeasure
    """By fairlearn's definitions; of the positive class."""
    max: Number | None = None
    """The gate fails above this value: for differences."""
    min: Number | None = None
    """The gate fails below this value: for ratios."""
    severity: Severity = "fail"
    """What a gate that says no does to the run."""


class SeedsSpec(_Documented):
    """How to find out what another random seed would have given."""

    param: str = Field(min_length=1)
    """The parameter with the seed, as `train.seed`, or `file.yaml:train.seed`."""
    repeats: Annotated[int, Field(ge=2, le=50)] = 5
    """How often head is trained again, each time with another seed."""


class StatisticsSpec(_Documented):
    """How sure is sure."""

    confidence: Annotated[float, Field(gt=0.5, lt=1), BeforeValidator(_no_boolean)] = 0.95
    """Of intervals; the rest is the chance of a false alarm, over all gates together."""
    resamples: Annotated[int, Field(ge=1000, le=1_000_000)] = 10_000
    """How often rows are drawn anew."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The same seed gives the same intervals."""
    search: bool = True
    """Whether to look for the slice that got worst, among the columns of the predictions file."""



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
    group: str | None = None
    """The column that says which rows belong together, as several of one customer do."""
    features: File | None = None
    """The table that the model was given, with the same key or order: lets base's model predict
    head's rows, and features be weighed."""
    slices: Annotated[tuple[SliceSpec, ...], BeforeValidator(_slice_specs)] = ()
    """Parts of the rows that are reported one by one: a column's name for each of its values (the
    20 most frequent), bins, expressions, or columns crossed."""
    min_slice_rows: Annotated[int, Field(ge=1)] = 30
    """Smaller slices are listed and not judged."""

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
    fairness: tuple[FairnessSpec, ...] = ()
    """Bounds on how far apart groups may be."""
    statistics: StatisticsSpec = StatisticsSpec()
    seeds: SeedsSpec | None = None
    """Train head several times, so that the interval covers what the seed does."""
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
