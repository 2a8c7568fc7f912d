"""Commands that look at DAGs without running them: what is deprecated in them, and what would wait for what."""
