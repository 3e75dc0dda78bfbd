"""The data contract: the user's Pandera schema, the reading of data files, and the checks.

`python -m assay.contract` runs it in a process of its own; see `__main__.py` for the reason.
"""
