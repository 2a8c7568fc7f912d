"""`EmailOperator`: a task that sends a mail."""

from __future__ import annotations

from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.mail.sending import send_email

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class EmailOperator(BaseOperator):
    """Sends a mail with `html_content` (or the `.html` template that it names) and `files`.

    `to`, `cc` and `bcc` are addresses: a list, or a text with commas between them.
    """

    template_fields: Sequence[str] = ("to", "subject", "html_content", "files", "cc", "bcc")
    template_fields_renderers = {"html_content": "html"}  # noqa: RUF012 - as all operators
    template_ext: Sequence[str] = (".html",)
    ui_color = "#e6faf9"

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        to: list[str] | str,
        subject: str,
        html_content: str,
        files: list[str] | None = None,
        cc: list[str] | str | None = None,
        bcc: list[str] | str | None = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        conn_id: str | None = None,
        custom_headers: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.subject = subject
        self.html_content = html_content
        self.files = files or []
        self.cc = cc
        self.bcc = bcc
        self.mime_subtype = mime_subtype
        self.mime_charset = mime_charset
        self.conn_id = conn_id
        self.custom_headers = custom_headers

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's signature
        """Send the mail."""
        send_email(
            self.to,
            self.subject,
            self.html_content,
            files=self.files,
            cc=self.cc,
            bcc=self.bcc,
            mime_subtype=self.mime_subtype,
            mime_charset=self.mime_charset,
            conn_id=self.conn_id,
            custom_headers=self.custom_headers,
        )
