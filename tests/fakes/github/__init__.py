"""GitHub, as far as its REST API can tell; see `tests.fakes.github_api`."""
