"""One file of the prediction log, while it is written: Parquet or JSON lines.

It has a name that begins with a dot and ends in `.part` until it is whole. Then it is brought to
the disk and renamed, which is one step: who reads the folder sees whole files only.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Literal, Protocol

from assay.serving import predictiontable
from assay.serving.background import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.serving.predictiontable import Layout

Form = Literal["parquet", "jsonl"]
GROUP = 10_000
"""Rows of a row group; what waits for one is in memory."""
_ARROW = {"timestamp": ("timestamp", "us", "UTC"), "bool": ("bool_",)}


class LogFile(Protocol):
    """A file that is being written. What fails raises OSError."""

    rows: int
    """That it has, or holds back."""

    @property
    def size(self) -> int:
        """Bytes on the disk so far."""

    def add(self, found: Mapping[str, Any]) -> None:
        """Write columns as `predictiontable.columns` gives them."""

    def finish(self, target: Path) -> None:
        """Make it whole, under this name."""

    def abandon(self) -> int:
        """Leave nothing of it that is not whole; returns how many rows are lost."""


def opened(form: Form, scratch: Path, layout: Layout) -> LogFile:
    """A new file.

    Raises:
        OSError: It cannot be made.
    """
    scratch.parent.mkdir(parents=True, exist_ok=True)
    return Parquet(scratch, layout) if form == "parquet" else Lines(scratch)


class Lines:
    """JSON lines. After a failure it ends with its last whole line, and goes on from there."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.rows = 0
        self.size = 0

    def add(self, found: Mapping[str, Any]) -> None:
        """Write rows; all of them, or none."""
        lines = list(predictiontable.lines(found))
        self.add_text(Text(len(lines), b"".join(lines)))

    def add_text(self, text: Text) -> None:
        """Write rows that are lines already; all of them, or none."""
        content = memoryview(text.content)
        done = 0
        try:
            while done < len(content):
                done += os.write(self._fd, content[done:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += done
        self.rows += text.lines

    def finish(self, target: Path) -> None:
        """Bring it to the disk, and rename it."""
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
        self._scratch.replace(target)

    def abandon(self) -> int:
        """Its lines are whole: what reads the folder after the next start gets them."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
        return 0


class Parquet:
    """Parquet, which is nothing until its last bytes are written."""

    def __init__(self, scratch: Path, layout: Layout) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._pyarrow: Any = pa
        self._types = {name: _arrow(pa, dtype) for name, dtype in layout.types.items()}
        self._scratch = scratch
        self._file = os.fdopen(
            os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640), "wb"
        )
        self._writer: Any = parquet.ParquetWriter(
            self._file, pa.schema(list(self._types.items())), compression="zstd"
        )
        self._held: list[Any] = []
        self._held_rows = 0
        self.rows = 0

    @property
    def size(self) -> int:
        """Bytes on the disk so far."""
        return self._file.tell()

    def add(self, found: Mapping[str, Any]) -> None:
        """Hold rows back until they are a row group."""
        table = self._pyarrow.table(
            {name: self._array(found[name], kind) for name, kind in self._types.items()}
        )
        self._held.append(table)
        self._held_rows += len(table)
        if self._held_rows >= GROUP:
            self._group()
        self.rows += len(table)

    def _array(self, values: Any, kind: Any) -> Any:
        if self._pyarrow.types.is_timestamp(kind):
            values = [round(value * 1_000_000) for value in values]
        if getattr(values, "dtype", None) in (None, object):
            return self._pyarrow.array(values, type=kind, from_pandas=True)
        # A graph may compute in another width than its signature says.
        return self._pyarrow.array(values, from_pandas=True).cast(kind)

    def _group(self) -> None:
        if self._held:
            held, self._held, self._held_rows = self._held, [], 0
            self._writer.write_table(self._pyarrow.concat_tables(held))

    def finish(self, target: Path) -> None:
        """Write the footer, bring it to the disk, and rename it."""
        self._group()
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._scratch.replace(target)

    def abandon(self) -> int:
        """Nobody can read a part of it."""
        for end in (self._writer.close, self._file.close):
            with contextlib.suppress(OSError):
                end()
        with contextlib.suppress(OSError):
            self._scratch.unlink(missing_ok=True)
        return self.rows


def _arrow(pyarrow: Any, dtype: str) -> Any:
    name, *args = _ARROW.get(dtype, (dtype,))
    return getattr(pyarrow, name)(*args)
