"""Statistics: arrays in, numbers out, no input or output."""
