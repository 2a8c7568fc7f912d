"""What follows a try: callbacks and their time limit, mails about failures, and what a retry policy decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.exceptions import AirflowFailException, AirflowTaskTimeout
from tradewind.sdk.notifier import BaseNotifier
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.policies.retries import (
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    RetryRule,
)
from tradewind.sdk.ports import install_worker_store
from tradewind.serialization.messages import Finished, RunCallback
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.calls.order import run_callback_order
from tradewind.worker.inline import callback_limit

from tests.sdk.mail.smtp_server import SmtpServer
from tests.worker.conftest import order_of

Run = Callable[..., Finished]


def fail(error: BaseException | None = None) -> Callable[[], None]:
    def call() -> None:
        raise error or ValueError("bad <data>")

    return call


# ---- callbacks -------------------------------------------------------------------------------------------------------


def hang(_context: Any) -> None:
    while True:
        time.sleep(60)


def test_a_callback_that_hangs_is_ended_and_the_next_is_called(
    dag: DAG, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []
    PythonOperator(
        task_id="t",
        dag=dag,
        python_callable=lambda: None,
        on_success_callback=[hang, lambda _context: called.append("next")],
    )
    assert run("t", options=WorkerOptions(callback_timeout_s=0.05)).outcome == "success"
    assert called == ["next"]
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage() == "Ended: on_success_callback hang took longer than 0.05 s"
    assert line.exc_info is None


def test_a_callback_that_hangs_before_the_task_lets_it_run(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: 1, on_execute_callback=hang)
    assert run("t", options=WorkerOptions(callback_timeout_s=0.05)).outcome == "success"


@pytest.mark.parametrize(("kind", "seen"), [("task", "task 1 failed"), ("dag", "dag 1 failed")])
def test_callbacks_about_a_mapped_instance_see_its_index(dag: DAG, store: MemoryStore, kind: str, seen: str) -> None:
    def note(context: Any, whose: str) -> None:
        called.append(f"{whose} {context['ti'].map_index} {context['ti'].state.value}")

    called: list[str] = []
    dag.on_failure_callback = lambda context: note(context, "dag")
    PythonOperator.partial(
        task_id="t", dag=dag, python_callable=print, on_failure_callback=lambda context: note(context, "task")
    ).expand(op_args=[[1], [2]])
    order = order_of("t")
    callback = RunCallback(
        callback_pk=1,
        dag_file=order.dag_file,
        dag_id="d",
        dag_run=order.dag_run,
        kind=kind,
        task_id="t",
        map_index=1,
        try_number=1,
        name="on_failure_callback",
        reason="lost",
        log_path="",
    )
    options = WorkerOptions()
    before = install_worker_store(store)
    try:
        done = run_callback_order(callback, lambda: dag, options, "here", callback_limit(options))
    finally:
        install_worker_store(before)
    assert (done.error, called) == (None, [seen])


class Note(BaseNotifier):
    """Keeps what it would send."""

    template_fields = ("text",)

    def __init__(self, text: str, sent: list[str]) -> None:
        super().__init__()
        self.text = text
        self.sent = sent

    def notify(self, context: Any) -> None:
        """Keep it."""
        self.sent.append(f"{self.text} {context['exception']}")


def test_notifiers_have_their_fields_rendered(dag: DAG, run: Run) -> None:
    sent: list[str] = []
    PythonOperator(
        task_id="t",
        dag=dag,
        python_callable=fail(),
        on_failure_callback=[Note("{{ ti.task_id }} {{ ti.state }}:", sent), Note("{{ run_id }}:", sent)],
    )
    run("t")
    assert sent == ["t failed: bad <data>", "r: bad <data>"]


# ---- mail ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    server = SmtpServer()
    for name, value in {
        "SMTP__SMTP_HOST": "127.0.0.1",
        "SMTP__SMTP_PORT": str(server.port),
        "SMTP__SMTP_STARTTLS": "False",
    }.items():
        monkeypatch.setenv(f"AIRFLOW__{name}", value)
    yield server
    server.close()


@pytest.mark.parametrize(
    ("fields", "arguments", "is_sent"),
    [
        ({}, {}, True),
        ({"max_tries": 1}, {}, True),
        ({}, {"email_on_failure": False}, False),
        ({"max_tries": 1}, {"email_on_retry": False}, False),
        ({"max_tries": 1}, {"email_on_failure": False}, True),
    ],
)
def test_a_mail_tells_of_a_failed_try(
    dag: DAG, run: Run, server: SmtpServer, fields: dict[str, Any], arguments: dict[str, Any], is_sent: bool
) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=fail(), email="a@b.de, c@d.fr", **arguments)
    run("t", **fields)
    assert [recipients for _, recipients in server.envelopes] == [["a@b.de", "c@d.fr"]] * is_sent
    for mail in server.mails:
        text = mail.get_body(("html",)).get_content()
        assert mail["Subject"].startswith("Airflow alert: <TaskInstance: d.t r [")
        assert f"try 1 out of {fields.get('max_tries', 0) + 1}" in text
        assert "bad &lt;data&gt;" in text
        assert "/dags/d/runs/r/tasks/t" in text


def test_no_mail_tells_of_success(dag: DAG, run: Run, server: SmtpServer) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: None, email="a@b.de")
    assert not run("t").ready_follows
    assert server.mails == []


def test_the_installation_words_the_mail(
    dag: DAG, run: Run, server: SmtpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, text in (("subject", "{{ dag.dag_id }} failed\n"), ("html_content", "{{ exception_html }} {{ ds }}")):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(f"AIRFLOW__EMAIL__{name.upper()}_TEMPLATE", str(tmp_path / name))
    PythonOperator(task_id="t", dag=dag, python_callable=fail(), email=["a@b.de"])
    run("t")
    (mail,) = server.mails
    assert (mail["Subject"], mail.get_body(("html",)).get_content().strip()) == (
        "d failed",
        "bad &lt;data&gt; 2026-11-22",
    )


def test_a_mail_that_cannot_be_sent_is_logged(
    dag: DAG, run: Run, server: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refusals = 100
    PythonOperator(task_id="t", dag=dag, python_callable=fail(), email="a@b.de")
    assert run("t").outcome == "failed"
    assert "the mail about the try failed" in caplog.text


# ---- retry policies --------------------------------------------------------------------------------------------------


class Asked(RetryPolicy):
    """Answers as it is told and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> Any:
        """Return the answer, or raise it."""
        self.asked.append((exception, try_number, max_tries, context["ti"].task_id))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "outcome", "delay_s", "error"),
    [
        (RetryDecision.fail("hopeless"), "fail_without_retry", None, "ValueError: bad <data> (hopeless)"),
        (RetryDecision.retry(timedelta(seconds=90)), "failed", 90, "ValueError: bad <data>"),
        (RetryDecision.retry(reason="again"), "failed", None, "ValueError: bad <data> (again)"),
        (RetryDecision.default(), "failed", None, "ValueError: bad <data>"),
        (KeyError("x"), "failed", None, "ValueError: bad <data> (retry policy failed: KeyError: 'x')"),
        ("retry", "failed", None, "ValueError: bad <data> (retry policy failed: TypeError: evaluate() has"),
    ],
)
def test_the_policy_decides(dag: DAG, run: Run, answer: Any, outcome: str, delay_s: float | None, error: str) -> None:
    policy = Asked(answer)
    called: list[str] = []
    PythonOperator(
        task_id="t",
        dag=dag,
        python_callable=fail(),
        retry_policy=policy,
        on_retry_callback=lambda _context: called.append("retry"),
        on_failure_callback=lambda _context: called.append("failure"),
    )
    end = run("t", max_tries=3, try_number=2)
    assert end.outcome == outcome
    assert called == ["failure" if outcome == "fail_without_retry" else "retry"]
    ((exception, *rest),) = policy.asked
    assert (str(exception), rest) == ("bad <data>", [2, 3, "t"])
    assert (end.error or "").startswith(error)
    if delay_s is None:
        assert end.retry_at is None
    else:
        assert end.retry_at is not None
        assert timedelta(0) <= end.ended_at + timedelta(seconds=delay_s) - end.retry_at < timedelta(seconds=1)


def test_the_policy_is_not_asked_where_the_meaning_is_clear(dag: DAG, run: Run) -> None:
    policy = Asked(RetryDecision.retry())
    PythonOperator(task_id="t", dag=dag, python_callable=fail(AirflowFailException("no")), retry_policy=policy)
    assert run("t", max_tries=3).outcome == "fail_without_retry"
    assert policy.asked == []


@pytest.mark.parametrize("exception", [[KeyError, "builtins.ValueError"], ValueError, "builtins.Exception"])
def test_rules_match_by_class_and_by_path(dag: DAG, run: Run, exception: Any) -> None:
    policy = ExceptionRetryPolicy([RetryRule(OSError), RetryRule(exception, RetryAction.FAIL)])
    PythonOperator(task_id="t", dag=dag, python_callable=fail(), retry_policy=policy)
    end = run("t", max_tries=3)
    assert (end.outcome, end.error) == (
        "fail_without_retry",
        "ValueError: bad <data> (Matched rule for ValueError)",
    )


def test_rules_may_want_the_very_class() -> None:
    rule = RetryRule(LookupError, match_subclasses=False)
    assert rule.matches(LookupError())
    assert not rule.matches(KeyError())
    assert RetryRule(AirflowTaskTimeout).matches(AirflowTaskTimeout())
    assert not RetryRule("not.there.Error").matches(ValueError())
    with pytest.raises(ValueError, match="needs its module"):
        RetryRule("ValueError")


def test_a_policy_survives_its_plain_form() -> None:
    rules = [
        RetryRule([ValueError, "os.error"], RetryAction.RETRY, timedelta(minutes=5), "slow"),
        RetryRule("builtins.KeyError", RetryAction.FAIL, match_subclasses=False),
    ]
    again = ExceptionRetryPolicy.deserialize(ExceptionRetryPolicy(rules, RetryAction.FAIL).serialize())
    assert again.rules == rules
    assert again.default is RetryAction.FAIL


@pytest.mark.parametrize("policy", [ExceptionRetryPolicy, "retry", 5])
def test_what_is_no_policy_is_an_error_of_the_file(dag: DAG, policy: Any) -> None:
    with pytest.raises(TypeError, match=r"task_id: t.*retry_policy has to be an instance of a RetryPolicy"):
        PythonOperator(task_id="t", dag=dag, python_callable=fail(), retry_policy=policy)
