"""What tasks wait for, as people and clients see it."""
