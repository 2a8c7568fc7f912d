"""The pure core: what happens next, decided without I/O, clock or third-party code."""
