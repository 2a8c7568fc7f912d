"""Operators that ask a person and go on with the answer.

While they wait they hold no worker and no trigger: the task instance is in the state awaiting_input, and goes on within
milliseconds of the answer, or when `response_timeout` is over.
"""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlencode, urlsplit, urlunsplit

from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.param import NOTSET, ParamsDict
from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.exceptions import TaskAwaitingInput
from tradewind.sdk.humans.errors import HITLRejectException, HITLTimeoutError, HITLTriggerEventError
from tradewind.sdk.notifier import BaseNotifier
from tradewind.sdk.operators.branch import BranchMixIn, SkipMixin
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import timedelta
    from typing import Any


class HITLUser(TypedDict):
    """A person who may answer, by the id of the user."""

    id: str
    name: str


class HITLOperator(BaseOperator):
    """Asks a person to choose among `options`, and to fill a form of `params`; its XCom is the answer.

    `subject` and `body` (Markdown) are what the person reads; both are templates. With `multiple` several options may
    be chosen. `assigned_users` are those who may answer; without any, whoever may. `notifiers` are called when the
    question is put. After `response_timeout` the `defaults` are the answer, where there are any; else the task fails.

    Raises ValueError for no options, defaults that are no options, and a param named `_options`.
    """

    template_fields: Sequence[str] = ("subject", "body")

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        subject: str,
        options: list[str],
        body: str | None = None,
        defaults: str | list[str] | None = None,
        multiple: bool = False,
        params: ParamsDict | dict[str, Any] | None = None,
        notifiers: Sequence[BaseNotifier] | BaseNotifier | None = None,
        assigned_users: HITLUser | list[HITLUser] | None = None,
        response_timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.execution_timeout and not response_timeout:
            note_deprecated(
                f"{type(self).__name__}(execution_timeout=...)", "response_timeout=", since="3.3", removed_in="4.0"
            )
            response_timeout, self.execution_timeout = self.execution_timeout, None
        self.response_timeout = response_timeout
        self.subject = subject
        self.body = body
        self.options = options
        self.defaults = [defaults] if isinstance(defaults, str) else defaults
        self.multiple = multiple
        # Of the form only: what the DAG has for params is no question to the person.
        self.params = ParamsDict.filter_params_by_source(ParamsDict(dict((params or {}).items())), source="task")
        self.notifiers: Sequence[BaseNotifier] = (
            [notifiers] if isinstance(notifiers, BaseNotifier) else list(notifiers or [])
        )
        self.assigned_users: list[HITLUser] | None = (
            [assigned_users] if isinstance(assigned_users, dict) else assigned_users
        )
        self.validate_options()
        self.validate_params()
        self.validate_defaults()
        self.hitl_summary_extra: dict[str, Any] = {}
        """What subclasses, and the run, add to the summary."""

    @property
    def hitl_summary(self) -> dict[str, Any]:
        """The question as it stands, and once there is one the answer: for listeners."""
        return {
            "subject": self.subject,
            "body": self.body,
            "options": self.options,
            "defaults": self.defaults,
            "multiple": self.multiple,
            "assigned_users": self.assigned_users,
            "serialized_params": self.serialized_params or None,
            **self.hitl_summary_extra,
        }

    @property
    def serialized_params(self) -> dict[str, dict[str, Any]]:
        """The fields of the form: value, description and schema of each."""
        return {
            name: {
                "value": None if param.value is NOTSET else param.value,
                "description": param.description,
                "schema": param.schema,
            }
            for name, param in self.params.items()
        }

    def validate_options(self) -> None:
        """Raise ValueError where there is nothing to choose."""
        if not self.options:
            raise ValueError('"options" cannot be empty.')

    def validate_params(self) -> None:
        """Raise ValueError for a field whose name the form needs itself."""
        if "_options" in self.params:
            raise ValueError('"_options" is not allowed in params')

    def validate_defaults(self) -> None:
        """Raise ValueError for defaults that could not be chosen."""
        if self.defaults is None:
            return
        if not set(self.defaults).issubset(self.options):
            raise ValueError(f'defaults "{self.defaults}" should be a subset of options "{self.options}"')
        if not self.multiple and len(self.defaults) > 1:
            raise ValueError('More than one defaults given when "multiple" is set to False.')

    def execute(self, context: Any) -> Any:
        """Put the question and leave the worker. Raises `TaskAwaitingInput`."""
        self.log.info("Waiting for response")
        for notifier in self.notifiers:
            notifier(context)
        raise TaskAwaitingInput(
            method_name="execute_complete",
            timeout=self.response_timeout,
            question={
                "subject": self.subject,
                "body": self.body,
                "options": list(self.options),
                "defaults": self.defaults,
                "multiple": self.multiple,
                "params": self.serialized_params,
                "assigned_users": [dict(user) for user in self.assigned_users or ()],
            },
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:  # noqa: ARG002 - subclasses use the context
        """Return the answer. Raises `HITLTimeoutError` where there is none, ValueError where it makes no sense."""
        if "error" in event:
            self.hitl_summary_extra["error_type"] = event["error_type"]
            self.process_trigger_event_error(event)
        chosen_options = event["chosen_options"]
        params_input: dict[str, Any] = event["params_input"] or {}
        self.validate_chosen_options(chosen_options)
        self.validate_params_input(params_input)
        answer: dict[str, Any] = {
            "chosen_options": chosen_options,
            "params_input": params_input,
            "responded_at": event["responded_at"],
            "responded_by_user": event["responded_by_user"],
        }
        self.hitl_summary_extra |= {**answer, "responded_at": event["responded_at"].isoformat()}
        return answer

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Raise `HITLTimeoutError` or `HITLTriggerEventError`, as the event says."""
        raise (HITLTimeoutError if event["error_type"] == "timeout" else HITLTriggerEventError)(event)

    def validate_chosen_options(self, chosen_options: list[str]) -> None:
        """Raise ValueError for what was no option."""
        strange = set(chosen_options) - set(self.options)
        if strange:
            raise ValueError(f"Responses {strange} not in {self.options}")

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Raise ValueError for another form, `ParamValidationError` for a value that breaks a field's schema."""
        if self.params and params_input and set(self.params) != set(params_input):
            raise ValueError(f"params_input {params_input} does not match params {self.params}")
        for name, value in params_input.items():
            self.params[name] = value

    def generate_link_to_ui(
        self,
        *,
        task_instance: Any,
        base_url: str | None = None,
        options: str | list[str] | None = None,
        params_input: dict[str, Any] | None = None,
    ) -> str:
        """Return the address of the page on which this question is answered, with options and fields filled in.

        Raises ValueError for options and fields that the question does not have.
        """
        query: dict[str, Any] = {}
        options = [options] if isinstance(options, str) else options
        if options:
            _require(options, self.options, "options")
            query["_options"] = options
        if params_input:
            _require(params_input, self.params, "params")
            query |= params_input
        base = base_url or conf.get("api", "base_url", fallback="")
        if not base:
            raise ValueError("there is no base_url: set the option api.base_url, or pass base_url=")
        query["map_index"] = task_instance.map_index
        parts = urlsplit(base)
        ti = task_instance
        path = f"/dags/{ti.dag_id}/runs/{ti.run_id}/tasks/{ti.task_id}/required_actions"
        return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), ""))

    @staticmethod
    def generate_link_to_ui_from_context(
        *,
        context: Any,
        base_url: str | None = None,
        options: list[str] | None = None,
        params_input: dict[str, Any] | None = None,
    ) -> str:
        """Return the same for the task of a context. Raises ValueError where that asks nobody."""
        task = context["task"]
        if not isinstance(task, HITLOperator):
            raise ValueError(f"task {task.task_id!r} is no HITLOperator: it has no page to answer on")  # noqa: TRY004 - Airflow's
        return task.generate_link_to_ui(
            task_instance=context["task_instance"], base_url=base_url, options=options, params_input=params_input
        )


class ApprovalOperator(HITLOperator, SkipMixin):
    """Asks to approve or to reject. Rejected, the tasks directly after it are skipped.

    With `ignore_downstream_trigger_rules` all tasks after it are, at any distance; with `fail_on_reject` the task fails
    instead. Raises ValueError for `options` and `multiple`, which are given.
    """

    inherits_from_skipmixin = True
    APPROVE = "Approve"
    REJECT = "Reject"
    FIXED_ARGS = ("options", "multiple")

    def __init__(
        self, *, ignore_downstream_trigger_rules: bool = False, fail_on_reject: bool = False, **kwargs: Any
    ) -> None:
        for name in self.FIXED_ARGS:
            if name in kwargs:
                raise ValueError(f"Passing {name} to ApprovalOperator is not allowed.")
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules
        self.fail_on_reject = fail_on_reject
        super().__init__(options=[self.APPROVE, self.REJECT], multiple=False, **kwargs)
        self.hitl_summary_extra["ignore_downstream_trigger_rules"] = ignore_downstream_trigger_rules
        self.hitl_summary_extra["fail_on_reject"] = fail_on_reject

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Return the answer; skip what comes after a refusal. Raises `HITLRejectException` where that is to fail."""
        answer = super().execute_complete(context=context, event=event)
        is_approved = answer["chosen_options"][0] == self.APPROVE
        self.hitl_summary_extra["approved"] = is_approved
        if is_approved:
            self.log.info("Approved. Proceeding with downstream tasks...")
            return answer
        if self.fail_on_reject:
            raise HITLRejectException('Receive "Reject"')
        task = context["task"]
        below = (
            task.get_flat_relatives(upstream=False)
            if self.ignore_downstream_trigger_rules
            else task.get_direct_relatives(upstream=False)
        )
        self.log.info("Skipping downstream tasks")
        self.skip(ti=context["ti"], tasks=[other for other in below if not other.is_teardown])
        return answer


class HITLBranchOperator(HITLOperator, BranchMixIn):
    """Asks which of the tasks after it to run: options are their ids, or labels that `options_mapping` gives ids.

    Raises ValueError for a mapping of what is no option, and to what is no text.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, options_mapping: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options_mapping = options_mapping or {}
        self.validate_options_mapping()
        self.hitl_summary_extra["options_mapping"] = self.options_mapping

    def validate_options_mapping(self) -> None:
        """Raise ValueError for a mapping that makes no sense."""
        strange = sorted(self.options_mapping.keys() - set(self.options))
        if strange:
            raise ValueError(f"`options_mapping` contains keys that are not in `options`: {strange}")
        wrong = {
            key: (value, type(value).__name__)
            for key, value in self.options_mapping.items()
            if not isinstance(value, str)  # pyright: ignore[reportUnnecessaryIsInstance] - authors'
        }
        if wrong:
            raise ValueError(f"`options_mapping` values must be strings (task_ids).\nInvalid entries: {wrong}")

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Follow the branches that were chosen and return them."""
        answer = super().execute_complete(context=context, event=event)
        branches = [self.options_mapping.get(option, option) for option in answer["chosen_options"]]
        self.hitl_summary_extra["branches_to_execute"] = branches
        return self.do_branch(context=context, branches_to_execute=branches)


class HITLEntryOperator(HITLOperator):
    """Asks to fill a form: the one option is OK, unless others are given."""

    OK = "OK"

    def __init__(self, **kwargs: Any) -> None:
        if "options" not in kwargs:
            kwargs["options"] = [self.OK]
            kwargs.setdefault("defaults", [self.OK])
        super().__init__(**kwargs)


def _require(given: Iterable[str], known: Collection[str], what: str) -> None:
    strange = set(given) - set(known)
    if strange:
        raise ValueError(f"{what} {strange} are not valid {what}")
