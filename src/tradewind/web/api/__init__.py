"""The operations of Airflow's REST API, in the shapes of its OpenAPI document, by subject."""
