"""The compatibility namespace: `import airflow` and everything below it, made of Tradewind's own objects."""
