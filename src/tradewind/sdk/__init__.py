"""What DAG authors use. Standard library only at module level: importing it costs every parse and every worker."""
