"""Methods without adaptation of a model: what must be beaten."""
