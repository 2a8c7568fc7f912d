"""A mail server as small as can be: speaks SMTP on a socket of its own and keeps what it is sent."""

from __future__ import annotations

import base64
import socketserver
import threading
from email import message_from_bytes
from email.policy import default
from typing import Any


class SmtpServer(socketserver.ThreadingTCPServer):
    """Keeps logins, envelopes and mails; hangs up on the first `refusals` clients."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.refusals = 0
        self.logins: list[tuple[str, str]] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.mails: list[Any] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def close(self) -> None:
        """Stop and wait for the end."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Session(socketserver.StreamRequestHandler):
    server: SmtpServer  # pyright: ignore[reportIncompatibleVariableOverride] - the one that made it

    def handle(self) -> None:
        if self.server.refusals:
            self.server.refusals -= 1
            return
        self._say("220 here")
        sender, recipients = "", list[str]()
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                self._say("250-here", "250 AUTH PLAIN")
            elif word == "AUTH":
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self.server.logins.append((user, password))
                self._say("235 welcome")
            elif word == "MAIL":
                sender, recipients = line.partition("<")[2].partition(">")[0], []
                self._say("250 ok")
            elif word == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
                self._say("250 ok")
            elif word == "DATA":
                self._say("354 go on")
                self._take_mail(sender, recipients)
            else:
                self._say("221 bye")
                return

    def _take_mail(self, sender: str, recipients: list[str]) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.server.envelopes.append((sender, recipients))
        self.server.mails.append(message_from_bytes(b"".join(lines), policy=default))
        self._say("250 taken")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
