"""Methods that train weights."""
