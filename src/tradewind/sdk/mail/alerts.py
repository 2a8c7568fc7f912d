"""The mail about a try that failed: to the task's `email`, with the installation's templates for subject and text."""

from __future__ import annotations

import html
import logging
from pathlib import Path

from tradewind.sdk.mail.message import get_email_address_list
from tradewind.sdk.mail.sending import send_email
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator

SUBJECT = "Airflow alert: {{ ti }}"
"""As Airflow's, for the filters of people's mailboxes."""
CONTENT = """Task <b>{{ ti.task_id }}</b> of DAG <b>{{ ti.dag_id }}</b>, run {{ ti.run_id }}:
try {{ try_number }} out of {{ max_tries + 1 }} ended with<br>
{{ exception_html }}<br>
Log: <a href="{{ ti.log_url }}">{{ ti.log_url }}</a><br>
Host: {{ ti.hostname }}<br>
"""

_log = logging.getLogger("tradewind.task")


def wants_mail(task: BaseOperator, callback: str | None) -> bool:
    """Say whether a task asks for a mail where this callback of it is due."""
    if callback == "on_retry_callback":
        return bool(task.email and task.email_on_retry)
    return bool(callback == "on_failure_callback" and task.email and task.email_on_failure)


def send_alert(task: BaseOperator, context: Any, error: BaseException | str | None) -> None:
    """Send the mail about the try of `context`. Raises what the templates and the mail server raise."""
    ti = context["ti"]
    context["exception_html"] = html.escape(str(error)).replace("\n", "<br>")
    context["try_number"] = ti.try_number
    context["max_tries"] = max(ti.max_tries, ti.try_number - 1)
    subject = task.render_template(_template("subject_template", SUBJECT), context)
    content = task.render_template(_template("html_content_template", CONTENT), context)
    addresses = get_email_address_list(task.email or [])
    # A subject is one line, whatever its template file ends with.
    send_email(addresses, " ".join(str(subject).split()), str(content))
    _log.info("Mail about the try sent to %s", ", ".join(addresses))


def _template(option: str, default: str) -> str:
    path = conf.get("email", option, fallback="")
    if not path:
        return default
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        _log.warning("[email] %s: %s; Tradewind's own template is used", option, error)
        return default
