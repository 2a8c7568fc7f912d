"""What the scheduler has called in a worker: callbacks of authors, for whom a process of theirs cannot any more."""
