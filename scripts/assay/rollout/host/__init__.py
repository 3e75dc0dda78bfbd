"""The agent that runs on a host: one folder, nginx in front, one server process a version.

It is reached in this process, or over SSH (`session.py`); `targets/host.py` is the caller's side.
"""
