"""Data that another DAG waits for: every success of `write_orders` is an event of the asset, and each starts `report`."""

from datetime import datetime, timezone

from airflow.sdk import DAG, Asset, Metadata, task

orders = Asset("example_orders", uri="file:///tmp/example_orders.json", group="example")

with DAG(
    "example_assets",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    tags=["example"],
    doc_md=__doc__,
):

    @task(outlets=[orders])
    def write_orders(dag_run=None):
        """What is yielded goes with the event, for whoever reads it."""
        yield Metadata(orders, extra={"count": dag_run.run_after.minute})

    write_orders()

with DAG(
    "example_assets_consumer",
    schedule=orders,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    tags=["example"],
    doc_md=__doc__,
):

    @task(inlets=[orders])
    def report(triggering_asset_events=None):
        for asset, events in triggering_asset_events.items():
            for event in events:
                print(f"{asset.name}: {event.extra['count']} orders, from run {event.source_run_id}")

    report()
