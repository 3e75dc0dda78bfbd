"""Training anew on new data, and the pull request that comes of it.

`decision.py` says whether, `changes.py` what is new, `branch.py` puts it on a branch without ever
touching what a person did there, `merging.py` says whether a person is needed at all. The checks of
the pull request are the ordinary ones.
"""
