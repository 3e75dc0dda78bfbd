"""What becomes of an exception that Pandera, or code of the user's, raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import usercode
from assay.errors import AssayError, OutsideError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from assay.contract.schema import LoadedSchema


def refused(error: BaseException, loaded: LoadedSchema, *, root: Path, private: bool) -> AssayError:
    """A schema that cannot be applied: something raised outside of a check.

    Args:
        error: What was raised.
        loaded: The schema.
        root: The project folder, to point at the user's code.
        private: Whether what the exception says must not appear.
    """
    if isinstance(error, MemoryError):
        return memory_short(loaded)
    undroppable = _undroppable(error)
    if undroppable is not None:
        words = (undroppable.error, undroppable.name)  # what an error says may quote values
        return one_answer(str(words[private] or "check"), loaded)
    text = "" if private else f": {usercode.first_line(error)}"
    file, line = usercode.user_line(error, root)
    return SchemaError(
        f"The schema `{loaded.name}` cannot be applied: {type(error).__name__}{text}",
        hint="Run its `validate` in a Python shell to see the whole traceback.",
        file=file or loaded.file,
        line=line or loaded.line,
    )


def one_answer(check: str, loaded: LoadedSchema) -> SchemaError:
    """Nobody can say which rows to drop by a check that has one answer for all of them."""
    return SchemaError(
        f"The schema `{loaded.name}` cannot be applied: `{printable(check)}` has one answer for all"
        " rows, and `drop_invalid_rows` drops single ones.",
        hint="Let the check tell of each row whether it holds.",
        file=loaded.file,
        line=loaded.line,
    )


def _undroppable(error: BaseException) -> Any:
    """The check by which Pandera could not drop rows; `None` where it raised for another reason."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_name != "drop_invalid_rows":
        return None
    failed: Any = trace.tb_frame.f_locals.get("err")
    return failed.check if failed is not None and failed.failure_cases is False else None


def ran_short(errors: Iterable[Any]) -> bool:
    """Whether memory ran out within a check, which to Pandera is a check that raises."""
    return any(
        error.reason_code is not None
        and error.reason_code.name == "CHECK_ERROR"
        and str(error.failure_cases).partition("(")[0].endswith("MemoryError")
        for error in errors
    )


def memory_short(loaded: LoadedSchema) -> OutsideError:
    """Pandera needs more memory than there is."""
    return OutsideError(
        f"Memory ran out while Pandera held the data against the schema `{loaded.name}`.",
        hint="Use a larger machine, or give checks of single values `element_wise=True`.",
    )
