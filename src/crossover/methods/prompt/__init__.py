"""Methods that leave the weights alone."""
