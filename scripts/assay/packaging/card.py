"""The model card: `README.md` of a bundle, as Hugging Face and GitHub show it, from facts alone.

Names and values come from somebody's data and code: each is escaped where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from assay.packaging import cardmeta, usage
from assay.packaging.cardtables import folded, interval, section, table
from assay.packaging.cardworst import by_weight, of_groups, of_slices
from assay.packaging.modelfile import BOM
from assay.packaging.profile import Numbers
from assay.report import escape
from assay.report.escape import Code
from assay.report.wording import (
    OUTCOMES,
    count,
    listed,
    metric_title,
    number,
    percent,
    short,
    size,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.evidence import FairnessFact, SliceEvidence
    from assay.packaging.facts import InputSpec
    from assay.packaging.manifest import GateResult, Manifest, MetricValue
    from assay.packaging.pictures import Picture
    from assay.packaging.profile import Categories, Profile

_MOST_CATEGORIES = 8
_VERIFY = """\
```console
$ pip install "assay[release] @ git+https://github.com/your-org/assay@v1"
$ assay verify FOLDER --key assay.pub
```"""
_ICONS = {"passed": "✅", "failed": "❌", "inconclusive": "❔", "not decided": "⚪"}
_PREDICTS = {
    "binary": "one of two classes",
    "multiclass": "one of {classes} classes",
    "multilabel": "any of {classes} labels",
    "regression": "a number",
    "clustering": "the cluster of a row",
    "outliers": "whether a row is an outlier",
}


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card is filled from."""

    manifest: Manifest
    profile: Profile
    bytes: int
    """Of the model's file."""
    needed: Mapping[str, str]
    """Name and version of the packages that serving takes."""
    slices: Sequence[SliceEvidence] = ()
    fairness: Sequence[FairnessFact] = ()
    pictures: Sequence[Picture] = ()
    licenses: Sequence[str] = field(default=())
    """Files with the texts of licences."""
    labels: Sequence[str] = ()
    """Of the model, in dvc.yaml."""
    warned: Sequence[str] = ()
    """Stages of the check that ended with a warning."""
    modules: Sequence[str] = ()
    """Of a native bundle: those that come with none of the packages."""
    native_hint: str | None = None
    """What would make a native bundle ONNX."""


def render(facts: CardFacts) -> str:
    """The card."""
    manifest = facts.manifest
    sections = [
        Markup("# ") + escape.markdown(manifest.name),
        escape.markdown(short(manifest.description or "", escape.LONGEST)),
        table(("", ""), _overview(facts)),
        section("How to use it", *_use(facts)),
        section("Inputs", *_inputs(facts)),
        section("Outputs", table(("output", "type", "what it is"), _outputs(manifest))),
        section("Metrics", *_metrics(facts)),
        section("Where it is worst", *of_slices(facts.manifest, facts.slices)),
        section("Fairness", *of_groups(facts.fairness)),
        section("Gates", *_gates(manifest)),
        section("Data and training", *_training(manifest)),
        section("Does the export say the same?", *_parity(manifest)),
        section("Environment", *_environment(facts)),
        section("How to verify it", *_verify(facts)),
    ]
    return (
        cardmeta.front_matter(manifest, facts.labels)
        + "\n"
        + "\n\n".join(filter(None, sections))
        + "\n"
    )


def _overview(facts: CardFacts) -> Iterator[tuple[object, object]]:
    manifest, source = facts.manifest, facts.manifest.source
    classes = manifest.signature.classes or ()
    predicts = _PREDICTS[manifest.signature.task].format(classes=len(classes))
    if classes:
        yield "Predicts", (f"{predicts}: ", *_some([str(one) for one in classes]))
    else:
        yield "Predicts", predicts
    yield "Model", Code(manifest.estimator)
    if manifest.conversion is not None:
        form = manifest.conversion
        quantized = ", weights as 8-bit integers" if form.quantized else ""
        opset = form.opset.get("", "")
        yield "Form", f"ONNX, opset {opset}, {form.precision}{quantized}; {size(facts.bytes)}"
    else:
        yield "Form", f"skops; {size(facts.bytes)}"
    day = datetime.fromisoformat(source.committed)
    yield "Commit", (Code(source.commit), f" of {day:%-d %B %Y}")
    outcome = " ".join(OUTCOMES.get(manifest.verdict, ("", manifest.verdict)))  # type: ignore[call-overload] # a word of another version is shown as it is
    yield "Checked", (outcome, *_why_warned(facts))
    if manifest.tested is not None:
        yield "Tested", f"gives all {count(manifest.tested, 'row')} of the evaluated predictions"
    yield "Licence", manifest.license or "not stated"


def _why_warned(facts: CardFacts) -> Iterator[str | Code]:
    """What did not simply pass: gates by name, else the stages that warned."""
    doubts = {"failed": "not passed", "inconclusive": "inconclusive"}
    gates = [one for one in facts.manifest.gates if one.result in doubts]
    said = [(Code(one.name), f" {doubts[one.result]}") for one in gates]
    said += [(Code(name), " warned") for name in facts.warned if name != "compare" or not gates]
    for at, pieces in enumerate(said if facts.manifest.verdict == "warn" else ()):
        yield ", " if at else ": "
        yield from pieces


def _use(facts: CardFacts) -> Iterator[str]:
    program = usage.code(facts.manifest, facts.profile)
    packages = usage.packages(facts.manifest, facts.needed)
    yield f"Needs `pip install {packages}`. In the folder of the bundle:"
    yield escape.fence(program.rstrip(), "python")
    if facts.modules:
        names = listed([escape.code(name) for name in facts.modules], most=len(facts.modules))
        where = escape.code(facts.manifest.source.commit[:12])
        yield f"It also needs the project's own code, to be imported as {names}: commit {where}."
    if facts.manifest.why_native:
        why = " ".join(filter(None, (facts.manifest.why_native, facts.native_hint)))
        yield f"It is not ONNX: {escape.message(why)}"


def _inputs(facts: CardFacts) -> Iterator[str]:
    seen = {one.name: one for one in facts.profile.features}
    inputs = facts.manifest.signature.inputs
    order: Sequence[Numbers | Categories] = ()
    if len(inputs) == 1 and inputs[0].shape[1:] != (1,):
        order = usage.columns(inputs[0], facts.profile)
        how = f"One matrix of {inputs[0].shape[-1]:,} columns{', in this order' if order else ''}"
    else:
        how = "Columns by name"
    yield (
        f"{how}, a row for each prediction. Ranges and frequent values are those of "
        f"the {count(facts.profile.rows, 'row')} that the model was tested on; outside of them "
        "nothing is known of it."
    )
    rows = []
    for one in inputs:
        missing = "may be missing" if one.nullable else "required"
        rows.append((Code(one.name), one.dtype, missing, _values(one, seen.get(one.name))))
    yield table(("input", "type", "", "values"), rows)
    places = [
        (str(at), Code(seen.name), _values(inputs[0], seen)) for at, seen in enumerate(order, 1)
    ]
    yield table(("place", "column of the evaluation data", "values"), places, "rll")


def _values(one: InputSpec, seen: Numbers | Categories | None) -> tuple[str, ...]:
    """What the model knows: the categories that it was fitted with, or the range in the data."""
    if one.categories is not None:
        return _some([str(value) for value in one.categories])
    if isinstance(seen, Numbers):
        if seen.min is None or seen.max is None:
            return ("no finite value",)
        return (f"{_end(seen.min)} to {_end(seen.max)}",)
    return _some(list(seen.values)) if seen and seen.values else ("",)


def _end(value: float) -> str:
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def _some(values: list[str]) -> tuple[str, ...]:
    shown = values[: _MOST_CATEGORIES if len(values) > _MOST_CATEGORIES + 1 else None]
    pieces = [piece for value in shown for piece in (", ", Code(value))][1:]
    more = len(values) - len(shown)
    return (*pieces, f" and {more:,} more") if more else tuple(pieces)


def _outputs(manifest: Manifest) -> Iterator[tuple[object, ...]]:
    for one in manifest.signature.outputs:
        columns = one.shape[1] if len(one.shape) > 1 else None
        what = {
            "label": "the answer",
            "probability": "probability of each class, in the order above",
            "score": "score of each class, in the order above",
            "value": "the answer",
        }[one.meaning]
        yield Code(one.name), one.dtype, f"{what}; {columns} columns" if columns else what


def _metrics(facts: CardFacts) -> Iterator[str]:
    manifest = facts.manifest
    sure = manifest.confidence
    ends = [f"{percent(sure)} interval"] if sure else []
    rows = [
        (_title(one), number(one.value), interval(one.value, one.low, one.high))[: 2 + len(ends)]
        for one in by_weight(manifest)
    ]
    yield table(("metric", "value", *ends), rows, "lrl"[: 2 + len(ends)])
    for at in range(0, len(facts.pictures), 2):
        pair = facts.pictures[at : at + 2]
        yield table([escape.markdown(one.title) for one in pair], [[_image(one) for one in pair]])


def _image(picture: Picture) -> Markup:
    # A pipe would end the cell of the table.
    alt = escape.html(picture.description).replace("|", Markup("&#124;"))
    return Markup('<img alt="{}" src="{}">').format(alt, picture.path)


def _title(metric: MetricValue) -> object:
    title = metric_title(metric.name)
    text = escape.markdown(Code(title) if title == metric.name else title)
    return Markup("**{}**").format(text) if metric.configured else text


def _gates(manifest: Manifest) -> Iterator[str]:
    """What was decided; behind a line what had nothing to be held against."""
    decided = [one for one in manifest.gates if one.result != "not decided"]
    others = [one for one in manifest.gates if one.result == "not decided"]
    yield table(("gate", "result", ""), map(_gate, decided))
    title = f"{count(len(others), 'gate')} with nothing to be held against"
    yield folded(title, table(("gate", "result", ""), map(_gate, others)))


def _gate(one: GateResult) -> tuple[object, ...]:
    return Code(one.name), f"{_ICONS[one.result]} {one.result}", escape.message(one.message)


def _training(manifest: Manifest) -> Iterator[str]:
    source = manifest.source
    tracked = (source.model, *source.data)
    yield "What DVC has under these digests, at the commit:"
    yield table(
        ("path", "MD5", "size"),
        [
            (Code(one.path), Code(one.md5), size(one.bytes) if one.bytes is not None else "")
            for one in tracked
        ],
        "llr",
    )
    if source.parameters:
        yield "Parameters, as the stages last ran with them:"
        yield table(
            ("parameter", "value"),
            [(Code(name), Code(value)) for name, value in source.parameters.items()],
        )


def _parity(manifest: Manifest) -> Iterator[str]:
    parity = manifest.parity
    allowed = parity.tolerance
    yield (
        f"Model and {escape.code(manifest.model)} were asked about the same rows, those included "
        "that are hard to get right. Labels are equal; numbers differ by at most "
        f"{allowed.absolute:g} + {allowed.relative:g} x |number|."
    )
    rows = []
    for one in parity.rows:
        furthest = [out.max_absolute for out in one.outputs if out.max_absolute is not None]
        refused = f"{one.undefined:,}" if one.undefined else ""
        wrong = max((out.mismatches for out in one.outputs), default=0)
        most = f"{max(furthest):.2g}" if furthest else ""
        rows.append((one.name, f"{one.count:,}", refused, f"{wrong:,}", most))
    head = ("rows", "count", "refused by the model", "mismatches", "largest difference")
    yield table(head, rows, "lrrrr")
    if manifest.conversion is not None:
        yield "\n".join(f"- {escape.message(change)}" for change in manifest.conversion.changes)


def _environment(facts: CardFacts) -> Iterator[str]:
    environment = facts.manifest.environment
    serving = [f"{escape.code(name)} {escape.markdown(v)}" for name, v in facts.needed.items()]
    if serving:
        yield f"Serving needs {listed(serving, most=len(serving))}."
    yield folded(
        f"Trained and exported with Python {escape.html(environment.python)} and "
        f"{count(len(environment.packages), 'package')}",
        table(
            ("package", "version"),
            # A long table is cut: what serving takes stands first.
            [
                (Code(name), version)
                for name, version in sorted(
                    environment.packages.items(), key=lambda one: one[0] not in facts.needed
                )
            ],
        ),
    )


def _verify(facts: CardFacts) -> Iterator[str]:
    yield (
        "`assay verify FOLDER --key assay.pub` checks every file of this folder against its digest "
        "in `manifest.json`, and who signed it, without any network. `assay.pub` is the key of who "
        "releases the model: get it from them, and not from beside the bundle. A workflow that "
        "signed is checked with `--identity WORKFLOW`; of what nobody signed, `--unsigned` tells "
        "that it is whole. "
        "The digest of `manifest.json` is the address of the bundle; the folder's name ends in its "
        "first twelve characters."
    )
    yield _VERIFY
    files = [f"`{BOM}` (CycloneDX)", "`parity.json`", "`profile.json` (what the data looked like)"]
    if facts.licenses:
        files.append(f"{count(len(facts.licenses), 'licence')} in `licenses/`")
    yield f"Beside this card there are {listed(files)}."
