"""The server: one process that answers requests with one version of one model."""
