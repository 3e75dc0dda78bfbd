"""What changed in the data: two versions of a table compared, out of core, by DuckDB."""

from __future__ import annotations

from assay.datadiff.compare import compare, leakage

__all__ = ["compare", "leakage"]
