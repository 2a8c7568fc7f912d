"""One module per kind of question; each workload returns flat figures under the names that are published."""
