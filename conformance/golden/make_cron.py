"""Write what croniter, which Airflow reads cron with, makes of some hundred expressions.

Run with an interpreter that has croniter 7 installed (apache-airflow-core 3.3.2 brings it):

    python conformance/golden/make_cron.py tests/core/golden/cron.json

Each line of `matches` is [expression, start, [three next], [three previous]], in ISO time of a wall clock; `refused` are
expressions that croniter does not accept.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

COUNT = 420
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAY_FORMS = ("l", "15,l", "?", "w15", "31W", "1w", "25-l", "1-7")
WEEKDAY_FORMS = ("?", "l5", "mon#2", "L7", "2#5", "mon#1,fri#3", "MON-WED#2", "l0,1#1", "1-5", "0-7", "sat-mon")
REFUSED = [
    *("* * * *", "* * * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *"),
    *("* * * * 8", "*/0 * * * *", "*/x * * * *", "a * * * *", "* * * foo *", "* * * * foo", "1- * * * *", "-1 * * * *"),
    *(
        "* * * * mon#6",
        "* * * * mon#0",
        "* * 15w,3 * *",
        "* * 32w * *",
        "* * * * mon,tue#2",
        "? * * * *",
        "* * ?,3 * *",
    ),
    *(
        "@dayly",
        "",
        "1,,2 * * * *",
        "* * w * *",
        "* * l-3 * *",
        "* * * * l",
        "5/* * * * *",
        "* * * * * 60",
        "1.5 * * * *",
    ),
]


def item(rng: random.Random, low: int, high: int, names: tuple[str, ...]) -> str:
    """Give one member of a list: a star, a value or a range, with or without a step."""

    def value() -> str:
        return rng.choice(names) if names and rng.random() < 0.2 else str(rng.randint(low, high))

    forms = (
        "*",
        f"*/{rng.randint(1, high + 2)}",
        value(),
        value(),
        f"{value()}-{value()}",
        f"{value()}-{value()}/{rng.randint(1, 8)}",
        f"{value()}/{rng.randint(1, 9)}",
    )
    return rng.choice(forms)


def field(rng: random.Random, low: int, high: int, names: tuple[str, ...] = (), forms: tuple[str, ...] = ()) -> str:
    """Give one field."""
    if rng.random() < 0.3:
        return "*"
    if forms and rng.random() < 0.3:
        return rng.choice(forms)
    return ",".join(item(rng, low, high, names) for _ in range(rng.choice((1, 1, 1, 2, 3))))


def expression(rng: random.Random) -> str:
    """Give an expression of five fields, or six."""
    fields = [
        field(rng, 0, 59),
        field(rng, 0, 23),
        field(rng, 1, 31, forms=DAY_FORMS),
        field(rng, 1, 12, MONTHS),
        field(rng, 0, 7, WEEKDAYS, WEEKDAY_FORMS),
    ]
    return " ".join([*fields, field(rng, 0, 59)] if rng.random() < 0.15 else fields)


def main() -> None:
    """Write the file named on the command line."""
    rng = random.Random(20240331)
    matches: list[str] = []
    while len(matches) < COUNT:
        text = expression(rng)
        start = datetime.fromisoformat("2000-01-01") + timedelta(
            seconds=rng.randint(0, 10**9), microseconds=rng.choice((0, 0, 5))
        )
        if rng.random() < 0.3:
            start = start.replace(second=0, microsecond=0)
        try:
            forward, backward = croniter(text, start), croniter(text, start)
            following = [forward.get_next(datetime).isoformat() for _ in range(3)]
            preceding = [backward.get_prev(datetime).isoformat() for _ in range(3)]
        except (CroniterBadCronError, CroniterBadDateError):
            continue
        matches.append(json.dumps([text, start.isoformat(), following, preceding], separators=(",", ":")))
    for text in REFUSED:
        try:
            croniter(text)
        except CroniterBadCronError:
            continue
        raise SystemExit(f"croniter accepts {text!r}")
    body = ",\n".join(matches)
    Path(sys.argv[1]).write_text(
        f'{{"croniter": "7.0.0", "refused": {json.dumps(REFUSED)},\n"matches": [\n{body}\n]}}\n'
    )


if __name__ == "__main__":
    main()
