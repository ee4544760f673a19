"""Methods that do both at once, or one after the other."""
