"""What authors write DAGs with: DAG, operators, task groups, TaskFlow, params, edges."""
