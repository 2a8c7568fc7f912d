"""The answers of humans: what they may be, and how a task that waits is told of one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.serialization.formats import format_checker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tradewind.serialization.messages import HumanQuestion

_TOO_LATE = "The Human-in-the-loop response timeout has passed without a response."


class AnswerError(ValueError):
    """The answer does not fit the question."""


def check_answer(question: HumanQuestion, chosen_options: Sequence[str], params_input: Mapping[str, Any]) -> None:
    """Raise `AnswerError` with one sentence unless the answer fits: options, their number, and the form's fields."""
    if not chosen_options:
        raise AnswerError(f"no option is chosen: choose of {question.options}")
    strange = sorted(set(chosen_options) - set(question.options))
    if strange:
        raise AnswerError(f"Invalid options {strange}; allowed options are {sorted(question.options)}.")
    if not question.multiple and len(chosen_options) > 1:
        raise AnswerError("Multiple options chosen but this Human-in-the-loop task accepts only a single option.")
    if params_input and set(params_input) != set(question.params):
        raise AnswerError(f"the form has the fields {sorted(question.params)}, not {sorted(params_input)}")
    for name, value in params_input.items():
        _check_field(name, question.params[name], value)


def default_input(question: HumanQuestion) -> dict[str, Any]:
    """Return the form as it is when nobody fills it."""
    return {name: field.get("value") for name, field in question.params.items()}


def answer_event(
    chosen_options: Sequence[str],
    params_input: Mapping[str, Any],
    responded_at: datetime,
    responded_by: Mapping[str, str] | None,
    *,
    timed_out: bool = False,
) -> bytes:
    """Return the event with which the task goes on, written as XComs are."""
    return msgspec.json.encode(
        {
            "chosen_options": list(chosen_options),
            "params_input": dict(params_input),
            # The envelope of a date, by the name and version that XComs have for it.
            "responded_at": {
                "__classname__": "datetime.datetime",
                "__version__": 2,
                "__data__": {
                    "timestamp": responded_at.timestamp(),
                    "tz": ["UTC", "pendulum.tz.timezone.FixedTimezone", 1, True],
                },
            },
            "responded_by_user": None if responded_by is None else dict(responded_by),
            "timedout": timed_out,
        },
    )


def too_late_event() -> bytes:
    """Return the event of a question that nobody has answered and that has no defaults."""
    return msgspec.json.encode({"error": _TOO_LATE, "error_type": "timeout"})


def _check_field(name: str, field: Mapping[str, Any], value: Any) -> None:
    schema = field.get("schema")
    if not schema:
        return
    library = import_module("jsonschema")
    kind = library.validators.validator_for(schema)
    errors = kind(schema, format_checker=format_checker()).iter_errors(value)
    problem = next((str(error.message) for error in errors), None)
    if problem is not None:
        raise AnswerError(f"field {name!r} of the form: {problem}")
