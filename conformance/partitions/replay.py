"""The same questions asked of Tradewind's partition mappers, windows and wait policies."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tradewind.core.timetables.partitions import mappers, policies, temporal, windows

from conformance.partitions.questions import (
    answers_about_mapper,
    answers_about_policies,
    answers_about_windows,
    questions,
)

EXPECTED = Path(__file__).parents[1] / "expected" / "partitions-3.3.2.json.gz"
CLASSES = {
    name: found
    for module in (mappers, policies, temporal, windows)
    for name, found in vars(module).items()
    if isinstance(found, type)
}


def recorded() -> dict[str, Any]:
    """Return the answers of Airflow, by the name of the question."""
    return json.loads(gzip.decompress(EXPECTED.read_bytes()))


def answered() -> dict[str, Any]:
    """Return the answers of Tradewind, by the name of the question."""
    answers = {name: answers_about_mapper(part, keys, CLASSES) for name, part, keys in questions()}
    return answers | {"windows": answers_about_windows(CLASSES), "policies": answers_about_policies(CLASSES)}
