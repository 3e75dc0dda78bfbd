"""What cannot become ONNX."""

from __future__ import annotations

from typing import Any

from assay.errors import UsageError

HINT = (
    "Register a converter for it with `skl2onnx.update_registered_converter` in the module that "
    "defines the class, so that loading the model registers it; or set `package.format: native`."
)


class NotConvertible(UsageError):  # noqa: N818 (a result, as much as an error: it becomes `why_native`)
    """An estimator inside of the model has no converter, or uses what ONNX cannot say."""


def no_converter(estimator: Any, method: str) -> NotConvertible:
    """Nothing is registered for a class."""
    kind = type(estimator)
    return NotConvertible(
        f"`{kind.__qualname__}` of the module `{kind.__module__}` has no converter to ONNX for "
        f"`{method}`.",
        hint=HINT,
    )


def unsupported(estimator: Any, what: str) -> NotConvertible:
    """A class has a converter, but not for how it was configured or fitted.

    Args:
        estimator: Whose.
        what: `metric='cosine'`, or `a kernel that is a function`.
    """
    kind = type(estimator)
    return NotConvertible(
        f"`{kind.__qualname__}` of the module `{kind.__module__}` cannot become ONNX with {what}.",
        hint="Change that, or set `package.format: native`.",
    )
