"""`environments:` of `assay.yaml` as frozen models. Their docstrings are its documentation."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from assay.configmodels import Documented, File, NotNegative, Number, Whole

STAGE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-/_]*[a-zA-Z0-9])?")
"""What GTO takes for the name of a stage, which an environment is: gto/constants.py."""
SHADOW = "shadow"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_SSH = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_:\[][A-Za-z0-9_.:\]-]*")
_LISTEN = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def size(text: str) -> int:
    """`2 GB` or `512 MiB` in bytes.

    Raises:
        ValueError: It is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        message = f"is {text!r}, which is no size as `2 GB` or `512 MiB`"
        raise ValueError(message)
    unit = found[2].removesuffix("B")
    base = 1024 if unit.endswith("i") else 1000
    return int(float(found[1]) * base ** _POWERS[unit.removesuffix("i")])


def _is_size(text: str) -> str:
    size(text)
    return text


def _is_ssh(text: str) -> str:
    if _SSH.fullmatch(text) is None:
        message = f"is {text!r}, which is no host as `deploy@ml1`; its port is `port`"
        raise ValueError(message)
    return text


def _is_listen(text: str) -> str:
    found = _LISTEN.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= 65_535:
        message = f"is {text!r}, which is no address and port as `127.0.0.1:8080`"
        raise ValueError(message)
    return text


def _is_url(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/@?#]+(?:[/?#]\S*)?", text) is None:
        # The value is not shown: it may hold a password.
        message = "is no address as `https://example.com`, without name and password"
        raise ValueError(message)
    return text


def _is_variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        message = "is not the name of an environment variable"  # it may be its value
        raise ValueError(message)
    return text


def _is_step(value: object) -> object:
    """One message for what may be of two types."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if value == SHADOW or (number and isinstance(value, int) and 1 <= value <= 100):
        return value
    message = f"is {value!r}; a step is `shadow`, or a whole percentage from 1 to 100"
    raise ValueError(message)


def _arguments(value: object) -> object:
    """A command as a list; text is cut up as a shell does, and no shell ever runs it."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        message = f"is no command: {str(error).lower()}"
        raise ValueError(message) from error


Variable = Annotated[str, AfterValidator(_is_variable)]
"""The name of an environment variable."""
_COMMAND = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Command = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(min_length=1),
    BeforeValidator(_arguments),
    WithJsonSchema(_COMMAND),
]
Seconds = Annotated[Number, Field(gt=0, le=86_400)]
Step = Annotated[Literal["shadow"] | int, BeforeValidator(_is_step)]
_Port = Annotated[Whole, Field(ge=1, le=65_535)]


class HostSpec(Documented):
    """One machine: nginx in front, and a server process for each version."""

    kind: Literal["host"] = "host"
    """`host`, or `command` (below)."""
    folder: str = Field(min_length=1)
    """Where bundles, sockets, logs and the journal are, on that machine."""
    listen: Annotated[str, AfterValidator(_is_listen)] = "127.0.0.1:8080"
    """The address and port that nginx answers at."""
    ssh: Annotated[str, AfterValidator(_is_ssh)] | None = None
    """The machine, as `deploy@ml1`, reached by OpenSSH with its own settings and keys. By default
    this one."""
    port: _Port = 22
    """Of its SSH server."""
    assay: str = Field(default="assay", pattern=r"^[^-\s]\S*$")
    """What Assay is called there: a path, or a name on PATH."""
    memory: Annotated[str, AfterValidator(_is_size)] | None = None
    """The most that one server process may have, as `2 GB`. A version that needs more is ended,
    which fails its rollout."""
    keep: Annotated[Whole, Field(ge=2, le=1000)] = 3
    """Bundles that stay there for a rollback: first those that were stable, then the newest."""

    @model_validator(mode="after")
    def _folder_is_somewhere(self) -> HostSpec:
        if self.ssh is not None and not self.folder.startswith("/"):
            message = f"has the `folder` {self.folder!r}; with `ssh` it needs a path from `/` on"
            raise ValueError(message)
        return self


class CommandSpec(Documented):
    """Your own programs. What each is given and must answer is in [Targets](targets.md)."""

    kind: Literal["command"]
    """`command`."""
    start: Command
    """Brings a version up, without traffic; called with the bundle's path."""
    weight: Command
    """Moves traffic."""
    status: Command
    """Says what runs, and who answers users."""
    stop: Command
    """Ends a version, once it has no traffic."""
    observe: Command
    """Gives the counters of each version that runs."""
    timeout: Seconds = 60
    """Seconds after which a program that has not ended is killed; the step has failed then."""
    start_timeout: Seconds = 600
    """The same for `start`."""
    secrets: tuple[Variable, ...] = ()
    """Environment variables that the programs get although they are kept from all other programs,
    as `GITHUB_TOKEN`."""


_KINDS: dict[str, type[HostSpec | CommandSpec]] = {"host": HostSpec, "command": CommandSpec}


def _kind(value: object) -> str | None:
    """The tag of the model that a target is meant to be."""
    if isinstance(value, HostSpec | CommandSpec):
        return f"<{type(value).__name__}>"
    kind = value.get("kind", "host") if isinstance(value, dict) else None
    return f"<{_KINDS[kind].__name__}>" if isinstance(kind, str) and kind in _KINDS else None


TargetSpec = Annotated[
    Annotated[HostSpec, Tag("<HostSpec>")] | Annotated[CommandSpec, Tag("<CommandSpec>")],
    Discriminator(
        _kind, custom_error_type="no_target", custom_error_message="a mapping with `kind`"
    ),
]


class AnalysisSpec(Documented):
    """When a new version is worse than the stable one, measured at the same time.

    Each measure has a limit: worse by more than that, and surely so, fails; exactly at it passes.
    An empty value (`latency:`) does not judge that measure.
    """

    samples: Annotated[Whole, Field(ge=1)] = 300
    """Requests that both versions must have answered before they are compared."""
    errors: Annotated[Number, Field(ge=0, lt=1)] | None = 0.01
    """By how much the share of failed requests may be higher."""
    latency: Annotated[Number, Field(ge=1)] | None = 1.2
    """How many times as long it may take: the 99th percentile, and the median."""
    latency_margin: NotNegative = 0.005
    """Seconds; what is longer by this or less is not slower. A process with few requests has cold
    caches and sleeps between them: at 5 % of the requests a version of equal speed took up to
    2 ms longer."""
    predictions: Annotated[Number, Field(ge=0, le=1)] | None = 0.2
    """By how much predictions may be distributed differently: total variation distance, the share
    of answers that would have to change."""
    agreement: Annotated[Number, Field(ge=0, le=1)] | None = 0.95
    """In a `shadow` step: the least share of rows with the same answer."""
    labelled: NotNegative | None = 0.02
    """Where truth comes in: by how much the share of wrong answers may be higher, or the mean
    absolute error as a share of stable's."""
    confidence: Annotated[Number, Field(ge=0.9, lt=1)] = 0.9999
    """How sure is surely: the rest is the most that chance may explain."""


def _analysis(value: object) -> str:
    """The tag of what `analysis` is; `off` is false in YAML."""
    return "<off>" if value is False else "<AnalysisSpec>"


Analysis = Annotated[
    Annotated[AnalysisSpec, Tag("<AnalysisSpec>")] | Annotated[Literal[False], Tag("<off>")],
    Discriminator(_analysis),
]


class EnvironmentSpec(Documented):
    """One place where versions are deployed, and how."""

    target: TargetSpec
    """Where: a machine, or your own programs."""
    after: str | None = Field(default=None, min_length=1)
    """Another environment; a version must be in its stage first."""
    url: Annotated[str, AfterValidator(_is_url)] | None = None
    """Where users find it; shown on GitHub."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)] = (5, 25, 100)
    """Percentages of the requests that the new version gets, one after the other, the last one 100.
    `shadow` may come first: copies of requests, whose answers nobody sees."""
    interval: Seconds = 30
    """Seconds between judgements."""
    patience: Annotated[Whole, Field(ge=1, le=10_000)] = 10
    """Intervals that a step may go on without enough to say yes or no; then it goes back."""
    bake: Annotated[Number, Field(ge=0, le=604_800)] = 600
    """Seconds at 100 % with the old version still running."""
    analysis: Analysis = Field(default_factory=AnalysisSpec)
    """When the new version is worse. `false`: nothing is compared, for a place without traffic; it
    must only live and answer."""
    key: File | None = None
    """The public key of whom bundles must be signed by."""

    @model_validator(mode="after")
    def _steps_rise(self) -> EnvironmentSpec:
        shares = [step for step in self.steps if step != SHADOW]
        if SHADOW in self.steps[1:]:
            message = "has `shadow` in `steps`, but not as the first one"
        elif not shares or shares[-1] != 100:
            message = "has `steps` that do not end with 100"
        elif shares != sorted(set(shares), key=int):
            message = "has `steps` that do not rise"
        else:
            return self
        raise ValueError(message)


Environments = dict[str, EnvironmentSpec]


def mistake(environments: Environments) -> tuple[tuple[str, ...], str, str] | None:
    """What is wrong between environments: the key, what it needs, and why."""
    for name, spec in environments.items():
        if STAGE.fullmatch(name) is None:
            why = (
                "It is a stage in tags: letters, digits, `-`, `_` and `/`, none of these at an end."
            )
            return ("environments", name), "another name", why
        if spec.after is not None and spec.after not in environments:
            names = ", ".join(f"`{one}`" for one in environments if one != name) or "none yet"
            return (
                ("environments", name, "after"),
                "the name of another environment",
                f"There: {names}.",
            )
        if name in _before(name, environments):
            why = "They wait for each other."
            return (
                ("environments", name, "after"),
                "an environment that does not come after it",
                why,
            )
    return None


def _before(name: str, environments: Environments) -> list[str]:
    """The environments that a version must pass first; stops where they go round."""
    found: list[str] = []
    after = environments[name].after
    while after is not None and after in environments and after not in found:
        found.append(after)
        after = environments[after].after
    return found
