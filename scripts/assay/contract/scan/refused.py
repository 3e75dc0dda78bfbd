"""What becomes of an exception that Pandera, or code of the user's, raises outside of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.contract import usercode
from assay.errors import SchemaError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.schema import LoadedSchema


def refused(
    error: BaseException, loaded: LoadedSchema, *, root: Path, private: bool
) -> SchemaError:
    """A schema that cannot be applied, in the words of `check.errors_of`.

    Args:
        error: What was raised.
        loaded: The schema.
        root: The project folder, to point at the user's code.
        private: Whether what the exception says must not appear.
    """
    text = "" if private else f": {usercode.first_line(error)}"
    file, line = usercode.user_line(error, root)
    return SchemaError(
        f"The schema `{loaded.name}` cannot be applied: {type(error).__name__}{text}",
        hint="Run its `validate` in a Python shell to see the whole traceback.",
        file=file or loaded.file,
        line=line or loaded.lines.get(loaded.name),
    )
