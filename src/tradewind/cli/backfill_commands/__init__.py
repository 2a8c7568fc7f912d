"""`tradewind backfill`, and Airflow 2's `dags backfill`."""
