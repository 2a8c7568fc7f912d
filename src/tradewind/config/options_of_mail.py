"""Options of mail: whether failed tasks send one, what it says, and the server that takes it."""

from __future__ import annotations

from tradewind.config.option import option

MAIL = (
    option(
        "email",
        "default_email_on_failure",
        "boolean",
        "True",
        "Whether a task with an address mails when it fails, where it does not say.",
    ),
    option(
        "email",
        "default_email_on_retry",
        "boolean",
        "True",
        "Whether a task with an address mails when it is tried again, where it does not say.",
    ),
    option(
        "email",
        "email_backend",
        "string",
        "airflow.utils.email.send_email_smtp",
        "The function that sends mails, by its dotted path.",
    ),
    option(
        "email",
        "email_conn_id",
        "string",
        "smtp_default",
        "The connection with the mail server's address and login, where there is one.",
    ),
    option("email", "from_email", "string", "", "The sender of mails, where neither connection nor [smtp] names one."),
    option(
        "email",
        "subject_template",
        "path",
        "",
        "A file with a Jinja template for the subject of mails about failed tries.",
    ),
    option(
        "email",
        "html_content_template",
        "path",
        "",
        "A file with a Jinja template for their text; it sees the task's context, `exception_html` and `max_tries`.",
    ),
    option(
        "email",
        "ssl_context",
        "choice",
        "default",
        "default: the mail server's certificate is checked; none: it is not.",
        choices=("default", "none"),
    ),
    option("smtp", "smtp_host", "string", "localhost", "The mail server."),
    option("smtp", "smtp_port", "integer", "25", "Its port.", minimum=1),
    option("smtp", "smtp_starttls", "boolean", "True", "Whether the connection is encrypted once it is open."),
    option("smtp", "smtp_ssl", "boolean", "False", "Whether it is encrypted from the start."),
    option("smtp", "smtp_user", "string", "", "The login, where the server wants one."),
    option("smtp", "smtp_password", "string", "", "The password of the login.", is_secret=True),
    option("smtp", "smtp_mail_from", "string", "airflow@example.com", "The sender of mails."),
    option("smtp", "smtp_timeout", "number", "30", "Seconds to wait for the server.", minimum=0.1),
    option("smtp", "smtp_retry_limit", "integer", "5", "How often a server that hangs up is tried.", minimum=1),
)
