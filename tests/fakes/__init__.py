"""Stand-ins for the outside world that keep its rules: state, limits, errors."""
