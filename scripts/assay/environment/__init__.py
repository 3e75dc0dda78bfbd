"""Builds the two environments that the actions run in, and starts a verb in the right one.

It runs before any environment exists, by whatever `python3` the machine has: the standard library
alone, and nothing newer than Python 3.9, although the rest of the package is for 3.11 and later.
"""

PROBLEM = "environment-problem.json"
"""Beside the record: why the project's environment could not be built."""
