"""What changed in the data: two versions of a table compared, out of core, by DuckDB.

Nothing is imported here: the record needs `section` where there is neither numpy nor DuckDB.
"""
