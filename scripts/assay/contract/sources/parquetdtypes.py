"""Parquet as pandas sees it, before any row is read.

What the columns become is not worked out here: a tiny file with the same schema is read by pandas
itself, once without rows and once with nulls.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from assay.contract.sources import frames, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.contract.sources.footers import Footers


def empty(footers: Footers) -> Any:
    """No rows, and the dtypes and index that reading everything with pandas gives."""
    import pandas as pd

    full, null = _tiny(footers, rows=0), _tiny(footers, rows=1)
    indexed = frames.index_columns(footers.schema)
    doubtful = [str(name) for name in full.columns if full[name].dtype != null[name].dtype]
    with_nulls = _with_nulls(footers, [*doubtful, *indexed])
    found = (null if with_nulls & set(indexed) else full).iloc[:0].copy()
    for name in found.columns:
        found[name] = (null if str(name) in with_nulls else full)[name].iloc[:0].array
        if isinstance(found[name].dtype, pd.CategoricalDtype):
            found[name] = found[name].astype(_categorical(footers, str(name)))
    for key in footers.keys:
        found[key] = pd.Series([], dtype=_partition_dtype(footers, key), index=found.index)
    whole = frames.stored_range(footers.schema, footers.rows)
    if whole is not None:
        found.index = whole[:0]
    return found


def _tiny(footers: Footers, rows: int) -> Any:
    """A file with this schema and a row of nulls, or none, as pandas reads it."""
    import pyarrow as pa

    nulls = [pa.nulls(rows, type_) for type_ in footers.schema.types]
    return _by_pandas(pa.table(nulls, schema=footers.nullable))


def _with_nulls(footers: Footers, names: Sequence[str]) -> set[str]:
    """Those of some columns that hold a null: from the footers, where they tell."""
    found, unknown = set(), set()
    for metadata in footers.metadata:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            # A column of lists or structs has other paths than its own.
            leaves = {group.column(n).path_in_schema: n for n in range(group.num_columns)}
            for name in names:
                counted = group.column(leaves[name]).statistics if name in leaves else None
                if counted is None or not counted.has_null_count:
                    unknown.add(name)
                elif counted.null_count:
                    found.add(name)
    return found | _counted_nulls(footers, sorted(unknown - found))


def _counted_nulls(footers: Footers, names: Sequence[str]) -> set[str]:
    import pyarrow.parquet as pq

    found = set()
    for part in footers.parts if names else ():
        with pq.ParquetFile(part.open()) as file:
            for batch in file.iter_batches(columns=list(names)):
                found |= {name for name in names if batch.column(name).null_count}
    return found


def _categorical(footers: Footers, name: str) -> Any:
    """The dtype of a column of categories: all of them, in the order of the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    field = footers.nullable.field(name)
    chunks = []
    for part in footers.parts:
        with pq.ParquetFile(part.open()) as file:
            for group in range(file.num_row_groups):
                column = file.read_row_group(group, columns=[name]).column(name)
                chunks += [chunk[:0] for chunk in column.chunks]
    values = pa.chunked_array(chunks, type=field.type).unify_dictionaries()
    none = pa.array([], field.type.value_type)
    known = values.chunk(0).dictionary if values.num_chunks else none
    codes = pa.array(range(len(known)), pa.int32())
    every = pa.DictionaryArray.from_arrays(codes, known, ordered=field.type.ordered)
    return _by_pandas(pa.table([every], schema=pa.schema([field])))[name].dtype


def _partition_dtype(footers: Footers, key: str) -> Any:
    """As pyarrow: categories in the order of the files, whole numbers where all are."""
    import pandas as pd
    import pyarrow as pa

    values = dict.fromkeys(part.partition.get(key) for part in footers.parts)
    known = [value for value in values if value is not None]
    whole = tables.all_whole(known)
    array = pa.array([int(value) for value in known], pa.int32()) if whole else pa.array(known)
    codes = pa.array(range(len(known)), pa.int32())
    table = pa.table({key: pa.DictionaryArray.from_arrays(codes, array)})
    return pd.CategoricalDtype(table.to_pandas()[key].cat.categories, ordered=False)


def _by_pandas(table: Any) -> Any:
    import pandas as pd

    return pd.read_parquet(written(table))


def written(table: Any) -> io.BytesIO:
    """An Arrow table as a Parquet file in memory."""
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(table, content)
    return io.BytesIO(content.getvalue())
