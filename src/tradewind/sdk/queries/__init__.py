"""What Airflow's DAG files ask its database, answered through the worker store: columns, conditions, queries, sessions."""
