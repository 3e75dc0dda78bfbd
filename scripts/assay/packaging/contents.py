"""What a bundle holds beside the model: everything that is said of it.

What does not depend on the export is found while the export runs (`known`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import evaluation
from assay.packaging import bom, card, kept, licenses, pictures, skopsfile
from assay.packaging.bundle import sha256
from assay.packaging.licenses import Installed
from assay.packaging.manifest import GateResult
from assay.packaging.modelfile import BOM, CARD
from assay.packaging.profile import FILE as PROFILE
from assay.packaging.profile import Profile
from assay.section import Status
from assay.stages.report import plot_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from assay.context import Context
    from assay.evaluation import Found
    from assay.evidence import FairnessFact, SliceEvidence
    from assay.packaging.facts import Parity
    from assay.packaging.kept import Kept
    from assay.packaging.manifest import Manifest
    from assay.packaging.pictures import Picture
    from assay.record import RunRecord
    from assay.stats.alone import Interval

PARITY = "parity.json"


@dataclass(frozen=True)
class Known:
    """What is known of a model before it is exported."""

    intervals: Mapping[str, Interval]
    """By metric."""
    pictures: Sequence[Picture]
    installed: Installed
    own_license: Mapping[str, bytes]
    """Texts by file of the bundle."""
    kept: Kept
    """For a monitor."""


def known(context: Context, head: Found | None = None) -> Known:
    """Find it.

    Args:
        context: After the evaluation.
        head: Its predictions; by default those of the project's file.

    Raises:
        PredictionsError: The column `group` is missing, or has rows without a value.
    """
    workspace, record = context.workspace, context.record
    top = Path(workspace.git.text("rev-parse", "--show-toplevel") or workspace.root)
    found = head or evaluation.read(workspace.root, workspace.head_files(), context.config)
    return Known(
        intervals=_intervals(context, found),
        pictures=pictures.of(record, plot_files(record, workspace.state)),
        installed=Installed.here(),
        own_license=licenses.of_project(workspace.root, top),
        kept=_kept(context, found),
    )


def _kept(context: Context, found: Found) -> Kept:
    """What a monitor needs of the evaluation."""
    record, hidden = context.record, sensitive(context.record)
    importance = record.evaluate.importance if record.evaluate else None
    whole = kept.of(found.predictions, importance, sensitive=hidden)
    parts = kept.sliced(found, context.config, sensitive=hidden)
    told = {"slices": parts.slices, "confidence": parts.confidence}
    return whole.model_copy(update=told)


def _intervals(context: Context, found: Found) -> dict[str, Interval]:
    """Of the metrics that the predictions gave."""
    record, config = context.record, context.config
    evaluated = record.evaluate.head if record.evaluate else None
    own = {name for name, spec in config.metrics.items() if spec.function}
    recomputed = [one.name for one in (evaluated.metrics if evaluated else ()) if one.recomputed]
    if not (names := [name for name in recomputed if name not in own]):
        return {}
    from assay.inference.samples import samples
    from assay.stats.alone import intervals

    rows = samples(found, None, config, {})
    if rows is None:
        return {}
    head_rows = rows.head
    return intervals(
        head_rows.predictions, metrics=names, settings=rows.settings, groups=head_rows.groups
    )


def sensitive(record: RunRecord) -> frozenset[str]:
    """Columns whose values are told nowhere."""
    return frozenset(name for data in record.config.data for name in data.sensitive)


def gates(record: RunRecord) -> Iterator[GateResult]:
    """What the gates decided; of slices and groups of sensitive columns without their values."""
    hidden = sensitive(record)
    for one in record.compare.gates if record.compare else ():
        is_told = one.column not in hidden and _is_told(one.slice or "", hidden)
        shown = one if is_told else one.model_copy(update={"slice": None})
        message = one.message if is_told else "Not told: it is of a column that is sensitive."
        yield GateResult(name=shown.name, result=one.result, message=message)


def files(
    manifest: Manifest,
    exported: Path,
    record: RunRecord,
    beside: Known,
    *,
    labels: Sequence[str] = (),
    hint: str | None = None,
) -> dict[str, bytes | Path]:
    """The files of a bundle, but for its manifest.

    Args:
        manifest: Of the bundle, as yet without files.
        exported: The folder with the model's file and its profile.
        record: The run.
        beside: What was known before.
        labels: Of the model.
        hint: Of a native bundle: what would make it ONNX.
    """
    model, profile = exported / manifest.model, exported / PROFILE
    needed = beside.installed.needed(manifest.kind, manifest.estimator)
    texts = {**beside.own_license, **dict(beside.installed.texts(needed))}
    hidden = sensitive(record)
    facts = card.CardFacts(
        manifest=manifest,
        profile=Profile.model_validate_json(profile.read_bytes()),
        bytes=model.stat().st_size,
        needed=needed,
        slices=_shown(record, hidden),
        fairness=_groups(record, hidden),
        pictures=beside.pictures,
        licenses=sorted(texts),
        labels=labels,
        # Not what packaging came to the last time.
        warned=[
            name
            for name, one in record.sections()
            if one.status is Status.WARN and name != "package"
        ],
        modules=_own_modules(model) if manifest.kind == "native" else (),
        native_hint=hint,
    )
    listed = bom.of(
        manifest,
        installed=beside.installed,
        needed=needed,
        sha256=sha256(model),
        pictures={one.path: one.title for one in beside.pictures},
    )
    return {
        manifest.model: model,
        PROFILE: profile,
        PARITY: _parity(manifest.parity),
        kept.FILE: (beside.kept.model_dump_json() + "\n").encode(),
        CARD: card.render(facts).encode(),
        BOM: listed,
        **{one.path: one.content for one in beside.pictures},
        **texts,
    }


def _own_modules(model: Path) -> list[str]:
    """The modules that a native model needs, and that come with no package that we know."""
    strange = (name for name in skopsfile.needed(model) if not skopsfile.is_vouched(name))
    return sorted({name.rpartition(".")[0] or name for name in strange})


def _parity(parity: Parity) -> bytes:
    return (parity.model_dump_json(indent=1) + "\n").encode()


def _shown(record: RunRecord, hidden: Collection[str]) -> tuple[SliceEvidence, ...]:
    """Slices whose names, which are values, may be told."""
    found = record.evaluate.slices if record.evaluate else ()
    return tuple(one for one in found if _is_told(one.name, hidden))


def _is_told(name: str, hidden: Collection[str]) -> bool:
    """Whether the name of a slice, as `season = 3`, speaks of no hidden column."""
    return not any(column in name for column in hidden)


def _groups(record: RunRecord, hidden: Collection[str]) -> tuple[FairnessFact, ...]:
    found = record.evaluate.fairness if record.evaluate else ()
    return tuple(
        one.model_copy(update={"apart": None}) if one.column in hidden else one for one in found
    )
