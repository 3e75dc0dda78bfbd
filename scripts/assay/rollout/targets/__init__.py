"""Where versions run, each kind of place behind the protocol of `base.py`."""
