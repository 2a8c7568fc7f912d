"""Rules that authors and installations put around tasks: retries by exception, priority weights, cluster policies."""
