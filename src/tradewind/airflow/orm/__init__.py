"""What Airflow's DAG files find around its database: sessions."""
