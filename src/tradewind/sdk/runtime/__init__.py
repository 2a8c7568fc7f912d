"""What a running task sees: its context, templates, macros, DAG run and XComs."""
