"""One module a stage: `run(context) -> Section`, and the model of that section."""
