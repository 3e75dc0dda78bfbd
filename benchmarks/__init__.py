"""One module a capability, each with `run(bench)`; the numbers that the project promises."""
