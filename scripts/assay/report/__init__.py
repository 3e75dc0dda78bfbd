"""Reports: pure functions of the RunRecord. Nothing here reads or writes a file.

`view` says what a report contains, as plain values; one module a format says how it looks.
This module imports none of them, so it costs nothing.
"""
