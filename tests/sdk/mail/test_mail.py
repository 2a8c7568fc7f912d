"""Mail that tasks send, as a mail server takes it."""

from __future__ import annotations

import importlib
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.mail.message import build_mime_message, get_email_address_list
from tradewind.sdk.mail.operator import EmailOperator
from tradewind.sdk.mail.sending import send_email, send_email_smtp, send_mime_email

from tests.sdk.mail.smtp_server import SmtpServer
from tests.sdk.stage import Stage


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    server = SmtpServer()
    for name, value in {
        "SMTP__SMTP_HOST": "127.0.0.1",
        "SMTP__SMTP_PORT": str(server.port),
        "SMTP__SMTP_STARTTLS": "False",
        "SMTP__SMTP_MAIL_FROM": "dags@example.com",
    }.items():
        monkeypatch.setenv(f"AIRFLOW__{name}", value)
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "smtp://")
    yield server
    server.close()


def test_a_task_sends_a_mail(server: SmtpServer, tmp_path: Path) -> None:
    stage = Stage()
    report = tmp_path / "report.csv"
    report.write_text("a,b\n")
    task = EmailOperator(
        task_id="m",
        dag=stage.dag,
        to="one@example.com; two@example.com",
        cc=["three@example.com"],
        bcc="four@example.com",
        subject="Run of {{ ds }}",
        html_content="<b>{{ dag.dag_id }} ✓</b>",
        files=[str(report)],
        custom_headers={"X-Team": "data"},
    )
    assert stage.run(task).error is None
    everybody = [f"{name}@example.com" for name in ("one", "two", "three", "four")]
    assert server.envelopes == [("dags@example.com", everybody)]
    (mail,) = server.mails
    assert (mail["Subject"], mail["To"], mail["CC"], mail["BCC"]) == (
        "Run of 2024-03-05",
        "one@example.com, two@example.com",
        "three@example.com",
        None,
    )
    assert (mail["X-Team"], mail["From"]) == ("data", "dags@example.com")
    text, attached = mail.iter_parts()
    assert (text.get_content_type(), text.get_content().strip()) == ("text/html", "<b>d ✓</b>")
    assert (attached.get_filename(), attached.get_content()) == ("report.csv", b"a,b\n")
    assert server.logins == []


def test_a_login_comes_from_the_options_or_the_connection(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_USER", "u")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PASSWORD", "p")
    monkeypatch.setenv("AIRFLOW_CONN_MAILER", "smtp://who:secret@")
    send_email("a@example.com", "s", "c")
    send_email(["a@example.com"], "s", "c", conn_id="mailer")
    assert server.logins == [("u", "p"), ("who", "secret")]


def test_a_connection_with_a_host_says_everything(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "nowhere.invalid")
    extra = "disable_ssl=true&disable_tls=true&from_email=conn%40example.com&retry_limit=2&timeout=5"
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", f"smtp://127.0.0.1:{server.port}/?{extra}")
    server.refusals = 1
    send_email("a@example.com", "s", "c")
    assert server.envelopes == [("conn@example.com", ["a@example.com"])]


def test_a_server_that_hangs_up_is_tried_again_so_often(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_RETRY_LIMIT", "3")
    server.refusals = 2
    send_email("a@example.com", "s", "c")
    assert len(server.mails) == 1
    server.refusals = 3
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send_email("a@example.com", "s", "c")


def test_encryption_is_asked_for(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_STARTTLS", "True")
    with pytest.raises(smtplib.SMTPNotSupportedError):
        send_email("a@example.com", "s", "c")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_SSL", "True")
    with pytest.raises(OSError, match=r"(?i)ssl"):
        send_email("a@example.com", "s", "c")
    monkeypatch.setenv("AIRFLOW__EMAIL__SSL_CONTEXT", "none")
    with pytest.raises(OSError, match=r"(?i)ssl"):
        send_email("a@example.com", "s", "c")
    monkeypatch.setenv("AIRFLOW__EMAIL__SSL_CONTEXT", "some")
    with pytest.raises(AirflowConfigException, match="ssl_context must be 'default' or 'none', it is 'some'"):
        send_email("a@example.com", "s", "c")
    assert server.mails == []


@pytest.mark.usefixtures("server")
def test_a_dry_run_sends_nothing(server: SmtpServer) -> None:
    send_email("a@example.com", "s", "c", dryrun=True)
    message, _ = build_mime_message("f@example.com", "a@example.com", "s", "c")
    send_mime_email("f@example.com", "a@example.com", message, dryrun=True)
    assert server.mails == []


def test_a_mail_needs_a_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_MAIL_FROM", "")
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "smtp://")
    with pytest.raises(AirflowConfigException, match="needs a sender"):
        send_email_smtp("a@example.com", "s", "c", dryrun=True)
    send_email_smtp("a@example.com", "s", "c", dryrun=True, from_email="f@example.com")


def test_another_backend_can_send(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own_backend.py").write_text(
        "calls = []\ndef send(*args, **kwargs):\n    calls.append((args, kwargs))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AIRFLOW__EMAIL__EMAIL_BACKEND", "own_backend.send")
    monkeypatch.setenv("AIRFLOW__EMAIL__FROM_EMAIL", "f@example.com")
    send_email(["a@example.com", "b@example.com"], "s", "c", cc="x@example.com", more=1)
    ((args, kwargs),) = importlib.import_module("own_backend").calls
    assert args == ("a@example.com, b@example.com", "s", "c")
    assert (kwargs["cc"], kwargs["from_email"], kwargs["more"], kwargs["conn_id"]) == (
        "x@example.com",
        "f@example.com",
        1,
        "smtp_default",
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a@b.c", ["a@b.c"]),
        (" a@b.c , d@e.f;g@h.i ; ", ["a@b.c", "d@e.f", "g@h.i"]),
        (("a@b.c", "d@e.f"), ["a@b.c", "d@e.f"]),
        ("", []),
    ],
)
def test_addresses(given: Any, expected: list[str]) -> None:
    assert get_email_address_list(given) == expected


@pytest.mark.parametrize("given", [5, [5], None], ids=repr)
def test_what_are_no_addresses(given: Any) -> None:
    with pytest.raises(TypeError):
        get_email_address_list(given)
