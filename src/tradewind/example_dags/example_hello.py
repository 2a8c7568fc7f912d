"""The smallest useful DAG: three functions, whose calls make the edges and pass the values."""

from datetime import datetime, timezone

from airflow.sdk import dag, task


@dag(schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), tags=["example"])
def example_hello():
    """Count the words of a sentence.

    What `extract` returns is stored as an XCom and handed to `count_words`; the order follows from that.
    """

    @task
    def extract():
        return "the wind carries the ship and the ship carries the grain"

    @task
    def count_words(text: str):
        counts = {}
        for word in text.split():
            counts[word] = counts.get(word, 0) + 1
        return counts

    @task
    def report(counts: dict):
        for word, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"{count} x {word}")

    report(count_words(extract()))


example_hello()
