"""`monitor:` and `retrain:` of `assay.yaml` as frozen models. Their docstrings document them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from assay.configdata import Count, Duration, Name
from assay.configmodels import Documented, File, Number, Strings, Whole, none_is_empty
from assay.configrollout import Command, Variable

Reason = Literal["drift", "performance", "schedule", "data"]


def _is_window(text: str) -> str:
    from assay.configdata import duration

    if text != "month" and duration(text).total_seconds() < 60:
        message = f"is {text!r}; a window is `month`, or a minute or longer, as `1 day`"
        raise ValueError(message)
    return text


def _is_collected(path: str) -> str:
    if not path.endswith(".prom"):
        message = f"is {path!r}; node_exporter reads files whose names end in `.prom`"
        raise ValueError(message)
    return path


def _is_branch(name: str) -> str:
    # What git takes, and no shell, header or line of ours could misread:
    # https://git-scm.com/docs/git-check-ref-format
    bad = ("..", "//", "@{", ".lock/", "/.")
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*", name) is not None
    if not plain or any(part in name for part in bad) or name.endswith((".", "/", ".lock")):
        message = f"is {name!r}, which is no name of a branch as `assay/retrain`"
        raise ValueError(message)
    return name


_COLLECTED = {"type": "string", "pattern": r"\.prom$"}
_Collected = Annotated[str, AfterValidator(_is_collected), WithJsonSchema(_COLLECTED)]


class TableSpec(Documented):
    """Where rows are: files, or a table of a database."""

    path: str = ""
    """A file, a folder of Parquet files, or a glob, of Parquet, CSV or JSON lines; relative to
    `assay.yaml`, or an address as `s3://bucket/log/*.parquet`."""
    connection: Variable | None = None
    """The environment variable with the URL of a database, in place of `path`."""
    table: Name | None = None
    """The table of that database, as `schema.table`."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """What reads files: DuckDB on this machine, or Spark."""

    @model_validator(mode="after")
    def _one_place(self) -> TableSpec:
        database = {self.connection is not None, self.table is not None}
        if len(database) == 2 or database == {bool(self.path)}:
            message = "needs either `path`, or `connection` and `table`"
            raise ValueError(message)
        if self.engine == "spark" and not self.path:
            message = "has `engine: spark`, which is for `path`"
            raise ValueError(message)
        return self


class LogSpec(TableSpec):
    """What production answered: the prediction log of `assay serve`, or any table like it."""

    id: Name = "id"
    """The column with a request's id: labels are joined by it, and a row with the same is counted
    once."""
    row: Name | None = None
    """The column that tells rows of one request apart; by default `row`, where there is one."""
    time: Name = "time"
    """When a row was answered."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Where the table calls a feature or a prediction otherwise: by the model's name, the
    column's."""


class TruthSpec(TableSpec):
    """Labels, which may come much later than the answers."""

    id: Name = "id"
    """As in the log."""
    row: Name | None = None
    """As in the log."""
    truth: Name = "truth"
    """The column with the label."""


class BaselineSpec(TableSpec):
    """A reference in place of the profile in the bundle."""

    time: Name | None = None
    """When a row was; needed for `season`."""
    season: Duration | Literal["year"] | None = None
    """Compare with the same window one season earlier (`year`, `7 d`): a whole year is no reference
    for a month that is warmer."""
    truth: Name | None = None
    """The column with the label, where there is one: performance is compared with these rows."""
    columns: dict[str, str] = Field(default_factory=dict)
    """As in the log."""

    @model_validator(mode="after")
    def _seasons_have_times(self) -> BaselineSpec:
        if self.season is not None and self.time is None:
            message = "has `season` and no `time`; name the column that says when a row was"
            raise ValueError(message)
        return self


class HysteresisSpec(Documented):
    """When windows that drift become an alarm, so that one odd day wakes nobody."""

    windows: Annotated[Whole, Field(ge=1, le=100)] = 2
    """An alarm starts when so many of the last `of` windows drift, and ends when fewer do."""
    of: Annotated[Whole, Field(ge=1, le=100)] = 5
    """How many windows count."""

    @model_validator(mode="after")
    def _can_be(self) -> HysteresisSpec:
        if self.windows > self.of:
            message = f"wants {self.windows} `windows` of {self.of} to drift, which cannot be"
            raise ValueError(message)
        return self


class PrometheusSpec(Documented):
    """Where the figures go for Prometheus."""

    textfile: _Collected | None = None
    """A file in the folder of node_exporter's textfile collector; its name ends in `.prom`."""
    pushgateway: Variable | None = None
    """The environment variable with the address of a Pushgateway."""

    @model_validator(mode="after")
    def _somewhere(self) -> PrometheusSpec:
        if self.textfile is None and self.pushgateway is None:
            message = "needs `textfile` or `pushgateway`"
            raise ValueError(message)
        return self


class AlertsSpec(Documented):
    """Who is told, and how. An alarm is told once, and once more when it is over."""

    issue: bool = True
    """One issue on GitHub, brought up to date while it lasts, and closed when it is over."""
    webhook: Variable | None = None
    """The environment variable with the address of a Slack-compatible webhook."""
    format: Literal["slack", "json"] = "slack"
    """What the webhook gets: a Slack message, or the facts as JSON."""
    prometheus: PrometheusSpec | None = None


class MonitorSpec(Documented):
    """What `assay monitor` looks at, and when it calls something drift."""

    log: LogSpec
    """What production answered."""
    environment: Name | None = None
    """The version that is watched is the one in this environment; by default the newest release."""
    reference: BaselineSpec | None = None
    """By default the profile in the bundle: the data on which the model was tested."""
    labels: TruthSpec | None = None
    """Without them, the performance of a classifier is estimated from its probabilities."""
    window: Annotated[str, AfterValidator(_is_window)] = "1 day"
    """`1 day`, `6 h`, `month`; windows are counted from midnight, Mondays and firsts, in UTC."""
    least_rows: Annotated[Whole, Field(ge=2)] = 500
    """With fewer, in the window or the reference, nothing is decided."""
    alpha: Annotated[Number, Field(gt=0, le=0.2)] = 0.01
    """How often a window in which nothing drifts may be called drift, over all questions."""
    bound: Annotated[Number, Field(gt=0, lt=1)] | Literal["learned"] = 0.1
    """The Jensen-Shannon distance that is no drift; `learned`: from parts of `reference`."""
    bounds: dict[str, Annotated[Number, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """The same for single columns."""
    ignore: Strings = ()
    """Columns that nothing is said of, as a running number."""
    metrics: dict[str, Annotated[Number, Field(ge=0)]] = Field(default_factory=dict)
    """By metric, how much worse it may be than in the reference, in its own unit; by default 0.05
    for each of the `metrics` of the gates."""
    estimate: bool = True
    """Whether performance is estimated where labels are missing."""
    multivariate: bool = True
    """Whether a classifier is asked to tell the window's rows from the reference's (it needs
    `reference` with rows)."""
    slices: Strings = ()
    """Columns whose values are judged apart; by default those of `predictions.slices`."""
    hysteresis: HysteresisSpec = Field(default_factory=HysteresisSpec)
    late: Duration = "5 min"
    """How long after a window its last rows may still come; it is judged after that."""
    alerts: Annotated[AlertsSpec, BeforeValidator(none_is_empty)] = Field(
        default_factory=AlertsSpec
    )

    @model_validator(mode="after")
    def _has_what_it_learns_from(self) -> MonitorSpec:
        if self.bound == "learned" and self.reference is None:
            message = "has `bound: learned` and no `reference`, whose parts it is learned from"
            raise ValueError(message)
        return self


class RecentSpec(Documented):
    """How it is known that neither model was trained on the rows that both are compared on."""

    time: Name
    """The column that puts rows in order: dates, moments, or numbers that grow. The table in
    `trained_on` has it, and the predictions file, or else `predictions.features`."""
    trained_on: File
    """The table that the model is trained on, of the pipeline: CSV or Parquet."""


class RetrainSpec(Documented):
    """When a candidate is trained anew, and how it gets its data."""

    when: Annotated[tuple[Reason, ...], Field(min_length=1)] = ("drift", "performance")
    """`drift`, `performance`: the alarm is about that; `schedule`: each run of the workflow;
    `data`: what `bring` brought is new. By hand it can always be asked for."""
    bring: Command | None = None
    """Brings the new data in, as `dvc update data/raw.csv.dvc`, or your own program. By default
    `dvc update` of everything that was imported."""
    cooldown: Duration = "7 d"
    """So long after a retraining pull request was opened there is no other one."""
    daily: Annotated[Count, Field(ge=1)] = 1
    """So many trainings that come to a pull request in 24 hours, whatever the reason."""
    attempts: Annotated[Count, Field(ge=1)] = 2
    """After so many retraining pull requests of one alarm, merged or closed, that did not end it,
    it stops, and says so: retraining does not help."""
    branch: Annotated[str, AfterValidator(_is_branch)] = "assay/retrain"
    """The branch of the pull request."""
    recent: RecentSpec | None = None
    """Shows in each check how both models do on rows that are newer than all that either was
    trained on."""
    merge: Literal["never", "superior"] = "never"
    """`superior`: merged without a person, if every gate found the candidate better, and surely."""
    labels: Strings = ("assay-retrain",)
    """Labels of the pull request."""
