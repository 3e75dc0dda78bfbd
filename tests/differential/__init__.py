"""The scan against Pandera itself: schemas and data made by the thousand, the same answer each.

`python -m tests.differential --cases 50000 --seed 1` looks at many, and prints the smallest case of
each kind that differs.
"""
