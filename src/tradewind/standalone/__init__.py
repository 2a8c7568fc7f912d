"""The composition root: reads the settings, builds each process and wires its ports."""
