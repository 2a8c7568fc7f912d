"""Settings: what can be configured, and where each value comes from. Standard library only."""
