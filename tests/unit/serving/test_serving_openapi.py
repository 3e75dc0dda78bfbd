"""The OpenAPI document and the pages: valid, exact, without anything from elsewhere, escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from assay.errors import UsageError
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.serving import docspage, openapi
from assay.serving.beside import Beside, hooks
from assay.serving.errors import RequestError
from assay.serving.inputs import Column, Table
from assay.serving.protocols.rows import Rows
from assay.serving.settings import ServeSettings
from hypothesis import given
from hypothesis import strategies as st

from tests import serving_bundles

if TYPE_CHECKING:
    from assay.serving.loaded import Loaded

EVIL = "<script>alert(1)</script>\"'&"
MATRIX = Signature(
    task="regression",
    inputs=(InputSpec(name="X", dtype="float64", shape=(None, 2), nullable=True),),
    outputs=(OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,)),),
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return serving_bundles.loaded(tmp_path_factory.mktemp("bundle"))


def schema_of(document: Any, name: str) -> jsonschema.Draft202012Validator:
    whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema.Draft202012Validator(whole)


def test_every_schema_is_one(loaded: Loaded) -> None:
    document = openapi.document(loaded, ServeSettings(), keys=True, feedback=True, labels=["prod"])

    # schemathesis reads it too: tests/fuzz_serving.py.
    assert {"post"} == set(document["paths"]["/v1/models/peak-hour/labels/prod:predict"])
    assert {"post"} == set(document["paths"]["/v2/models/peak-hour/versions/v1.0.0/infer"])
    json.dumps(document, allow_nan=False)
    for name in document["components"]["schemas"]:
        jsonschema.Draft202012Validator.check_schema(schema_of(document, name).schema)


def test_every_example_is_as_it_says(loaded: Loaded) -> None:
    for one in (loaded, replace(loaded, signature=MATRIX, profile=None)):
        document = openapi.document(one, ServeSettings(), feedback=True)
        for path, methods in document["paths"].items():
            for operation in methods.values():
                if "requestBody" in operation:
                    media = operation["requestBody"]["content"]["application/json"]
                    name = media["schema"]["$ref"].rpartition("/")[2]
                    problems = [*schema_of(document, name).iter_errors(media["example"])]
                    assert not problems, path


@pytest.mark.parametrize(
    ("change", "is_right"),
    [
        ({}, True),
        ({"temperature": None}, True),
        ({"hour": None}, False),
        ({"hour": 2**63}, False),
        ({"hour": 1.5}, False),
        ({"season": "monsoon"}, False),
        ({"season": 3}, False),
        ({"wind": 1}, False),
    ],
)
def test_rows_are_described_as_they_are_checked(
    loaded: Loaded, change: dict[str, Any], is_right: bool
) -> None:
    document = openapi.document(loaded, ServeSettings())
    table = Table([Column.of(one, loaded.parity) for one in loaded.signature.inputs], 10)
    row = {**serving_bundles.ROW, **change}

    assert schema_of(document, "Row").is_valid({"rows": [row]}) == is_right
    try:
        Rows(loaded, table).parse(json.dumps({"rows": [row]}).encode(), {}, "one")
        taken = True
    except RequestError:
        taken = False
    assert taken == is_right


def test_a_key_is_asked_for_where_one_is_needed(loaded: Loaded) -> None:
    document = openapi.document(loaded, ServeSettings(), keys=True)

    assert document["paths"]["/predict"]["post"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/health/ready"]["get"]


class Page(HTMLParser):
    """The tags of a page, and the text in them."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def pages(loaded: Loaded) -> list[bytes]:
    document = openapi.document(loaded, ServeSettings())
    return [docspage.index(loaded), docspage.docs(loaded, document)]


@pytest.mark.parametrize(("inputs", "lines"), [(1, 8), (7, 14), (200, 30)])
def test_a_row_is_seen_whole_unless_it_is_very_long(
    loaded: Loaded, inputs: int, lines: int
) -> None:
    named = tuple(InputSpec(name=f"x{one}", dtype="float64") for one in range(inputs))
    many = replace(loaded, signature=loaded.signature.model_copy(update={"inputs": named}))
    assert f'rows="{lines}"' in pages(many)[1].decode()


def test_what_a_bundle_says_is_text(loaded: Loaded) -> None:
    inputs = (InputSpec(name=EVIL, dtype="string", categories=(EVIL,)),)
    evil = replace(
        loaded,
        name=EVIL,
        version=EVIL,
        description=EVIL,
        signer=EVIL,
        signature=loaded.signature.model_copy(update={"inputs": inputs}),
        profile=None,
    )

    for before, after in zip(pages(loaded), pages(evil), strict=True):
        is_new = Page(after)
        scripts = [tag for tag, _ in is_new.tags if tag == "script"]
        assert scripts == [tag for tag, _ in Page(before).tags if tag == "script"]
        assert any(EVIL in text for text in is_new.texts)


def test_pages_load_nothing_from_elsewhere(loaded: Loaded) -> None:
    for content in pages(loaded):
        found = [
            value
            for _, attributes in Page(content).tags
            for name, value in attributes.items()
            if name in {"src", "href", "action"}
        ]
        assert all(value and not re.match(r"[a-z]+:|//|/", value) for value in found), found
        assert b"@import" not in content
        assert b"http" not in content.replace(b"http-equiv", b"")


def test_the_policy_allows_the_script_that_is_there(loaded: Loaded) -> None:
    policy = dict(docspage.HEADERS)[b"content-security-policy"].decode()
    page = pages(loaded)[1].decode()

    for tag in ("script", "style"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@given(label=st.text(max_size=5))
def test_a_label_is_part_of_a_path(label: str) -> None:
    if label and not {"/", ":"} & set(label):
        assert Beside(labels=(label,)).labels == (label,)
    else:
        with pytest.raises(UsageError, match="no label"):
            Beside(labels=(label,))


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"batch_rows": -1}, "at least 1 row"),
        ({"batch_rows": 5, "batch_wait": 2.0}, "at most 1 second"),
        ({"keys": object(), "provider": object()}, "exclude each other"),
    ],
)
def test_what_cannot_be_asked_for(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Beside(**given_)


def test_nothing_is_there_that_was_not_asked_for(loaded: Loaded) -> None:
    made = hooks(loaded, ServeSettings(), Beside())

    assert (made.observers, made.guard, made.runner) == ((), None, None)
    assert not {"/feedback", "/assay/shadow"} & {route.path for route in made.routes}
