"""`data:` of `assay.yaml` as frozen models. Their docstrings are its documentation."""

from __future__ import annotations

from pydantic import Field

from assay.configmodels import Documented, File, Strings


class DataSpec(Documented):
    """Data that is validated, and the Pandera schema that it must satisfy."""

    path: str = Field(min_length=1)
    """A file (CSV, Parquet, Arrow, JSON lines), a folder of Parquet files, or a glob over several
    files, relative to `assay.yaml`."""
    pandera_schema: str = Field(alias="schema", min_length=1)
    """`file.py:Name`, `package.module:Name`, or a Pandera YAML or JSON file."""
    sensitive: Strings = ()
    """Columns whose values are never shown."""
    key: Strings = ()
    """The columns that identify a row, to tell changed rows from new ones."""
    label: str | None = None
    """The column that the model learns, whose balance is reported."""
    disjoint_from: File | None = None
    """A file that must not have a row of this one: the training data of evaluation data."""
