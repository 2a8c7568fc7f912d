"""Making a mail: its parts, its headers, whom it goes to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BETWEEN = re.compile(r"\s*[,;]\s*")


def build_mime_message(  # noqa: PLR0913, PLR0917 - Airflow's signature
    mail_from: str | None,
    to: str | Iterable[str],
    subject: str,
    html_content: str,
    files: list[str] | None = None,
    cc: str | Iterable[str] | None = None,
    bcc: str | Iterable[str] | None = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    custom_headers: dict[str, Any] | None = None,
) -> tuple[MIMEMultipart, list[str]]:
    """Return the mail, with the files attached, and the addresses it goes to."""
    recipients = get_email_address_list(to)
    message = MIMEMultipart(mime_subtype)
    message["Subject"] = subject
    message["From"] = mail_from or ""
    message["To"] = ", ".join(recipients)
    if cc:
        copies = get_email_address_list(cc)
        message["CC"] = ", ".join(copies)
        recipients += copies
    if bcc:
        recipients += get_email_address_list(bcc)
    message["Date"] = formatdate(localtime=True)
    message.attach(MIMEText(html_content, "html", mime_charset))
    for name in files or []:
        message.attach(_attachment(Path(name)))
    for key, value in (custom_headers or {}).items():
        message[key] = value
    return message, recipients


def _attachment(path: Path) -> MIMEApplication:
    part = MIMEApplication(path.read_bytes(), Name=path.name)
    part["Content-Disposition"] = f'attachment; filename="{path.name}"'
    part["Content-ID"] = f"<{path.name}>"
    return part


def get_email_address_list(addresses: str | Iterable[str]) -> list[str]:
    """Return the addresses of a text, between commas or semicolons, or of several. Raises TypeError for others."""
    if isinstance(addresses, str):
        return [address for address in _BETWEEN.split(addresses.strip()) if address]
    if not isinstance(addresses, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - authors pass what they like
        raise TypeError(f"Unexpected argument type: Received '{type(addresses).__name__}'.")
    found = list(addresses)
    if not all(isinstance(address, str) for address in found):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise TypeError("The items in your iterable must be strings.")
    return found
