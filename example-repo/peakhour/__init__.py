"""Which hours of the day will see peak demand for shared bikes."""
