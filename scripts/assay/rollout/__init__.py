"""A version reaches users step by step, judged against the one before it; a bad one goes away."""
