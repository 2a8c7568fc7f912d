"""SubDAGs of Airflow 1 and 2: DAGs that a task of another one runs."""
