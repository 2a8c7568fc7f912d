"""Progress: on a terminal only, and never in what a script reads."""

from __future__ import annotations

import io
import sys

import pytest

from tradewind.cli.terminal.progress import with_progress


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress([1, 2], "Working", total=2)) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_told_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert list(with_progress(iter("ab"), "Working", describe=str.upper)) == ["a", "b"]
    assert "Working: B" in terminal.getvalue()
    assert capsys.readouterr().out == ""
