"""Plots of a report as images that its comment can show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from assay.connection import connect
from assay.errors import ForgeError
from assay.forge import assets
from assay.forge.assetplan import Stored, has_note, known
from assay.forge.comment import marker
from assay.report import pictures
from assay.stages.report import plot_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.context import Context
    from assay.forge.transport import Api
    from assay.report.images import Image, Picture


@dataclass(frozen=True)
class Illustrations:
    """Pictures where a comment can show them."""

    images: tuple[Image, ...] = ()
    note: str = ""
    """A line for the comment that nobody sees: which pictures it shows."""


def illustrate(context: Context) -> Illustrations:
    """The pictures of a report, stored where its comment can show them; none where that cannot be.

    Nothing is sent for pictures that the comment shows already.
    """
    ci, record = context.ci, context.record
    if ci.host != "github" or ci.repository is None or ci.pull_request is None:
        return Illustrations()
    try:
        forge = connect(ci, context.environ)
        shown = forge.present(ci.pull_request, marker(record.comment_key))
        with forge.api("pictures") as api:
            if not has_note(shown):
                assets.ask(api, ci.repository)
            return _stored(context, api, shown)
    except ForgeError as error:
        # Expected where the job may only read, as the starter has it: charts stand in for images.
        why = error.message.rstrip(".")
        context.console.line(f"Plots are shown as charts, not as images: {why}.")
        return Illustrations()


def _stored(context: Context, api: Api, shown: str) -> Illustrations:
    ci, record = context.ci, context.record
    return place(
        context,
        api,
        ci.repository or "",
        pictures.of(record, plot_files(record, context.workspace.state)),
        key=record.comment_key,
        pull_request=ci.pull_request,
        shown=shown,
    )


def place(
    context: Context,
    api: Api,
    repository: str,
    drawn: Sequence[Picture],
    *,
    key: str,
    shown: str,
    pull_request: int | None = None,
) -> Illustrations:
    """Pictures, stored where they can be linked, unless what is shown has the very same.

    Args:
        context: The run.
        api: The connection; its token needs `contents: write`.
        repository: `owner/name`.
        drawn: The pictures.
        key: What they are of: newer ones take the place of older ones.
        shown: The text that shows them, as it stands.
        pull_request: The number, of a report.

    Raises:
        ForgeError: They may not be stored.
    """
    if not drawn:
        return Illustrations()
    files = {path: content for one in drawn for path, content in one.files.items()}
    now = datetime.now(UTC)
    stored = known(shown, files, now=now)
    if stored is None:
        commit = assets.store(
            api, repository, files=files, key=key, pull_request=pull_request, now=now
        )
        stored = Stored.of(commit, files, now)
    url = partial(assets.url, context.ci.server_url, repository, stored.commit)
    return Illustrations(tuple(one.published(url) for one in drawn), stored.note)
