"""The web server: Airflow's REST API and one page, from the database alone."""
