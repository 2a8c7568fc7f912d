"""Tradewind: runs Apache Airflow DAG files on a control plane of its own."""
