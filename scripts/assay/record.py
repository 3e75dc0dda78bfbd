"""The RunRecord: the one typed, versioned document of a run, passed between steps, jobs, workflows.

Each stage owns the model of its section in its own file; this module only assembles them.
"""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError
from pydantic_core import PydanticSerializationError

from assay import __version__
from assay.ci import DEFAULT_KEY, SHA, CiContext
from assay.config import Config
from assay.errors import UsageError
from assay.override import Override, accepted
from assay.packaging.section import PackageSection
from assay.provenance import Provenance
from assay.section import Fact, Section
from assay.stages.checkout import CheckoutSection
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection
from assay.stages.test import TestSection
from assay.stages.train import TrainSection
from assay.stages.validate import ValidateSection
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE = "record.json"
LIMIT = 100_000_000
"""Bytes. Steps that run later read the file, and the project's own code can write to it."""
CHECK = ("checkout", "validate", "test", "train", "evaluate", "compare")
"""What `assay check` runs, in order."""
STAGES = (*CHECK, "package")
"""In the order in which they run."""

_REPORTED_PACKAGES = ("scikit-learn", "pandas", "numpy", "polars", "pandera", "dvc", "pytest")


class Revision(Fact):
    """A commit."""

    sha: str
    branch: str | None = None
    """`None` on a detached head, as CI checks out."""
    dirty: bool = False
    """Whether the work tree had changes that are not in the commit."""


class Environment(Fact):
    """What the stages ran in."""

    python: str
    platform: str
    packages: dict[str, str]


class RunRecord(Fact):
    """One run, as far as it got."""

    format: Literal[1] = 1
    """Raised when a reader of the old format would misread the new one."""
    assay: str = __version__
    created: datetime
    ci: CiContext = CiContext()
    project: str = ""
    """The project folder in the git repository, with a `/` at its end; empty for the root."""
    config: Config = Config()
    head: Revision | None = None
    base: Revision | None = None
    environment: Environment | None = None
    checkout: CheckoutSection | None = None
    validation: ValidateSection | None = Field(default=None, alias="validate")
    test: TestSection | None = None
    train: TrainSection | None = None
    evaluate: EvaluateSection | None = None
    compare: CompareSection | None = None
    package: PackageSection | None = None
    overrides: tuple[Override, ...] = ()
    """What people said about gates that stop the run; `hearing.hear` alone writes it."""
    comment_key: str = DEFAULT_KEY
    """What tells the comment from others of the same pull request."""
    title: str = ""
    """What the report calls the model, where there are several; empty where it needs no name."""
    provenance: Provenance | None = None
    """Of a record that a trusted run publishes for an untrusted one; that run alone writes it."""

    @property
    def commit(self) -> str | None:
        """The commit that the author pushed; `head` may be the forge's merge of it with base."""
        return self.ci.head_sha or (self.head.sha if self.head else None)

    @property
    def pushed(self) -> str | None:
        """The same, where it is a commit's name in full; the record may hold any text."""
        sha = self.commit or ""
        return sha if SHA.fullmatch(sha) else None

    def accepted(self) -> Mapping[str, Override]:
        """The gates that somebody with permission accepted for this very commit, by name."""
        return accepted(self.overrides, self.commit)

    def sections(self) -> Iterator[tuple[str, Section]]:
        """The sections that exist, by stage, in order."""
        for stage in STAGES:
            section = self.section(stage)
            if section is not None:
                yield stage, section

    def section(self, stage: str) -> Section | None:
        """The section of a stage, or `None` when it has not run."""
        found: Section | None = getattr(self, _field(stage))
        return found

    def with_section(self, stage: str, section: Section) -> RunRecord:
        """A copy that holds `section`."""
        return self.model_copy(update={_field(stage): section})

    def to_json(self) -> str:
        """The document, indented: people read it too."""
        try:
            return self.model_dump_json(by_alias=True, indent=1) + "\n"
        except PydanticSerializationError:  # a branch or a file whose name is not UTF-8
            data = self.model_dump(mode="json", by_alias=True)
            text = json.dumps(data, indent=1, ensure_ascii=False)
            return text.encode("utf-8", errors="replace").decode() + "\n"


def _field(stage: str) -> str:
    # pydantic models have a method `validate` already.
    return "validation" if stage == "validate" else stage


def new(
    *, ci: CiContext, config: Config, head: Revision | None = None, project: str = ""
) -> RunRecord:
    """An empty record of a run that starts now, in this environment."""
    return RunRecord(
        created=datetime.now(UTC),
        ci=ci,
        project=project,
        config=config,
        head=head,
        environment=_environment(),
    )


def load(path: Path) -> RunRecord:
    """Read a record.

    Raises:
        UsageError: There is none, or it is not one that this version of Assay can read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
        if len(content) > LIMIT:
            raise UsageError(
                f"{path} is larger than {LIMIT // 1_000_000} MB, which no record is.",
                hint="Delete the file to start anew.",
            )
        return RunRecord.model_validate_json(content)
    except FileNotFoundError:
        raise UsageError(
            f"There is no record at {path}.", hint="Run `assay check`, or a stage, first."
        ) from None
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{path} is not a record that Assay {__version__} can read.",
            hint="Run all stages with the same version; delete the file to start anew.",
        ) from error


def save(record: RunRecord, path: Path) -> None:
    """Write a record; a reader never sees half of it."""
    write_atomically(path, record.to_json())


def _environment() -> Environment:
    packages = {}
    for name in _REPORTED_PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages=packages,
    )
