"""`tradewind dags`: what there is, when it runs, and running it."""
