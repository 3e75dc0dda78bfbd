"""The footers of Parquet files: one schema, and what they tell of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import reader
from assay.contract.sources import tables
from assay.contract.sources.base import Known
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def known(footers: Footers, *, nan_is_null: bool) -> dict[str, Known]:
    """What statistics say of columns, where they surely speak of all rows.

    They leave NaN out, and may cut off texts.

    Args:
        footers: Of the table.
        nan_is_null: Whether NaN counts as null, which footers do not tell.
    """
    groups = [
        {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
        for metadata in footers.metadata
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        if group.num_rows
    ]
    # With a point it may be a part of a struct.
    plain = [field for field in footers.schema if "." not in field.name]
    return {field.name: _known(field, groups, nan_is_null=nan_is_null) for field in plain}


def _known(field: Any, groups: Sequence[Mapping[str, Any]], *, nan_is_null: bool) -> Known:
    import pyarrow as pa

    type_ = field.type
    moment = pa.types.is_timestamp(type_) and type_.tz is None
    floating = type_ in {pa.float32(), pa.float64()}
    plain = {pa.bool_(), pa.date32(), pa.string(), pa.large_string()}
    if not (moment or floating or pa.types.is_integer(type_) or type_ in plain):
        return Known()
    told = [(group[field.name].num_values, group[field.name].statistics) for group in groups]
    if any(each is None for _, each in told):
        return Known()
    least, most = None, None
    if moment or floating or pa.types.is_signed_integer(type_):
        least, most = _ends(told)
    untold = (floating and nan_is_null) or (moment and least is None)
    if untold or not all(each.has_null_count for _, each in told):
        return Known(least, most)
    return Known(least, most, sum(each.null_count for _, each in told))


def _ends(told: Sequence[tuple[int, Any]]) -> tuple[Any, Any]:
    """The least and the greatest value by the statistics of each row group, with its values."""
    ends: list[Any] = []
    for values, each in told:
        if not each.has_min_max:
            if each.has_null_count and each.null_count == values:
                continue
            return None, None
        try:
            ends += [each.min, each.max]
        except (ArithmeticError, ValueError):  # a time that Python has no form for
            return None, None
    if not ends or any(end != end for end in ends):  # noqa: PLR0124 (NaN, or no time)
        return None, None
    return min(ends), max(ends)


def _mixed(files: Files, part: Part, name: str, types: tuple[Any, Any]) -> DataError:
    ours, theirs = (
        "missing in" if type_ is None else f"{printable(str(type_))[:80]} in" for type_ in types
    )
    return DataError(
        f"{files.shown} has parts with different schemas: column `{printable(name)}` is"
        f" {ours} {files.parts[0].shown}, and {theirs} {part.shown}.",
        hint="Write the parts with one schema, or give each kind an entry of its own.",
    )
