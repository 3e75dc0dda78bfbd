"""The program that a card shows is run, as a reader would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import skops.io
from assay.packaging import usage
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.profile import Categories, Numbers, Profile
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.dummy import DummyClassifier

from tests.unit.packaging.bundles import SIGNATURE, manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.packaging.manifest import Manifest

    Ran = Callable[[Manifest], str]

TYPES = {
    "int64": TensorProto.INT64,
    "float64": TensorProto.DOUBLE,
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
    "float32": TensorProto.FLOAT,
}
PROFILE = Profile(
    rows=9,
    features=(
        Numbers(name="hour", count=9, nulls=0, edges=(0, 12, 23), min=0, max=23),
        Numbers(name="temperature", count=9, nulls=3, edges=(-1.5, 14.56, 20), min=-1.5, max=20),
        Categories(name="day", count=9, nulls=0, values=("monday",), counts=(9,)),
    ),
    predictions=(),
)


def write_onnx(folder: Path, signature: Signature) -> None:
    """A model that answers with its first input, so that the inputs alone matter."""
    inputs = [
        helper.make_tensor_value_info(one.name, TYPES[one.dtype], [None, one.shape[1]])
        for one in signature.inputs
    ]
    outputs = [
        helper.make_tensor_value_info(one.name, TYPES[signature.inputs[0].dtype], None)
        for one in signature.outputs
    ]
    first = signature.inputs[0].name
    nodes = [helper.make_node("Identity", [first], [one.name]) for one in signature.outputs]
    graph = helper.make_graph(nodes, "model", inputs, outputs)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "model.onnx")


@pytest.fixture
def ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Manifest], str]:
    """What the program prints, in the folder of the bundle."""
    monkeypatch.chdir(tmp_path)

    def run(whole: Manifest) -> str:
        (tmp_path / "manifest.json").write_text(whole.to_json(), encoding="utf-8")
        exec(usage.code(whole, PROFILE), {})
        return capsys.readouterr().out

    return run


def test_columns_of_every_type(tmp_path: Path, ran: Ran) -> None:
    names = (InputSpec(name='a "b"\n{x}', dtype="bool"), InputSpec(name="né", dtype="float32"))
    day = InputSpec(name="day", dtype="string")
    signature = SIGNATURE.model_copy(update={"inputs": (*SIGNATURE.inputs, *names, day)})
    write_onnx(tmp_path, signature)
    whole = manifest(signature=signature)
    assert ran(whole) == "[[12]] [[12]]\n"
    shown = usage.code(whole, PROFILE)
    assert '"temperature": np.array([[14.56]], dtype="float64")' in shown
    assert '"season": np.array([["autumn"]], dtype=object)' in shown
    assert '"day": np.array([["monday"]], dtype=object)' in shown


def test_a_matrix_and_one_output(tmp_path: Path, ran: Ran) -> None:
    signature = Signature(
        task="regression",
        inputs=(InputSpec(name="X", dtype="float32", shape=(None, 3)),),
        outputs=(OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,)),),
    )
    write_onnx(tmp_path, signature)
    assert ran(manifest(signature=signature)) == "[[12.   14.56  0.  ]]\n"
    hidden = PROFILE.model_copy(update={"features": PROFILE.features[:2]})
    assert '"X": np.array([[0] * 3], dtype="float32")' in usage.code(
        manifest(signature=signature), hidden
    )


def test_a_native_model_of_a_matrix() -> None:
    signature = SIGNATURE.model_copy(
        update={"inputs": (InputSpec(name="X", dtype="float64", shape=(None, 3)),)}
    )
    shown = usage.code(manifest(kind="native", model="model.skops", signature=signature), PROFILE)
    assert "rows = [[12.0, 14.56, 0]]" in shown


def test_more_columns_than_anybody_reads(tmp_path: Path, ran: Ran) -> None:
    inputs = tuple(
        InputSpec(name=f"c{at}", dtype="string" if at % 2 else "int64") for at in range(40)
    )
    signature = SIGNATURE.model_copy(update={"inputs": inputs})
    write_onnx(tmp_path, signature)
    assert ran(manifest(signature=signature)) == "[[0]] [[0]]\n"


@pytest.mark.parametrize("count", [3, 40])
def test_a_native_model(tmp_path: Path, ran: Ran, count: int) -> None:
    inputs = (
        SIGNATURE.inputs
        if count == 3
        else tuple(InputSpec(name=f"c{at}", dtype="float64") for at in range(count))
    )
    model = DummyClassifier(strategy="constant", constant=1).fit(np.zeros((2, 1)), [0, 1])
    skops.io.dump(model, tmp_path / "model.skops")
    whole = manifest(
        kind="native",
        model="model.skops",
        signature=SIGNATURE.model_copy(update={"inputs": inputs}),
    )
    assert ran(whole) == "[]\n[1]\n"


@given(st.text())
def test_any_name_is_written_as_itself(name: str) -> None:
    written = usage.literal(name)
    assert written.isprintable()
    assert eval(written) == name
