"""Which version comes next, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import UsageError
from assay.packaging.facts import InputSpec, OutputSpec
from assay.packaging.manifest import Tracked
from assay.release import gto, versions
from assay.release.gto import Artifact, Tag
from assay.release.tagname import parse

from tests.unit.packaging.bundles import SIGNATURE, manifest

if TYPE_CHECKING:
    from assay.packaging.manifest import Manifest
    from assay.release.semver import Bump


def tagged(*tags: str) -> Artifact:
    """The state after these tags, each on a commit of its own, one a second."""
    found = []
    for time, tag in enumerate(tags):
        name = parse(tag)
        assert name is not None
        number = tags.index(tag.rstrip("!")) if tag.endswith("!") else time
        found.append(Tag(tag, name, f"{number:040x}", time))
    return gto.registry(found).artifact("churn")


RETRAINED = Tracked(path="models/model.joblib", md5="f" * 32)
HOUR, TEMPERATURE, SEASON = SIGNATURE.inputs
LABEL, PROBABILITIES = SIGNATURE.outputs


def changed(**update: Any) -> Manifest:
    return manifest(signature=SIGNATURE.model_copy(update=update))


def with_inputs(*inputs: InputSpec) -> Manifest:
    return changed(inputs=inputs)


NEW_INPUT = InputSpec(name="wind", dtype="float64", nullable=True)
RULES: list[tuple[Manifest, Bump, str]] = [
    (with_inputs(HOUR, SEASON), "major", "Input `temperature` is gone."),
    (with_inputs(HOUR, TEMPERATURE, SEASON, NEW_INPUT), "major", "Input `wind` is new."),
    (
        with_inputs(HOUR.model_copy(update={"dtype": "float64"}), TEMPERATURE, SEASON),
        "major",
        "Input `hour` was int64, and is float64.",
    ),
    (
        with_inputs(HOUR.model_copy(update={"shape": (None, 2)}), TEMPERATURE, SEASON),
        "major",
        "Input `hour` has another shape.",
    ),
    (
        with_inputs(HOUR, TEMPERATURE.model_copy(update={"nullable": False}), SEASON),
        "major",
        "Input `temperature` may no longer be null.",
    ),
    (
        with_inputs(HOUR.model_copy(update={"nullable": True}), TEMPERATURE, SEASON),
        "minor",
        "Input `hour` may be null now.",
    ),
    (
        with_inputs(HOUR, TEMPERATURE, SEASON.model_copy(update={"categories": ("autumn",)})),
        "major",
        "Input `season` no longer knows `spring`, `summer`.",
    ),
    (
        with_inputs(
            HOUR,
            TEMPERATURE,
            SEASON.model_copy(update={"categories": (*(SEASON.categories or ()), "winter")}),
        ),
        "minor",
        "Input `season` knows `winter` too.",
    ),
    (
        with_inputs(HOUR, TEMPERATURE, SEASON.model_copy(update={"categories": None})),
        "minor",
        "Input `season` takes any value now.",
    ),
    (
        with_inputs(HOUR.model_copy(update={"categories": (1, 2)}), TEMPERATURE, SEASON),
        "major",
        "Input `hour` has known categories now, and took any value.",
    ),
    (changed(outputs=(LABEL,)), "major", "Output `probabilities` is gone."),
    (
        changed(
            outputs=(
                LABEL,
                PROBABILITIES,
                OutputSpec(name="scores", meaning="score", dtype="float64", shape=(None, 2)),
            )
        ),
        "minor",
        "Output `scores` is new.",
    ),
    (
        changed(outputs=(PROBABILITIES, LABEL)),
        "major",
        "The outputs are in another order.",
    ),
    (
        changed(outputs=(LABEL.model_copy(update={"dtype": "string"}), PROBABILITIES)),
        "major",
        "Output `label` has another type or shape.",
    ),
    (changed(classes=(0, 1, 2)), "major", "Classes changed: `2` came."),
    (changed(classes=(1, 0)), "major", "Classes changed: their order is another."),
    (changed(classes=None), "major", "Classes changed: `0`, `1` went."),
    (changed(task="multiclass"), "major", "The task was `binary`, and is `multiclass`."),
    (
        manifest(kind="native", model="model.skops"),
        "major",
        "`model.onnx` became `model.skops`.",
    ),
    (
        manifest(source=manifest().source.model_copy(update={"model": RETRAINED})),
        "minor",
        "The model was trained again.",
    ),
    (manifest(), "patch", "The same model is packaged again."),
    # ONNX takes inputs by name.
    (with_inputs(SEASON, HOUR, TEMPERATURE), "patch", "The same model is packaged again."),
]


@pytest.mark.parametrize(("new", "bump", "reason"), RULES, ids=[rule[2] for rule in RULES])
def test_what_changed_decides(new: Manifest, bump: Bump, reason: str) -> None:
    after = {"major": "v2.0.0", "minor": "v1.3.0", "patch": "v1.2.4"}[bump]
    found = versions.next_version(tagged("churn@v1.2.3"), new, manifest())
    assert found == versions.Next(after, bump, "v1.2.3", (reason,))


def test_scikit_learn_wants_columns_in_their_order() -> None:
    native = {"kind": "native", "model": "model.skops"}
    turned = SIGNATURE.model_copy(update={"inputs": (SEASON, HOUR, TEMPERATURE)})
    found = versions.changes(manifest(**native), manifest(**native, signature=turned))
    assert found == (versions.Change("major", "The inputs are in another order."),)


def test_the_greatest_change_decides_and_alone_is_named() -> None:
    new = changed(classes=(0, 2)).model_copy(
        update={"source": manifest().source.model_copy(update={"model": RETRAINED})}
    )
    found = versions.next_version(tagged("churn@v1.2.3"), new, manifest())
    assert (found.version, found.reasons) == (
        "v2.0.0",
        ("Classes changed: `2` came and `1` went.",),
    )
    assert [change.part for change in versions.changes(manifest(), new)] == ["major", "minor"]


def test_the_first_version_promises_its_signature() -> None:
    found = versions.next_version(tagged(), manifest())
    assert found == versions.Next("v1.0.0", None, None, ("It is the first version.",))
    assert versions.next_version(tagged(), asked="minor").version == "v1.0.0"
    assert versions.next_version(tagged(), asked="v0.1.0").version == "v0.1.0"


@pytest.mark.parametrize(
    ("tags", "asked", "version"),
    [
        (("churn@v1.2.3",), "major", "v2.0.0"),
        (("churn@v1.2.3",), "patch", "v1.2.4"),
        (("churn@v1.2.3",), "2.0.0-rc.1", "v2.0.0-rc.1"),
        (("churn@v2.0.0-rc.1",), "major", "v2.0.0"),
        (("churn@v0.3.0",), "major", "v1.0.0"),  # it was asked for
        (("churn@v1.2.3", "churn@v1.2.4", "churn@v1.2.4!"), "patch", "v1.2.5"),
        (("churn@v1.9.0", "churn@v1.10.0"), "minor", "v1.11.0"),
    ],
)
def test_what_a_person_asks_for_beats_what_changed(
    tags: tuple[str, ...], asked: str, version: str
) -> None:
    found = versions.next_version(tagged(*tags), changed(classes=(9,)), manifest(), asked=asked)
    assert found.version == version
    assert found.reasons == (f"`{version if asked[0] in 'v2' else asked}` was asked for.",)


def test_below_one_a_change_of_the_signature_raises_the_minor_part() -> None:
    found = versions.next_version(tagged("churn@v0.3.1"), changed(classes=(9, 1)), manifest())
    assert (found.version, found.bump) == ("v0.4.0", "minor")
    assert found.reasons[-1] == "Below v1.0.0 that raises the minor part."


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("v1.2.3", r"v1\.2\.3 of churn exists already, at commit 000000000000"),
        ("v1.3.0", r"v1\.3\.0 of churn was deregistered"),
        ("v1.0.0", r"v1\.0\.0 is not above v1\.2\.3"),
        ("v1.2.3-rc.1", r"v1\.2\.3-rc\.1 is not above v1\.2\.3"),
        ("v1.2.3+other", r"v1\.2\.3\+other is not above v1\.2\.3"),  # a build is no order
        ("Major", "'Major' is no semantic version"),
    ],
)
def test_a_version_that_cannot_be_is_an_error(asked: str, message: str) -> None:
    artifact = tagged("churn@v1.2.3", "churn@v1.3.0", "churn@v1.3.0!")
    with pytest.raises(UsageError, match=message) as caught:
        versions.next_version(artifact, asked=asked)
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_what_changed_has_to_be_known_or_said() -> None:
    with pytest.raises(UsageError, match=r"its manifest is not at hand \(GITHUB_TOKEN") as caught:
        versions.next_version(tagged("churn@v1.2.3"), manifest())
    assert "not packaged" not in caught.value.message
    assert "`assay release --version minor`" in (caught.value.hint or "")
    with pytest.raises(UsageError, match=r"known: this commit is not packaged here") as caught:
        versions.next_version(tagged("churn@v1.2.3"), None, manifest())
    assert versions.next_version(tagged("churn@v1.2.3"), manifest(), asked="patch").bump == "patch"


def test_onnx_runtime_refuses_a_call_that_lacks_an_input_or_has_another_type() -> None:
    """Why an input that came, and a type that became wider, are major."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    import numpy as np

    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])],
        "sum",
        [helper.make_tensor_value_info(name, kinds.INT64, [None]) for name in "ab"],
        [helper.make_tensor_value_info("c", kinds.INT64, [None])],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    ).SerializeToString()
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    one = np.ones(1, np.int64)
    assert session.run(None, {"a": one, "b": one})[0].tolist() == [2]
    with pytest.raises(ValueError, match="Required inputs"):
        session.run(None, {"a": one})
    with pytest.raises(Exception, match="Unexpected input data type"):
        session.run(None, {"a": one, "b": one.astype(np.int32)})
