"""The footers of Parquet files: one schema, and what they tell of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import reader
from assay.contract.sources import tables
from assay.errors import DataError

if TYPE_CHECKING:
    from assay.contract.sources.files import Files, Part


@dataclass(frozen=True)
class Footers:
    """What is known of a table in Parquet before any row is read."""

    parts: tuple[Part, ...]
    metadata: tuple[Any, ...]
    """A `pyarrow.parquet.FileMetaData` for each part."""
    schema: Any
    """The `pyarrow.Schema` of all parts, with the metadata of the first."""

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(metadata.num_rows for metadata in self.metadata)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that the names of folders hold."""
        return tuple(dict.fromkeys(key for part in self.parts for key in part.partition))

    @property
    def names(self) -> list[str]:
        """The columns of the files, then `keys`."""
        return [*self.schema.names, *self.keys]

    @property
    def nullable(self) -> Any:
        """The schema, with nulls allowed."""
        import pyarrow as pa

        return pa.schema(
            [field.with_nullable(nullable=True) for field in self.schema], self.schema.metadata
        )


def read(files: Files, *, private: bool) -> Footers:
    """Read the footers of a table's parts.

    Raises:
        DataError: A part is damaged, or the parts have different columns.
    """
    metadata = tuple(_footer(part, private=private) for part in files.parts)
    schema = _common_schema(files, metadata)
    return Footers(parts=files.parts, metadata=metadata, schema=schema)


def _footer(part: Part, *, private: bool) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(part.open())
    except (pa.ArrowException, OSError, ValueError) as error:
        if part.stored is not None and not isinstance(error, pa.ArrowException):
            raise  # the remote's
        raise damaged(part.shown, error, private=private) from error


def damaged(shown: str, error: BaseException, *, private: bool) -> DataError:
    """A Parquet file cannot be read."""
    return DataError(
        f"{shown} is not a readable Parquet file{reader.because(error, private=private)}.",
        hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
    )


def _common_schema(files: Files, metadata: tuple[Any, ...]) -> Any:
    """The first part's Arrow schema; the others must not differ."""
    schemas = [each.schema.to_arrow_schema() for each in metadata]
    first = schemas[0]
    tables.refuse_repeated(first.names, files.shown)
    types = dict(zip(first.names, first.types, strict=True))
    for part, schema in zip(files.parts[1:], schemas[1:], strict=True):
        other = dict(zip(schema.names, schema.types, strict=True))
        for name in [*types, *other]:
            if types.get(name) != other.get(name):
                raise _mixed(files, part, name, (types.get(name), other.get(name)))
    for part in files.parts:
        for key in part.partition:
            if key in types:
                raise DataError(
                    f"{part.shown} has a column `{printable(key)}`, and a folder of that name.",
                    hint="Rename one of the two: readers differ in which one they take.",
                )
    return first


def _mixed(files: Files, part: Part, name: str, types: tuple[Any, Any]) -> DataError:
    ours, theirs = (
        "missing in" if type_ is None else f"{printable(str(type_))[:80]} in" for type_ in types
    )
    return DataError(
        f"The parts of {files.shown} have different schemas: column `{printable(name)}` is"
        f" {ours} {files.parts[0].shown}, and {theirs} {part.shown}.",
        hint="Write the parts with one schema, or give each kind an entry of its own.",
    )
