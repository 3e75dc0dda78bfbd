"""Whether files of a bundle are what they say: models of ONNX and skops, documents."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import UsageError
from assay.packaging import modelfile, native, onnxfile, skopsfile
from assay.packaging.facts import Conversion
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.packaging.vouched import made, onnx_model

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def complaints(tmp_path: Path, content: bytes, **update: Any) -> str:
    return " ".join(modelfile.complaints(made(tmp_path, content=content, **update)))


@functools.cache
def _deep() -> ModelProto:
    """Graphs in a graph, a function, numbers without end: each place where a node can be."""
    from onnx import TensorProto, helper

    def branch(name: str, domain: str) -> Any:
        out = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1])
        node = helper.make_node(
            "Op",
            ["x"],
            ["o"],
            domain=domain,
            floats=[0.5] * 300,
            ints=[-7, 300],
            strings=list("abacbca"),
        )
        return helper.make_graph([node], name, [], [out])

    nodes = [
        helper.make_node(
            "If", ["c"], ["y"], then_branch=branch("a", "in.a.branch"), else_branch=branch("b", "")
        ),
        helper.make_node("Own", ["y"], ["z"], domain="own"),
    ]
    function = helper.make_function(
        "own",
        "Own",
        ["i"],
        ["j"],
        [helper.make_node("Op", ["i"], ["j"], domain="in.a.function")],
        [helper.make_opsetid("", 18), helper.make_opsetid("in.a.function", 3)],
    )
    values = {
        name: helper.make_tensor_value_info(name, kind, [None, 1])
        for name, kind in {
            "c": TensorProto.BOOL,
            "x": TensorProto.FLOAT,
            "z": TensorProto.FLOAT,
        }.items()
    }
    graph = helper.make_graph(nodes, "g", [values["c"], values["x"]], [values["z"]])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=[function])


def test_it_reads_what_onnx_wrote(tmp_path: Path) -> None:
    model = _deep()
    found = onnxfile.asked(_written(tmp_path / "m", model.SerializeToString()))
    assert found.inputs == [one.name for one in model.graph.input]
    assert found.outputs == [one.name for one in model.graph.output]
    assert found.domains == {"", "own", "in.a.branch", "in.a.function"}
    assert found.opset.items() >= {one.domain: one.version for one in model.opset_import}.items()
    assert not found.external


@pytest.mark.parametrize("where", ["initializer", "attribute", "sparse"])
def test_weights_in_other_files_are_found_wherever_they_are(tmp_path: Path, where: str) -> None:
    from onnx import TensorProto, helper

    model = type(_deep())()
    model.CopyFrom(_deep())
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    weights.external_data.add(key="location", value="/etc/passwd")
    if where == "initializer":
        model.graph.initializer.append(weights)
    elif where == "sparse":
        model.graph.sparse_initializer.add().values.CopyFrom(weights)
    else:
        model.functions[0].node[0].attribute.append(helper.make_attribute("value", weights))
    assert onnxfile.asked(_written(tmp_path / "m", model.SerializeToString())).external


@settings(max_examples=40)
@given(st.binary(max_size=300), st.integers(0, 2000))
def test_no_content_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, keep: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "m"
    for one in (content, _deep().SerializeToString()[:keep] + content):
        with contextlib.suppress(onnxfile.NotOnnxError):
            assert onnxfile.asked(_written(path, one)).outputs


def test_graphs_in_graphs_without_end(tmp_path: Path) -> None:
    content = b""
    for _ in range(400):  # attribute 5 of a node, graph 6 of an attribute, node 1 of a graph
        for tag in (0x32, 0x2A, 0x0A):
            size, length = len(content), b""
            while size > 127:
                length, size = length + bytes([size & 127 | 128]), size >> 7
            content = bytes([tag]) + length + bytes([size]) + content
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    with pytest.raises(onnxfile.NotOnnxError, match="nested too deeply"):
        onnxfile.asked(_written(tmp_path / "m", b"\x3a" + length + bytes([size]) + content))


def test_a_sound_model(tmp_path: Path) -> None:
    one = made(tmp_path)
    assert list(modelfile.complaints(one)) == []
    assert modelfile.described(one).startswith("ONNX 21, ")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (b"", "model.onnx is no ONNX model: it is empty."),
        (b"\x80\x04pickle", "model.onnx is no ONNX model"),
        (onnx_model()[:-3], "model.onnx is no ONNX model: it ends in the middle"),
        (onnx_model("evil.ops"), "needs operators of evil.ops, which come with no onnxruntime"),
        (onnx_model(external=True), "reads weights from other files"),
    ],
)
def test_models_of_onnx_that_are_not_what_they_say(tmp_path: Path, model: bytes, said: str) -> None:
    assert said in complaints(tmp_path, model)


def test_a_model_and_a_manifest_that_disagree(tmp_path: Path) -> None:
    conversion = Conversion(opset={"": 20}, precision="float64", nodes=2, bytes=300)
    said = complaints(tmp_path / "a", onnx_model(), conversion=conversion)
    assert "other versions of operators than the manifest says" in said
    one = made(tmp_path / "b")
    signature = one.manifest.signature
    fewer = signature.model_copy(update={"inputs": signature.inputs[:2]})
    said = complaints(tmp_path / "c", onnx_model(), signature=fewer)
    assert "other inputs or outputs than the manifest says" in said


def test_what_onnx_itself_refuses(tmp_path: Path) -> None:
    from onnx import load_model_from_string

    model = load_model_from_string(onnx_model())
    model.graph.node[0].input[0] = "nowhere"
    assert "is refused by ONNX's checker: " in complaints(tmp_path, model.SerializeToString())


def _skops(*types: tuple[str, str], schema: bytes | None = None) -> bytes:
    content = [{"__module__": module, "__class__": name} for module, name in types]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", schema or json.dumps({"content": content}).encode())
    return buffer.getvalue()


def _part(loader: str, **content: str) -> bytes:
    node = {"__module__": "numpy", "__class__": "ndarray", "__loader__": loader, "content": content}
    return _skops(schema=json.dumps(node).encode())


NATIVE: dict[str, Any] = {"kind": "native", "model": "model.skops", "conversion": None}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_skops(("os", "system")), "model.skops asks for os.system, which no model needs."),
        (_skops(("builtins", "eval"), ("builtins", "dict")), "asks for builtins.eval, which"),
        (_skops(("subprocess.x", "Popen")), "asks for subprocess.x.Popen"),
        (b"", "model.skops is no file that skops wrote."),
        (b"\x80\x04pickle", "model.skops is no file that skops wrote."),
        (_skops(("functools", "partial")), "asks for functools.partial"),
        (_skops(("operator", "attrgetter")), "asks for operator.attrgetter"),
        (_skops(("cProfile", "run")), "asks for cProfile.run"),
        (_skops(("numpy.testing", "measure")), "asks for numpy.testing.measure"),
        (_skops(("scipy.stats._distn_infrastructure", "rv_sample")), "asks for scipy.stats._"),
        # These loaders make what they are called after, whatever class they name.
        (_part("PartialNode"), "asks for functools.partial, which no model needs."),
        (_part("OperatorFuncNode"), "asks for operator, which no model needs."),
        (_part("MethodNode", func="tofile"), "asks for numpy.ndarray.tofile, which"),
        (_skops(schema=b'{"__class__": {"__class__": []}}'), "is no file that skops wrote"),
        (_part("FunctionNode", function="f"), "is no file that skops wrote"),
        (_part("FunctionNode", module_path="os", function="system"), "asks for os.system, which"),
        (_skops()[:30], "model.skops is no file that skops wrote."),
        (_skops(schema=b"{"), "model.skops is no file that skops wrote."),
        (_skops(schema=b"[" * 100_000), "model.skops is no file that skops wrote."),
        (_skops(schema=b" " * 60_000_000), "model.skops is no file that skops wrote."),
    ],
    # An archive holds the time: workers that look a second apart would see other tests.
    ids=lambda value: "model" if isinstance(value, bytes) else None,
)
def test_models_of_skops_that_are_not_what_they_say(
    tmp_path: Path, model: bytes, said: str
) -> None:
    assert said in complaints(tmp_path, model, **NATIVE)


def _zip(at: int, *changes: tuple[int, int], kind: int = zipfile.ZIP_STORED) -> bytes:
    """A zip with bytes changed, counted from its only entry (0) or from its directory (1)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as file:
        file.writestr("schema.json", "{} " * 5_000)
    content = bytearray(buffer.getvalue())
    start = content.find(b"PK\1\2") if at else 0
    for offset, value in changes:
        content[start + offset] = value
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        _zip(1, (8, 1)),  # encrypted
        _zip(1, (10, 99)),  # packed in a way that nobody knows
        _zip(0, *((at, 0x5A) for at in range(45, 70)), kind=zipfile.ZIP_LZMA),
        _zip(0, *((at, 0x5A) for at in range(45, 70)), kind=zipfile.ZIP_BZIP2),
        _zip(0, *((at, 0x5A) for at in range(45, 70)), kind=zipfile.ZIP_DEFLATED),
    ],
    ids=["encrypted", "method", "lzma", "bzip2", "deflate"],
)
def test_zip_files_that_cannot_be_unpacked(tmp_path: Path, content: bytes) -> None:
    said = complaints(tmp_path / "bundle", content, **NATIVE)
    assert said == "model.skops is no file that skops wrote."


def test_who_loads_a_model_of_skops_is_told_whom_to_trust(tmp_path: Path) -> None:
    known = (("sklearn.svm._classes", "SVC"), ("builtins", "dict"), ("numpy", "ndarray"))
    one = made(tmp_path / "a", content=_skops(*known), **NATIVE)
    assert modelfile.described(one) == "skops, of scikit-learn, NumPy and their like alone"
    one = made(tmp_path / "b", content=_skops(*known, ("features", "Clip\x1b")), **NATIVE)
    assert list(modelfile.complaints(one)) == []
    assert modelfile.described(one).endswith(r"has to trust features.Clip\x1b")


def test_a_model_that_skops_wrote(tmp_path: Path) -> None:
    """What skops would not trust is among the types that we find, under the same names."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import FunctionTransformer
    from skops import io as skops

    content = skops.dumps([LogisticRegression(), FunctionTransformer(abs)])
    found = skopsfile.needed(_written(tmp_path / "m", content))
    assert "sklearn.linear_model._logistic.LogisticRegression" in found
    assert set(found) >= set(skops.get_untrusted_types(data=content)) == {"builtins.abs"}
    one = made(tmp_path / "a", content=content, **NATIVE)
    assert list(modelfile.complaints(one)) == []


def test_a_file_of_skops_that_would_run_what_it_holds_is_not_loaded(tmp_path: Path) -> None:
    """A known package's function that runs text, as part of an estimator of scikit-learn."""
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer
    from skops import io as skops

    mark = tmp_path / "ran"
    model = CountVectorizer().fit(["aa"]).set_params(preprocessor=np.testing.measure)
    content = skops.dumps(model)
    with pytest.raises(UsageError, match=r"numpy\.testing\.\S*measure") as caught:
        native.loaded(content, root=tmp_path).transform([f"open({str(mark)!r}, 'w')"])
    assert caught.value.exit_code == 2
    assert not mark.exists()
    assert "which no model needs" in complaints(tmp_path, content, **NATIVE)
    with pytest.raises(UsageError, match="a reader of the bundle could not trust"):
        native.dumped(model, root=tmp_path)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"bom.cdx.json": b"{}"}, "bom.cdx.json is the bill of materials of another model."),
        ({"bom.cdx.json": b"\xff["}, "bom.cdx.json is the bill of materials of another model."),
        ({"bom.cdx.json": b'{"metadata": []}'}, "bom.cdx.json is the bill"),
        ({"bom.cdx.json": b'{"metadata": {"component": 1}}'}, "bom.cdx.json is the bill"),
        ({"README.md": b"# peak-hour\n"}, "README.md is the card of another model"),
    ],
)
def test_documents_of_another_model(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    (found,) = modelfile.strangers(made(tmp_path, files))
    assert said in found
    assert list(modelfile.strangers(made(tmp_path))) == []
