"""How things were written in earlier releases of Airflow."""
