"""One exception a kind of failure, each with the exit code that the command line returns for it.

0 is a pass, 1 means that a gate said no or that a version was rolled back, 5 that a rollout had too
little data to tell; these are results, not exceptions.
"""

from __future__ import annotations

from typing import ClassVar


class AssayError(Exception):
    """A failure that we can explain: what was found, where, what is allowed, what to do.

    Args:
        message: What was found and what is allowed, in one sentence or two.
        hint: What to do about it.
        file: The file it is about, relative to the root of the user's repository.
        line: The line in that file, from 1.
        key: The key of the configuration file that it is about, in place of `file` and `line`.
    """

    exit_code: ClassVar[int] = 4

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        file: str | None = None,
        line: int | None = None,
        key: tuple[str | int, ...] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line
        self.key = key

    @property
    def where(self) -> str:
        """`file:line`, `file`, or nothing."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class UsageError(AssayError):
    """The user's configuration or input is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """`assay.yaml` cannot be used as it stands."""


class RepositoryError(UsageError):
    """The git or DVC repository is not in a state that we can work with."""


class DataError(UsageError):
    """A data, metrics or predictions file cannot be read as what it should be."""


class SchemaError(UsageError):
    """The user's Pandera schema cannot be loaded."""


class ProjectEnvironmentError(UsageError):
    """The project's environment cannot be built from what its repository declares."""


class OutsideError(AssayError):
    """Something outside of us and of the user's repository failed."""

    exit_code = 3


class RemoteError(OutsideError):
    """A DVC remote or a git remote did not give what it should."""


class ProgramError(OutsideError):
    """A program that we need is missing, was killed, or answered what we do not understand."""


class ForgeError(OutsideError):
    """The place where results are published (GitHub, a file) refused them."""
