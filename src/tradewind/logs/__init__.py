"""Task logs: where the log of a try lies, and how it is read, also while it is being written."""
