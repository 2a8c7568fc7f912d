"""The triggerer's child: the only process that imports triggers, and the loop in which all of them run."""
