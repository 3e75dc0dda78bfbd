"""Signed bundles with a model small enough to be made in a test, and how to ask them.

The model takes `hour`, `temperature` (may be missing) and `season`, and says whether many bikes are
needed: `expected` computes the same with NumPy.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from assay.packaging import archive
from assay.packaging.facts import ParityOutput, ParityRows
from assay.packaging.manifest import Source, Tracked
from assay.packaging.profile import Categories, Profile, numbers
from assay.packaging.signing import KeySigner, KeyTrust
from assay.serving.loaded import Loaded, load

from tests.unit.packaging import bundles, vouched

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Behaviour = Literal["good", "wrong", "nan"]
"""`wrong`: the other label with the other probability; `nan`: no probability is a number."""
ROW: dict[str, Any] = {"hour": 8, "temperature": 12.5, "season": "summer"}
SEASONS = ("autumn", "spring", "summer")
_WEIGHTS = {"hour": 0.4, "temperature": 0.1, "summer": 0.9, "bias": -5.0}


@dataclass(frozen=True)
class Made:
    """A bundle, and who signed it."""

    folder: Path
    archive: Path
    digest: str
    key: Path
    """The public key, a file."""


def made(
    parent: Path, version: str = "v1.0.0", behaviour: Behaviour = "good", name: str = "peak-hour"
) -> Made:
    """A signed bundle as a folder and as an archive.

    Args:
        parent: Where it goes; made where it is not there.
        version: Another one is another commit, and so another digest.
        behaviour: What the model says.
        name: Of the artifact.
    """
    parent.mkdir(parents=True, exist_ok=True)
    commit = hashlib.sha1(f"{version} {behaviour}".encode()).hexdigest()
    source = Source(
        commit=commit,
        committed="2026-11-20T09:30:00+00:00",
        model=Tracked(path="models/model.joblib", md5="a" * 32, bytes=1234),
    )
    unseen = ParityRows(
        name="unseen categories", count=8, undefined=8, outputs=(ParityOutput(output="label"),)
    )
    parity = bundles.PARITY.model_copy(update={"rows": (*bundles.PARITY.rows, unseen)})
    one = vouched.signed(
        parent,
        KeySigner(vouched.KEY),
        content=model(behaviour),
        files={"profile.json": (profile().model_dump_json() + "\n").encode()},
        name=name,
        source=source,
        parity=parity,
    )
    key = parent / "assay.pub"
    key.write_bytes(vouched.public_pem(vouched.KEY))
    packed = archive.pack(one, parent / f"{one.folder.name}{archive.SUFFIX}")
    return Made(one.folder, packed, one.digest, key)


def loaded(
    parent: Path, version: str = "v1.0.0", behaviour: Behaviour = "good", **given: Any
) -> Loaded:
    """The same, verified and loaded."""
    one = made(parent, version, behaviour, **given)
    return load(one.folder, KeyTrust(vouched.KEY.public_key()), version=version, root=parent)


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows that the model can be asked about; some temperatures are missing."""
    random = np.random.default_rng(seed)
    temperatures = random.normal(15, 8, count).round(2).tolist()
    return [
        {
            "hour": int(random.integers(0, 24)),
            "temperature": None if random.random() < 0.05 else temperature,
            "season": SEASONS[int(random.integers(3))],
        }
        for temperature in temperatures
    ]


def expected(asked: list[dict[str, Any]], behaviour: Behaviour = "good") -> NDArray[np.float64]:
    """(n,): the probability of class 1, by NumPy."""
    hour = np.array([one["hour"] for one in asked], dtype=np.float64)
    temperature = np.array(
        [10.0 if one["temperature"] is None else one["temperature"] for one in asked]
    )
    summer = np.array([one["season"] == "summer" for one in asked], dtype=np.float64)
    weights = _WEIGHTS
    score = weights["hour"] * hour + weights["temperature"] * temperature
    score = score + weights["summer"] * summer + weights["bias"]
    found = 1 / (1 + np.exp(-score))
    return np.asarray({"good": found, "wrong": 1 - found, "nan": found * np.nan}[behaviour])


@functools.cache
def profile() -> Profile:
    """What 2,000 rows and the good model's answers look like."""
    asked = rows(2000, seed=1)
    said = expected(asked)
    temperatures = [np.nan if one["temperature"] is None else one["temperature"] for one in asked]
    labels = (said > 0.5).astype(int)
    return Profile(
        rows=len(asked),
        features=(
            numbers("hour", np.array([one["hour"] for one in asked], dtype=np.float64)),
            numbers("temperature", np.array(temperatures)),
            _categories("season", [one["season"] for one in asked]),
        ),
        predictions=(
            _categories("label", list(map(str, labels.tolist()))),
            numbers("probabilities[0]", 1 - said),
            numbers("probabilities[1]", said),
        ),
    )


def _categories(name: str, values: list[str]) -> Categories:
    listed = sorted(set(values), key=lambda one: (-values.count(one), one))
    counts = tuple(values.count(one) for one in listed)
    return Categories(name=name, count=len(values), nulls=0, values=tuple(listed), counts=counts)


@functools.cache
def model(behaviour: Behaviour) -> bytes:
    """The graph, with the inputs and outputs of `bundles.SIGNATURE`."""
    from onnx import TensorProto, helper

    constants = {
        "w_hour": _WEIGHTS["hour"],
        "w_temperature": _WEIGHTS["temperature"],
        "w_summer": _WEIGHTS["summer"],
        "bias": _WEIGHTS["bias"],
        "usual": 10.0,
        "half": 0.5,
        "one": 1.0,
    }
    end = {
        "good": [helper.make_node("Identity", ["p"], ["said"])],
        "wrong": [helper.make_node("Sub", ["one", "p"], ["said"])],
        "nan": [
            helper.make_node("Sub", ["p", "p"], ["zero"]),
            helper.make_node("Div", ["zero", "zero"], ["said"]),
        ],
    }[behaviour]
    nodes = [
        helper.make_node("Cast", ["hour"], ["hours"], to=TensorProto.DOUBLE),
        helper.make_node("IsNaN", ["temperature"], ["missing"]),
        helper.make_node("Where", ["missing", "usual", "temperature"], ["known"]),
        helper.make_node("Equal", ["season", "summer"], ["is_summer"]),
        helper.make_node("Cast", ["is_summer"], ["summers"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["hours", "w_hour"], ["a"]),
        helper.make_node("Mul", ["known", "w_temperature"], ["b"]),
        helper.make_node("Mul", ["summers", "w_summer"], ["c"]),
        helper.make_node("Add", ["a", "b"], ["ab"]),
        helper.make_node("Add", ["ab", "c"], ["abc"]),
        helper.make_node("Add", ["abc", "bias"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["p"]),
        *end,
        helper.make_node("Sub", ["one", "said"], ["not_said"]),
        helper.make_node("Concat", ["not_said", "said"], ["probabilities"], axis=1),
        helper.make_node("Greater", ["said", "half"], ["is_peak"]),
        helper.make_node("Cast", ["is_peak"], ["peak"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["peak", "axis"], ["label"]),
    ]
    initializers = [
        helper.make_tensor(name, TensorProto.DOUBLE, [], [value])
        for name, value in constants.items()
    ]
    initializers += [
        helper.make_tensor("summer", TensorProto.STRING, [], [b"summer"]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    kinds = {
        "hour": TensorProto.INT64,
        "temperature": TensorProto.DOUBLE,
        "season": TensorProto.STRING,
    }
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2]),
        ],
        initializers,
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(whole.SerializeToString())
