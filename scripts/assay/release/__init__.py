"""Versions of a model as tags of GTO, and releases of them."""
