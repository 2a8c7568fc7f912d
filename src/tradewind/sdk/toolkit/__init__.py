"""Small things that DAG files and provider packages import from `airflow.utils`."""
