"""Functions that run in another Python: one made for them, or one that is there."""
