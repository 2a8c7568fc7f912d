"""What the scheduler has called in a worker because no process of a task can: callbacks of DAGs, of lost tries, ..."""
