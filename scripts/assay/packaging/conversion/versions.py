"""What scikit-learn computes has changed in places; models do not say who fitted them."""

from __future__ import annotations


def before(*version: int) -> bool:
    """Whether scikit-learn is older than a version, as (1, 5)."""
    from sklearn import __version__

    return tuple(int(part) for part in __version__.split(".")[:2]) < version
