"""The parts of `assay.yaml` about packages and releases. Their docstrings are its documentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.configmodels import Documented, File, NotNegative

NAME = r"^[a-zA-Z0-9]([a-zA-Z0-9\-/_]*[a-zA-Z0-9])?$"
"""What GTO takes for the name of an artifact: gto/constants.py."""


class ToleranceSpec(Documented):
    """How far numbers of the export may be from the model's: |a - b| <= absolute + relative * |b|.

    Labels are equal, or the model itself is undecided between them within the tolerance.
    """

    absolute: NotNegative = 1e-5
    """In the unit of the output; probabilities are between 0 and 1."""
    relative: NotNegative = 1e-5
    """As a share of what the model says."""


class PackageSpec(Documented):
    """How the model is packaged."""

    name: Annotated[str, Field(pattern=NAME)] | None = None
    """What the artifact is called, also in tags: `name@v1.2.3`. By default as in `artifacts` of
    `dvc.yaml`, else like the project folder."""
    features: File | None = None
    """The table that the model is given, to prove the export on. By default
    `predictions.features`."""
    format: Literal["auto", "onnx", "native"] = "auto"
    """`onnx`: fail where that cannot be. `native`: skops, which names what it needs.
    `auto`: ONNX, and native for an estimator without a converter."""
    tolerance: ToleranceSpec = Field(default_factory=ToleranceSpec)
    quantize: bool = False
    """Whether to store the weights of matrices as 8-bit integers, where parity and the gates still
    hold. Parity takes a wide `tolerance` then, as 0.05. Trees multiply by no matrix: there is
    nothing to quantize, which is an error."""
    license: str | None = Field(default=None, min_length=1)
    """Of the model: an SPDX expression, as `Apache-2.0`."""


class ReleaseSpec(Documented):
    """When a version may be released."""

    checked_by: str = Field(default="model-check.yml", pattern=r"^[\w.-]+\.ya?ml$")
    """The workflow that must have passed for the commit."""
    notes: File | None = None
    """A file with what a person says of this version; put before the generated notes."""
