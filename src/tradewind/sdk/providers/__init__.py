"""What provider packages and Airflow's core ask of each other: what is installed, and what providers call in the core."""
