"""What has to lie at the path that it has in Airflow: other tools know it by the name of its file."""
