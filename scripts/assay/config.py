"""`assay.yaml`: read, checked, and what it says as one frozen model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from assay import configerrors, yamlfile
from assay.configdata import DataSpec
from assay.configmodels import (
    TESTS,
    Column,
    Cross,
    Direction,
    Documented,
    FairnessMeasure,
    FairnessSpec,
    File,
    MetricSpec,
    PredictionsSpec,
    ReportSpec,
    Rules,
    SeedsSpec,
    Severity,
    SliceSpec,
    StatisticsSpec,
    Strings,
    Task,
    TrainMode,
    Where,
    none_is_empty,
)
from assay.configmonitor import MonitorSpec, RetrainSpec
from assay.configpackage import PackageSpec, ReleaseSpec
from assay.configrollout import EnvironmentSpec, mistake
from assay.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.errors import AssayError


__all__ = [
    "FILE",
    "Column",
    "Config",
    "Cross",
    "DataSpec",
    "Direction",
    "EnvironmentSpec",
    "FairnessMeasure",
    "FairnessSpec",
    "MetricSpec",
    "MonitorSpec",
    "PackageSpec",
    "PredictionsSpec",
    "ReleaseSpec",
    "ReportSpec",
    "RetrainSpec",
    "Rules",
    "SeedsSpec",
    "Severity",
    "SliceSpec",
    "StatisticsSpec",
    "Task",
    "TrainMode",
    "Where",
    "json_schema",
    "load",
    "parse",
]

FILE = "assay.yaml"
_OTHER = "assay.yml"
"""What people call it who are used to the other suffix."""


class Config(Documented):
    """The whole of `assay.yaml`. Everything is optional: what can be discovered is."""

    data: tuple[DataSpec, ...] = ()
    """What `assay validate` checks."""
    tests: Strings | None = None
    """Paths that are given to pytest. By default the project's own pytest settings decide."""
    train: TrainMode = "run"
    """`run`: `dvc repro` here. `verify`: trained elsewhere, check that dvc.lock matches. `skip`."""
    metrics: dict[str, Annotated[MetricSpec, BeforeValidator(none_is_empty)]] = Field(
        default_factory=dict
    )
    """The metrics that matter, by name."""
    predictions: PredictionsSpec | None = None
    fairness: tuple[FairnessSpec, ...] = ()
    """Bounds on how far apart groups may be."""
    statistics: StatisticsSpec = Field(default_factory=StatisticsSpec)
    seeds: SeedsSpec | None = None
    """Train head several times, so that the interval covers what the seed does."""
    model: File | None = None
    """The model file. By default the artifact of type `model` in `dvc.yaml`."""
    package: PackageSpec = Field(default_factory=PackageSpec)
    release: ReleaseSpec = Field(default_factory=ReleaseSpec)
    report: ReportSpec = Field(default_factory=ReportSpec)
    environments: dict[str, EnvironmentSpec] = Field(default_factory=dict)
    """Where versions are deployed, by the name of the stage."""
    monitor: MonitorSpec | None = None
    retrain: RetrainSpec = Field(default_factory=RetrainSpec)

    @property
    def has_gate(self) -> bool:
        """Whether anything has a bound."""
        return bool(self.fairness) or any(spec.gated for spec in self.metrics.values())

    @model_validator(mode="after")
    def _rules_can_be_held(self) -> Config:
        for name, spec in self.metrics.items():
            rules = spec.slices
            if rules is not None and not (self.predictions and self.predictions.slices):
                why = "Say which: a column of the predictions file, for instance."
                raise _needs(("metrics", name, "slices"), "`predictions.slices`", why)
            for rule in TESTS:
                if rule in spec.set_rules and self.predictions is None:
                    why = "It is tested on rows, and a metrics file has a single number."
                    raise _needs(("metrics", name, rule), "`predictions`", why)
            if spec.function is not None and self.predictions is None:
                why = "It is given the rows of the predictions file."
                raise _needs(("metrics", name, "function"), "`predictions`", why)
        if self.fairness and self.predictions is None:
            why = "It is measured on the rows of the predictions file."
            raise _needs(("fairness",), "`predictions`", why)
        if (wrong := mistake(self.environments)) is not None:
            raise _needs(*wrong)
        watched = self.monitor.environment if self.monitor else None
        if watched is not None and watched not in self.environments:
            names = ", ".join(f"`{one}`" for one in self.environments) or "none yet"
            why = f"There: {names}."
            raise _needs(("monitor", "environment"), "the name of an environment", why)
        return self


def _needs(key: tuple[str, ...], what: str, why: str) -> PydanticCustomError:
    return PydanticCustomError("needs", "needs {what}", {"key": key, "what": what, "why": why})


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
        if (root / _OTHER).exists():
            message = f"The configuration is called {_OTHER}, which nothing reads."
            raise ConfigError(message, file=_OTHER, hint=f"Rename it to {FILE}.") from None
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{name} cannot be read: {reason}.", file=name) from error
    return parse(text, file=name)


def place(error: AssayError, root: Path, *, name: str = FILE) -> None:
    """Say in which line of the configuration the key stands that an error is about."""
    if error.key is None or error.file is not None:
        return
    try:
        document = yamlfile.load_document((root / name).read_text(encoding="utf-8-sig"), file=name)
    except (OSError, UnicodeDecodeError, ConfigError):
        return  # what is said of the key says enough
    error.file, error.line = name, document.line(error.key)


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
            f"The top level must be keys and values, not {configerrors.kind(document.value)}.",
            file=file,
            line=1,
            hint=f"Allowed keys: {configerrors.allowed(Config)}.",
        )
    try:
        return Config.model_validate(document.value)
    except ValidationError as error:
        raise configerrors.explain(error, document, file, model=Config) from error


def json_schema() -> str:
    """The JSON Schema of `assay.yaml`, for editors and for `docs/assay.schema.json`."""
    schema = Config.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "assay.yaml"
    # What `none_is_empty` allows is more than the model says.
    metrics = schema["properties"]["metrics"]
    metrics["additionalProperties"] = {"anyOf": [metrics["additionalProperties"], {"type": "null"}]}
    # ... and `slice_specs`.
    slices = schema["$defs"]["PredictionsSpec"]["properties"]["slices"]
    one = {"anyOf": [{"type": "string"}, slices.pop("items")]}
    del slices["type"]
    slices["anyOf"] = [*one["anyOf"], {"type": "array", "items": one}]
    return json.dumps(schema, indent=2) + "\n"
