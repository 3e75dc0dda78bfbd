"""The model card: filled from facts, read by Hugging Face, harmless whatever names are in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from assay.evidence import FairnessFact, SliceEvidence
from assay.packaging import card
from assay.packaging.card import CardFacts
from assay.packaging.facts import Conversion, InputSpec, Mismatch
from assay.packaging.manifest import Environment
from assay.packaging.pictures import Picture
from assay.packaging.profile import Categories, Numbers, Profile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.packaging.bundles import PARITY, SIGNATURE, manifest

if TYPE_CHECKING:
    from assay.packaging.manifest import Manifest

# As huggingface_hub finds it: src/huggingface_hub/repocard.py, REGEX_YAML_BLOCK.
FRONT = re.compile(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\r|\n|$))")
PROFILE = Profile(
    rows=8735,
    features=(
        Numbers(name="hour", count=8735, nulls=0, edges=(0, 12, 23), min=0, max=23),
        Numbers(name="temperature", count=8735, nulls=3, edges=(-1.5, 14.56), min=-1.5, max=29.61),
        Categories(name="season", count=8735, nulls=0, values=("summer",), counts=(8735,)),
    ),
    predictions=(),
)


def facts(whole: Manifest | None = None, **given: Any) -> CardFacts:
    return CardFacts(
        **{
            "manifest": whole or manifest(),
            "profile": PROFILE,
            "bytes": 241_376,
            "needed": {"numpy": "2.4.0", "onnxruntime": "1.32.0"},
            **given,
        }
    )


def front_matter(text: str) -> dict[str, Any]:
    match = FRONT.match(text)
    assert match is not None
    found: dict[str, Any] = yaml.safe_load(match[2])
    return found


def sections(text: str) -> dict[str, str]:
    found = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def rows(section: str) -> list[list[str]]:
    """The rows of the tables in a section, without their heads."""
    found = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return [row for row in found[2:] if not set(row[0]) <= {"-", ":", " "}]


def test_front_matter_as_hugging_face_publishes_it() -> None:
    found = front_matter(card.render(facts(manifest(license="BSD-3-Clause"))))
    assert found["license"] == "bsd-3-clause"
    assert found["library_name"] == "onnx"
    assert found["pipeline_tag"] == "tabular-classification"
    assert found["tags"] == ["onnx", "binary", "tabular-classification"]
    (index,) = found["model-index"]
    assert index["name"] == "peak-hour"
    (result,) = index["results"]
    assert result["task"] == {"type": "tabular-classification"}
    assert result["dataset"].keys() == {"type", "name"}
    assert result["metrics"][0] == {"type": "roc_auc", "name": "ROC AUC", "value": 0.8795}


def test_labels_are_tags() -> None:
    found = front_matter(card.render(facts(labels=("scikit-learn", "onnx"))))
    assert found["tags"] == ["onnx", "binary", "tabular-classification", "scikit-learn"]


@pytest.mark.parametrize(
    ("result", "warned", "said"),
    [
        ("failed", ["compare", "validate"], ": `roc_auc min` not passed, `validate` warned"),
        ("passed", ["test"], ": `test` warned"),
        ("inconclusive", [], ": `roc_auc min` inconclusive"),
    ],
)
def test_what_it_passed_with(result: str, warned: list[str], said: str) -> None:
    gates = (manifest().gates[0].model_copy(update={"result": result}),)
    text = card.render(facts(manifest(verdict="warn", gates=gates), warned=warned))
    assert f"| Checked | ⚠️ Passed with warnings{said} |" in text
    text = card.render(facts(manifest(verdict="pass"), warned=warned))
    assert "| Checked | ✅ Passed |" in text


def test_a_native_model_needs_its_library_and_the_project_s_modules() -> None:
    packages = {"pandas": "2.3.0", "lightgbm": "4.7.0"}
    whole = manifest(
        kind="native",
        model="model.skops",
        conversion=None,
        environment=Environment(python="3.12.4", packages=packages),
    )
    needed = {"skops": "0.13.0", "scikit-learn": "1.9.1", "lightgbm": "4.7.0"}
    text = card.render(facts(whole, needed=needed, modules=("bikes.clipping",)))
    assert "`pip install skops==0.13.0 scikit-learn==1.9.1 lightgbm==4.7.0 pandas==2.3.0`" in text
    assert "to be imported as `bikes.clipping`: commit `cccccccccccc`." in text


def test_what_serving_takes_is_never_cut_off() -> None:
    packages = {f"a{at:03}": "1" for at in range(300)} | {"onnxruntime": "1.32.0"}
    environment = Environment(python="3.12.4", packages=packages)
    shown = rows(sections(card.render(facts(manifest(environment=environment))))["Environment"])
    assert shown[0] == ["`onnxruntime`", "1.32.0"]


def test_how_to_verify_it_is_a_command_that_works() -> None:
    found = sections(card.render(facts()))["How to verify it"]
    assert "$ assay verify FOLDER --key assay.pub\n" in found
    assert '$ pip install "assay[release] @ git+https://github.com/your-org/assay@v1"\n' in found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("AGPL-3.0-or-later", {"license": "agpl-3.0"}),
        ("MIT OR ISC", {"license": "other", "license_name": "MIT OR ISC"}),
        ("LicenseRef-Own", {"license": "other", "license_name": "LicenseRef-Own"}),
        (None, {}),
    ],
)
def test_licences_in_the_words_of_hugging_face(said: str | None, expected: dict[str, str]) -> None:
    found = front_matter(card.render(facts(manifest(license=said))))
    assert {k: v for k, v in found.items() if k.startswith("license")} == expected


@pytest.mark.parametrize(
    ("task", "tag"),
    [("regression", "tabular-regression"), ("multilabel", "tabular-classification")],
)
def test_tasks_of_hugging_face(task: str, tag: str) -> None:
    signature = SIGNATURE.model_copy(update={"task": task, "classes": None})
    assert front_matter(card.render(facts(manifest(signature=signature))))["pipeline_tag"] == tag


@pytest.mark.parametrize("task", ["clustering", "outliers"])
def test_tasks_that_hugging_face_has_no_name_for(task: str) -> None:
    signature = SIGNATURE.model_copy(update={"task": task, "classes": None})
    found = front_matter(card.render(facts(manifest(signature=signature))))
    assert "pipeline_tag" not in found
    assert "model-index" not in found


def test_inputs_with_types_ranges_and_categories() -> None:
    found = sections(card.render(facts()))["Inputs"]
    assert "8,735 rows" in found
    assert rows(found) == [
        ["`hour`", "int64", "required", "0 to 23"],
        ["`temperature`", "float64", "may be missing", "\N{MINUS SIGN}1.5 to 29.61"],
        ["`season`", "string", "required", "`autumn`, `spring`, `summer`"],
    ]


def test_the_columns_of_a_matrix_in_their_order() -> None:
    matrix = InputSpec(name="X", dtype="float64", shape=(None, 3))
    whole = manifest(signature=SIGNATURE.model_copy(update={"inputs": (matrix,)}))
    found = sections(card.render(facts(whole)))["Inputs"]
    assert "One matrix of 3 columns, in this order, a row" in found
    assert rows(found)[-2:] == [
        ["2", "`temperature`", "\N{MINUS SIGN}1.5 to 29.61"],
        ["3", "`season`", "`summer`"],
    ]
    hidden = PROFILE.model_copy(update={"features": PROFILE.features[:2]})
    found = sections(card.render(facts(whole, profile=hidden)))["Inputs"]
    assert "One matrix of 3 columns, a row" in found


def test_inputs_that_nothing_is_known_of_and_many_categories() -> None:
    many = tuple(f"c{i}" for i in range(30))
    signature = SIGNATURE.model_copy(
        update={
            "inputs": (
                InputSpec(name="secret", dtype="string"),
                InputSpec(name="many", dtype="string", categories=many),
                InputSpec(name="hour", dtype="float64"),
            )
        }
    )
    empty = Profile(rows=0, features=(Numbers(name="hour", count=0, nulls=0),), predictions=())
    found = rows(
        sections(card.render(facts(manifest(signature=signature), profile=empty)))["Inputs"]
    )
    assert found[0] == ["`secret`", "string", "required", ""]
    assert found[1][3].endswith("`c7` and 22 more")
    assert found[2][3] == "no finite value"


def test_metrics_with_intervals_the_configured_first() -> None:
    whole = manifest()
    turned = whole.model_copy(update={"metrics": whole.metrics[::-1]})
    found = sections(card.render(facts(turned)))["Metrics"]
    assert "95 % interval" in found
    assert rows(found) == [
        ["**ROC AUC**", "0.8795", "0.8701 to 0.8889"],
        ["Log loss", "0.3402", ""],
    ]
    without = sections(card.render(facts(manifest(confidence=None))))["Metrics"]
    assert rows(without)[0] == ["**ROC AUC**", "0.8795"]


def test_where_it_is_worst() -> None:
    def part(name: str, value: float, *, judged: bool = True) -> SliceEvidence:
        return SliceEvidence(
            name=name, rows=100, units=100, judged=judged, head={"roc_auc": value, "log_loss": 1.0}
        )

    slices = [part(f"season = {i}", 0.8 + i / 100) for i in range(8)]
    slices += [part("few", 0.1, judged=False)]
    found = sections(card.render(facts(slices=slices)))["Where it is worst"]
    assert "Of 8 slices, by ROC AUC" in found
    assert rows(found)[0] == ["`season = 0`", "100", "0.8000", "1.000"]
    assert [row[0] for row in rows(found)] == [*(f"`season = {i}`" for i in range(5)), "all rows"]
    by_loss = manifest(metrics=manifest().metrics[1:])
    worst = rows(sections(card.render(facts(by_loss, slices=slices)))["Where it is worst"])
    assert worst[0][:2] == ["`season = 0`", "100"]
    assert "Where it is worst" not in sections(card.render(facts()))


def test_fairness_gates_and_what_had_nothing_to_be_held_against() -> None:
    fair = FairnessFact(
        column="sex", measure="demographic_parity_difference", head=0.12, low=0.05, high=0.2,
        groups=("f", "m"), apart=("f", "m"),
    )  # fmt: skip
    unknown = FairnessFact(
        column="age", measure="demographic_parity_difference", head=None, undefined="one group"
    )
    gate = manifest().gates[0]
    open_gate = gate.model_copy(update={"name": "f1 tests", "result": "not decided"})
    whole = manifest(gates=(gate, open_gate))
    found = sections(card.render(facts(whole, fairness=(fair, unknown))))
    assert rows(found["Fairness"]) == [
        ["`sex`", "demographic parity difference", "0.1200", "0.0500 to 0.2000", "`f` and `m`"],
        ["`age`", "demographic parity difference", "one group", "", ""],
    ]
    decided, _, others = found["Gates"].partition("<details>")
    assert rows(decided) == [["`roc_auc min`", "✅ passed", "roc&#95;auc is 0.8795."]]
    assert "1 gate with nothing to be held against" in others
    assert "`f1 tests`" in others


def test_where_it_comes_from_and_parity() -> None:
    found = sections(card.render(facts()))
    data, parameters = found["Data and training"].split("Parameters")
    assert rows(data)[0] == ["`models/model.joblib`", f"`{'a' * 32}`", "1.2 kB"]
    assert rows(parameters)[-1] == ["`params.yaml:features`", '`["hour"]`']
    assert rows(found["Does the export say the same?"]) == [
        ["evaluation", "8,735", "", "0", "2e-16"],
        ["nulls", "12", "4", "0", ""],
    ]
    assert "1e-05 + 1e-05" in found["Does the export say the same?"]


def test_forms_of_a_model() -> None:
    plain = card.render(facts())
    assert "ONNX, opset 21, float64; 241 kB" in plain
    changed = Conversion(
        opset={"": 18}, precision="float32", nodes=1, bytes=1, quantized=True,
        changes=("Thresholds of `Tree` are double.",),
    )  # fmt: skip
    text = card.render(facts(manifest(conversion=changed)))
    assert "ONNX, opset 18, float32, weights as 8-bit integers" in text
    assert "- Thresholds of `Tree` are double." in text
    native = manifest(
        kind="native", model="model.skops", conversion=None, why_native="No converter of `Own`."
    )
    text = card.render(facts(native, native_hint="Register one."))
    assert "| Form | skops; 241 kB |" in text
    assert "It is not ONNX: No converter of `Own`. Register one." in text
    assert front_matter(text)["library_name"] == "sklearn"


def test_pictures_two_in_a_row_with_words_for_those_who_do_not_see_them() -> None:
    shown = [
        Picture(f"plots/{i}-roc.svg", f"ROC | curve {i}", 'Area "a" | <b>', b"") for i in range(3)
    ]
    text = sections(card.render(facts(pictures=shown)))["Metrics"]
    assert text.count('src="plots/') == 3
    assert 'alt="Area &#34;a&#34; &#124; &lt;b&gt;"' in text


HOSTILE = "<script>|`x`\n---\n# [a](b) @team $\x1b[31m ![i](u)"


def test_hostile_names_do_nothing() -> None:
    text = HOSTILE
    inputs = (InputSpec(name=text, dtype="string", categories=(text,)),)
    whole = manifest(
        name="peak-hour",
        description=text,
        estimator=text,
        verdict=text,
        why_native=text,
        signature=SIGNATURE.model_copy(update={"inputs": inputs, "classes": (text, "b")}),
        parity=PARITY.model_copy(
            update={"mismatches": (Mismatch(rows=text, row=0, output=text, expected="", got=""),)}
        ),
        gates=(manifest().gates[0].model_copy(update={"name": text, "message": text}),),
        metrics=(manifest().metrics[0].model_copy(update={"name": text}),),
    )
    found = card.render(
        facts(whole, pictures=(Picture("plots/1.svg", text, text, b""),), licenses=("a",))
    )
    body = FRONT.sub("", found, count=1)
    code = re.sub(r"(`+)(?:(?!\1).)+\1|<code>.*?</code>|<img [^>]*>", "", body, flags=re.DOTALL)
    assert "<script" not in code
    assert "\x1b" not in found
    assert "\n---\n" not in body
    assert "![i]" not in code
    assert "@team" not in code
    assert len(front_matter(found)["metrics"]) == 1


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_any_text_leaves_the_card_a_card(text: str) -> None:
    gates = (manifest().gates[0].model_copy(update={"name": text, "message": text}),)
    inputs = (InputSpec(name=text, dtype="float64"),)
    whole = manifest(
        description=text,
        gates=gates,
        signature=SIGNATURE.model_copy(update={"inputs": inputs}),
    )
    found = card.render(facts(whole))
    assert front_matter(found)["library_name"] == "onnx"
    assert len(rows(sections(found)["Inputs"])) == 1
    assert [line[0] for line in sections(found)["Inputs"].splitlines() if line][-1] == "|"


def test_the_same_facts_give_the_same_card() -> None:
    assert card.render(facts()) == card.render(facts())
