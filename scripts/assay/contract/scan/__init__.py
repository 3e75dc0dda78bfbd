"""A schema as one query: what it promises is compiled, and only what fails is looked at again."""
