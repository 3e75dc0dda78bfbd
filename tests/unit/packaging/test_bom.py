"""The bill of materials, held against the validator of those who wrote the format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assay.packaging import bom
from assay.packaging.licenses import Installed
from assay.packaging.manifest import Tracked
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from tests.unit.packaging.bundles import manifest

if TYPE_CHECKING:
    from assay.packaging.manifest import Manifest

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def text_of(whole: Manifest) -> str:
    return bom.of(
        whole,
        installed=Installed.here(),
        needed=("numpy", "onnxruntime"),
        sha256="f" * 64,
        pictures={"plots/1-roc.svg": "ROC curve"},
    ).decode()


def made(**update: Any) -> dict[str, Any]:
    text = text_of(manifest(**update))
    assert VALIDATOR.validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


def test_model_data_and_packages() -> None:
    found = made(license="Apache-2.0", description="When bikes are short")
    model = found["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": "f" * 64}]
    assert model["licenses"] == [{"expression": "Apache-2.0"}]
    assert model["modelCard"]["modelParameters"]["task"] == "binary classification"
    assert model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "ROC AUC",
            "value": "0.8795",
            "confidenceInterval": {"lowerBound": "0.8701", "upperBound": "0.8889"},
        },
        {"type": "Log loss", "value": "0.3402"},
    ]
    assert {"name": "assay:parameter:params.yaml:train.depth", "value": "8"} in model["properties"]
    data = [one for one in found["components"] if one["type"] == "data"]
    assert [one["name"] for one in data] == ["data/evaluation.csv", "data/raw"]
    assert data[0]["hashes"] == [{"alg": "MD5", "content": "e" * 32}]
    assert "hashes" not in data[1]
    numpy = next(one for one in found["components"] if one["name"] == "numpy")
    assert numpy["purl"] == "pkg:pypi/numpy@2.4.0"
    assert "BSD" in numpy["licenses"][0]["expression"]
    assert found["dependencies"][0]["dependsOn"][-1] == "pkg:pypi/numpy@2.4.0"
    assert found["metadata"]["timestamp"] == "2026-11-20T09:30:00+00:00"


def test_the_whole_environment_of_this_process() -> None:
    packages = Installed.here().versions
    environment = manifest().environment.model_copy(update={"packages": packages})
    found = made(environment=environment)
    purls = [one["purl"] for one in found["components"] if one["type"] == "library"]
    assert [PackageURL.from_string(one).name for one in purls] == list(packages)
    assert all(PackageURL.from_string(one).to_string() == one for one in purls)


def test_the_same_facts_give_the_same_bytes_and_others_another_identity() -> None:
    assert text_of(manifest()) == text_of(manifest())
    assert made()["serialNumber"] != made(verdict="fail", name="other")["serialNumber"]


@settings(max_examples=25)
@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.from_regex(r"\A[0-9a-z.+!]+\Z"))
def test_names_of_any_kind_are_valid(name: str, value: str, version: str) -> None:
    source = manifest().source
    made(
        description=value,
        estimator=name,
        source=source.model_copy(
            update={
                "parameters": {name: value},
                "data": (Tracked(path=name, md5="e" * 32), Tracked(path=name + "x", md5=value)),
            }
        ),
        environment=manifest().environment.model_copy(update={"packages": {"one": version}}),
    )


def test_unsupervised_models_say_so() -> None:
    signature = manifest().signature.model_copy(update={"task": "clustering", "classes": None})
    model = made(signature=signature)["metadata"]["component"]
    assert model["modelCard"]["modelParameters"]["approach"] == {"type": "unsupervised"}


def test_the_validator_is_able_to_say_no() -> None:
    assert VALIDATOR.validate_str(text_of(manifest()).replace('"library"', '"book"')) is not None
