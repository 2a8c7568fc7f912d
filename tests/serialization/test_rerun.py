"""Who decides whether a run starts over with the newest version: the request, the DAG, the installation."""

from __future__ import annotations

import pytest

from tradewind.serialization.document import DagDocument
from tradewind.serialization.rerun import is_on_latest_version


@pytest.mark.parametrize(
    ("asked", "by_dag", "installation", "usually", "expected"),
    [
        (None, None, None, True, True),
        (None, None, None, False, False),
        (None, None, True, False, True),
        (None, False, True, True, False),
        (True, False, False, False, True),
        (False, True, True, True, False),
    ],
)
def test_the_nearest_word_counts(
    asked: bool | None, by_dag: bool | None, installation: bool | None, usually: bool, expected: bool
) -> None:
    document = DagDocument(dag_id="d", rerun_with_latest_version=by_dag)
    assert is_on_latest_version(document, asked=asked, installation=installation, usually=usually) is expected
