"""State that a task keeps between its tries, and that an asset keeps between tasks."""
