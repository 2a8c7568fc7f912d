"""Sending a mail through an SMTP server, which the options of section `smtp` or a connection name."""

from __future__ import annotations

import logging
import smtplib
import ssl

from tradewind.sdk.exceptions import AirflowConfigException, AirflowNotFoundException
from tradewind.sdk.hooks import BaseHook
from tradewind.sdk.mail.message import build_mime_message, get_email_address_list
from tradewind.sdk.toolkit.configuration import conf
from tradewind.sdk.toolkit.loading import import_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.mime.multipart import MIMEMultipart
    from typing import Any

_BACKEND = "airflow.utils.email.send_email_smtp"
_CONN_ID = "smtp_default"
_log = logging.getLogger("airflow.task.mail")


class SmtpServer:
    """How the SMTP server is reached.

    A connection that has a host says everything, as in Airflow 3: `disable_ssl` and `disable_tls`, `timeout`,
    `retry_limit` and `from_email` are in its extra. Otherwise the options say it, and a connection only who logs in.
    """

    def __init__(self, conn_id: str | None) -> None:
        connection = _connection(conn_id)
        self.host: str = conf.get("smtp", "smtp_host", fallback="localhost")
        self.port: int = conf.getint("smtp", "smtp_port", fallback=25)
        self.is_ssl: bool = conf.getboolean("smtp", "smtp_ssl", fallback=False)
        self.starts_tls: bool = conf.getboolean("smtp", "smtp_starttls", fallback=True)
        self.timeout_s: float = conf.getfloat("smtp", "smtp_timeout", fallback=30)
        self.retry_limit: int = conf.getint("smtp", "smtp_retry_limit", fallback=5)
        self.user: str | None = conf.get("smtp", "smtp_user", fallback=None)
        self.password: str | None = conf.get("smtp", "smtp_password", fallback=None)
        self.mail_from: str | None = conf.get("smtp", "smtp_mail_from", fallback=None)
        if connection is not None:
            self._take(connection)

    def _take(self, connection: Any) -> None:
        if connection.login and connection.password:
            self.user, self.password = connection.login, connection.password
        if not connection.host:
            return
        extra: dict[str, Any] = connection.extra_dejson
        self.host = connection.host
        self.is_ssl = not extra.get("disable_ssl", False)
        self.starts_tls = not extra.get("disable_tls", False)
        self.port = connection.port or (smtplib.SMTP_SSL_PORT if self.is_ssl else smtplib.SMTP_PORT)
        self.timeout_s = float(extra.get("timeout", self.timeout_s))
        self.retry_limit = int(extra.get("retry_limit", self.retry_limit))
        self.mail_from = extra.get("from_email") or self.mail_from

    def send(self, sender: str, recipients: list[str], message: str) -> None:
        """Send the mail; a server that hangs up is tried again. Raises `smtplib.SMTPException` and OSError."""
        for attempt in range(1, self.retry_limit + 1):
            _log.info("Mail to %s by %s:%s, attempt %s", recipients, self.host, self.port, attempt)
            try:
                with self._open() as server:
                    if self.starts_tls and not self.is_ssl:
                        server.starttls(context=_ssl_context())
                    if self.user and self.password:
                        server.login(self.user, self.password)
                    server.sendmail(sender, recipients, message)
            except smtplib.SMTPServerDisconnected:
                if attempt == self.retry_limit:
                    raise
            else:
                return

    def _open(self) -> smtplib.SMTP:
        if self.is_ssl:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=_ssl_context())
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)


def _connection(conn_id: str | None) -> Any:
    try:
        return BaseHook.get_connection(conn_id) if conn_id else None
    except AirflowNotFoundException:
        return None


def _ssl_context() -> ssl.SSLContext | None:
    """Return how the server's certificate is checked. Raises `AirflowConfigException` for an option that says neither."""
    wanted = conf.get("email", "ssl_context", fallback="default")
    if wanted not in {"default", "none"}:
        raise AirflowConfigException(f"[email] ssl_context must be 'default' or 'none', it is {wanted!r}")
    return ssl.create_default_context() if wanted == "default" else None


def send_email(  # noqa: PLR0913, PLR0917 - Airflow's signature
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: list[str] | None = None,
    dryrun: bool = False,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    conn_id: str | None = None,
    custom_headers: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Send a mail by the function that the option email.email_backend names: `send_email_smtp` as a rule."""
    name = conf.get("email", "email_backend", fallback=_BACKEND)
    backend = send_email_smtp if name == _BACKEND else import_string(name)
    return backend(
        ", ".join(get_email_address_list(to)),
        subject,
        html_content,
        files=files,
        dryrun=dryrun,
        cc=cc,
        bcc=bcc,
        mime_subtype=mime_subtype,
        mime_charset=mime_charset,
        conn_id=conn_id or conf.get("email", "email_conn_id", fallback=_CONN_ID),
        from_email=conf.get("email", "from_email", fallback=None),
        custom_headers=custom_headers,
        **kwargs,
    )


def send_email_smtp(  # noqa: PLR0913, PLR0917 - Airflow's signature
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: list[str] | None = None,
    dryrun: bool = False,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    conn_id: str = _CONN_ID,
    from_email: str | None = None,
    custom_headers: dict[str, Any] | None = None,
    **_unused: Any,
) -> None:
    """Send a mail through SMTP; with `dryrun` make it only. Raises `AirflowConfigException` without a sender."""
    sender = SmtpServer(conn_id).mail_from or from_email
    if not sender:
        raise AirflowConfigException("a mail needs a sender: set [smtp] smtp_mail_from, or from_email")
    message, recipients = build_mime_message(
        mail_from=sender,
        to=to,
        subject=subject,
        html_content=html_content,
        files=files,
        cc=cc,
        bcc=bcc,
        mime_subtype=mime_subtype,
        mime_charset=mime_charset,
        custom_headers=custom_headers,
    )
    send_mime_email(sender, recipients, message, conn_id=conn_id, dryrun=dryrun)


def send_mime_email(
    e_from: str, e_to: str | list[str], mime_msg: MIMEMultipart, conn_id: str = _CONN_ID, dryrun: bool = False
) -> None:
    """Send a mail that is made already; with `dryrun` do nothing."""
    if not dryrun:
        SmtpServer(conn_id).send(e_from, get_email_address_list(e_to), mime_msg.as_string())
