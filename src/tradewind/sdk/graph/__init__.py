"""A DAG as a graph: its order, its cycles, a part of it, a drawing of it. Knows nodes by their attributes only."""
