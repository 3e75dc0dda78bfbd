"""The parts of `assay.yaml` as frozen models. Their docstrings are its documentation."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from assay.section import Fact

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
TESTS = ("no_significant_regression", "non_inferior", "superior")
"""The rules that need rows."""
_RULES = (
    "min",
    "max",
    "max_regression",
    "max_relative_regression",
    "min_improvement",
    "min_relative_improvement",
    *TESTS,
)


def _one_or_many(value: object) -> object:
    """A single string stands for a list of one, as in most CI configuration."""
    return [value] if isinstance(value, str) else value


def none_is_empty(value: object) -> object:
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
Whole = Annotated[int, BeforeValidator(_no_boolean)]
File = Annotated[str, Field(min_length=1), AfterValidator(_inside)]

_STRINGS_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Strings = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), WithJsonSchema(_STRINGS_SCHEMA)]


class Documented(Fact):
    """A model whose attribute docstrings get into the JSON Schema; reading them costs time."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Rules(Documented):
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
        return bool(self.set_rules)

    @property
    def set_rules(self) -> tuple[str, ...]:
        """The names of the rules that are set, without those for slices."""
        values = ((name, getattr(self, name, None)) for name in _RULES)
        return tuple(name for name, value in values if value is not None and value is not False)

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> Rules:
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

    @property
    def gated(self) -> bool:
        """Whether any rule is set, for slices too."""
        return bool(self.set_rules) or (self.slices is not None and self.slices.gated)


class Column(Documented):
    """Slices by the values of a column, or by bins of its numbers."""

    column: str = Field(min_length=1)
    """The column of the predictions file."""
    bins: tuple[Number, ...] | None = Field(default=None, min_length=1, max_length=100)
    """Edges between the bins, rising; the outer bins are open. At most 100."""
    quantiles: Annotated[Whole, Field(ge=2, le=20)] | None = None
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


class Where(Documented):
    """One slice: the rows for which an expression is true."""

    name: str = Field(min_length=1)
    """What reports call it."""
    where: str = Field(min_length=1)
    """Comparisons of columns, as `age >= 60 and region in ('north', 'east')`."""


class Cross(Documented):
    """Slices by the values of several columns at once."""

    cross: Annotated[tuple[str, ...], Field(min_length=2, max_length=4)]
    """Columns of the predictions file."""


_FORMS: dict[str, type[Column | Where | Cross]] = {
    "<Column>": Column,
    "<Where>": Where,
    "<Cross>": Cross,
}


def _form(value: object) -> str | None:
    """Which of the forms of a slice it is meant to be, by the keys that are there."""
    if not isinstance(value, dict):
        return next((tag for tag, model in _FORMS.items() if isinstance(value, model)), None)
    for keys in ({"column": 0, "where": 1, "cross": 2}, {"bins": 0, "quantiles": 0, "name": 1}):
        for key, index in keys.items():
            if key in value:
                return list(_FORMS)[index]
    return None


SliceSpec = Annotated[
    Annotated[Column, Tag("<Column>")]
    | Annotated[Where, Tag("<Where>")]
    | Annotated[Cross, Tag("<Cross>")],
    Discriminator(_form),
]


def slice_specs(value: object) -> object:
    """`season` is short for `{column: season}`."""
    listed = [value] if isinstance(value, str | dict) else value
    if not isinstance(listed, list | tuple):
        return listed
    return [{"column": item} if isinstance(item, str) else item for item in listed]


class FairnessSpec(Documented):
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

    @model_validator(mode="after")
    def _the_bound_that_fits(self) -> FairnessSpec:
        wanted, other = ("min", "max") if self.measure.endswith("_ratio") else ("max", "min")
        if getattr(self, other) is not None:
            better = "high" if wanted == "min" else "low"
            message = f"is of `{self.measure}`, which is fair when it is {better}: use `{wanted}`"
            raise ValueError(message)
        if getattr(self, wanted) is None:
            message = f"has no bound: add `{wanted}`"
            raise ValueError(message)
        return self


class SeedsSpec(Documented):
    """How to find out what another random seed would have given."""

    param: str = Field(min_length=1)
    """The parameter with the seed, as `train.seed`, or `file.yaml:train.seed`."""
    repeats: Annotated[Whole, Field(ge=2, le=50)] = 5
    """How often head is trained again, each time with another seed."""


class ReportSpec(Documented):
    """What people read."""

    title: str = Field(default="", max_length=80)
    """What reports call the model, where a repository has several."""
    templates: File | None = None
    """A folder with Jinja2 templates that change what reports say."""


class StatisticsSpec(Documented):
    """How sure is sure."""

    confidence: Annotated[float, Field(gt=0.5, lt=1), BeforeValidator(_no_boolean)] = 0.95
    """Of intervals; the rest is the chance of a false alarm, over all gates together."""
    resamples: Annotated[Whole, Field(ge=1000, le=1_000_000)] = 10_000
    """How often rows are drawn anew."""
    seed: Annotated[Whole, Field(ge=0)] = 0
    """The same seed gives the same intervals."""
    search: bool = True
    """Whether to look for the slice that got worst, among the columns of the predictions file."""


class PredictionsSpec(Documented):
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
    slices: Annotated[tuple[SliceSpec, ...], BeforeValidator(slice_specs)] = ()
    """Parts of the rows that are reported one by one: a column's name for each of its values (the
    20 most frequent), bins, expressions, or columns crossed."""
    min_slice_rows: Annotated[Whole, Field(ge=1)] = 30
    """Smaller slices are listed and not judged."""

    @model_validator(mode="after")
    def _something_to_score(self) -> PredictionsSpec:
        if self.prediction is None and self.score is None:
            message = "needs `prediction` or `score` (the name of a column), or both"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _names_tell_slices_apart(self) -> PredictionsSpec:
        names = [spec.name for spec in self.slices if isinstance(spec, Where)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            message = f"has two `slices` that are called {twice!r}"
            raise ValueError(message)
        return self
