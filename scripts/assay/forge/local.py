"""A forge that is one file: what a laptop, or a CI host without an API, gets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.forge import Posted
from assay.forge.comment import encodable

if TYPE_CHECKING:
    from pathlib import Path


class LocalForge:
    """Writes the report to a file, whole or not at all.

    Args:
        path: The file. Its folder is created if need be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def upsert_comment(
        self,
        *,
        pull_request: int,  # noqa: ARG002 (one file, one report)
        body: str,
        marker: str,  # noqa: ARG002 (as above)
        sha: str | None = None,  # noqa: ARG002 (as above)
    ) -> Posted:
        """Write the body, without the marker: nothing has to be found again.

        Raises:
            ForgeError: The file cannot be written.
        """
        content = encodable(body if body.endswith("\n") else f"{body}\n").encode()
        try:
            before = self._path.read_bytes() if self._path.is_file() else None
            if before != content:
                self._replace(content)
        except OSError as error:
            raise ForgeError(
                f"cannot write the report to {self._path}: {error.strerror or error}",
                hint="Check that the folder exists, is writable, and has space left.",
            ) from error
        url = self._path.resolve().as_uri()
        if before is None:
            return Posted(action="created", url=url)
        return Posted(action="unchanged" if before == content else "updated", url=url)

    def _replace(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Beside its target, because a rename is atomic only within one file system.
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            draft.write_bytes(content)
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)
