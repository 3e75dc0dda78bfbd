"""What a change of a schema does to the data that it accepts.

`describe` turns a loaded schema into facts, in the process that may run the user's code; `compare`
holds two descriptions against each other; `revisions` does both for base and head.
"""
