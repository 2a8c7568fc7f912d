"""Ask real Airflow's partition mappers, windows and wait policies.

Run with an interpreter that has apache-airflow-core 3.3.2 installed:

    PYTHONPATH=. python conformance/partitions/record.py conformance/expected/partitions-3.3.2.json.gz

The file is one object: by the name of a question its answers, as `questions` makes them; a text that begins with `!` is the
exception that Airflow raised.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

from airflow.partition_mappers import (
    allowed_key,
    chain,
    fixed_key,
    identity,
    product,
    temporal,
    wait_policy,
    window,
)
from airflow.partition_mappers import base as bases

from conformance.partitions.questions import (
    answers_about_mapper,
    answers_about_policies,
    answers_about_windows,
    questions,
)

MODULES = (bases, allowed_key, chain, fixed_key, identity, product, temporal, wait_policy, window)
CLASSES = {name: found for module in MODULES for name, found in vars(module).items() if isinstance(found, type)}


def main(path: Path) -> None:
    """Write the answers."""
    answers = {name: answers_about_mapper(part, keys, CLASSES) for name, part, keys in questions()}
    answers |= {"windows": answers_about_windows(CLASSES), "policies": answers_about_policies(CLASSES)}
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(json.dumps(answers, separators=(",", ":")).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
