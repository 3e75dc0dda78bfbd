"""Records of runs that packaged, as `assay package` leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.packaging.section import Mismatch, PackageSection
from assay.section import Reason, Status

from tests import records

if TYPE_CHECKING:
    from assay.record import RunRecord

DIGEST = "c436184607f9e227828eeaaf4b06dd4eb49efc502d5c7e2bf1489bc390c1c230"
WHY_NATIVE = "Pipeline(ColumnTransformer, GaussianProcessRegressor) does not become ONNX."
NOT_EVALUATED = "This commit's model was not evaluated here, so nothing is known of it."


def made() -> PackageSection:
    """A bundle with ONNX."""
    return PackageSection(
        status=Status.PASS,
        seconds=6.2,
        name="peak-hour",
        digest=DIGEST,
        folder=f".assay/bundles/peak-hour-{DIGEST[:12]}",
        archive=".assay/bundles/bundle.tar.zst",
        bytes=109_939,
        kind="onnx",
        rows=10_646,
    )


def packaged() -> RunRecord:
    """The model became ONNX that gives the same answers."""
    return records.good().with_section("package", made())


def native() -> RunRecord:
    """It did not become ONNX, and nobody asked that it must."""
    update = {
        "status": Status.WARN,
        "kind": "native",
        "why_native": WHY_NATIVE,
        "bytes": 2_431_120,
        "reasons": (Reason(message=WHY_NATIVE, severity="warning"),),
    }
    return records.good().with_section("package", made().model_copy(update=update))


def disagreeing() -> RunRecord:
    """The export answers otherwise than the model."""
    found = (
        ("evaluation", 1_204, "label", "0", "1", {"temp": "0.34", "hum": "0.61", "season": "2"}),
        (
            "thresholds",
            12,
            "probabilities",
            "[0.62, 0.38]",
            "[0.41, 0.59]",
            {"hum": "0.6150000095367432", "temp": "0.34", "season": "4", "hr": "17", "yr": "1"},
        ),
        ("nulls", 3, "label", "1", "an error: InvalidArgument", {"weather": "None"}),
    )
    mismatches = tuple(
        Mismatch(rows=rows, row=row, output=output, expected=expected, got=got, inputs=inputs)
        for rows, row, output, expected, got, inputs in found
    )
    whole = Reason(
        message="models/model.skops and model.onnx disagree: 1 of 2,920 rows of `evaluation`, "
        "2 of 7,524 rows of `thresholds`, 40 of 40 rows of `nulls`. A split of the model lies "
        "between two float32 numbers.",
        hint="`package.format: native` packages the model as it is. Please report the estimator.",
    )
    rows = (
        Reason(
            severity="note",
            message=f"Row {one.row + 1:,} of `{one.rows}`: {one.output} is {one.expected} by the "
            f"model and {one.got} by model.onnx.",
        )
        for one in mismatches
    )
    section = PackageSection(
        status=Status.FAIL,
        seconds=7.9,
        exit_code=1,
        reasons=(whole, *rows),
        mismatches=mismatches,
    )
    return records.good().with_section("package", section)


def without_a_check() -> RunRecord:
    """Nothing ran but the packaging, which therefore could not."""
    section = PackageSection(
        status=Status.ERROR,
        exit_code=2,
        reasons=(Reason(message=NOT_EVALUATED, hint="Run `assay check` first."),),
    )
    stages = ("checkout", "validation", "test", "train", "evaluate", "compare")
    bare = records.good().model_copy(update=dict.fromkeys(stages))
    return bare.with_section("package", section)


ALL = {
    "packaged": packaged,
    "native": native,
    "disagreeing": disagreeing,
    "packaged-alone": without_a_check,
}
"""Builders by the name of their golden files."""
