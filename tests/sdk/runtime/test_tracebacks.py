"""What authors see of an error: their own frames, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tradewind.sdk.exceptions import AirflowException, UnmappableXComTypePushed
from tradewind.sdk.runtime.tracebacks import describe_error
from tradewind.sdk.toolkit.loading import import_string
from tradewind.sdk.xcoms.storing import XComBackendError


def caught(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(BaseException) as found:  # noqa: PT011 - the caller's
        call()
    return found.value


def without_frames(error: BaseException) -> BaseException:
    error.__traceback__ = None
    return error


def test_frames_of_tradewind_are_left_out() -> None:
    class Loud:
        def __getattr__(self, name: str) -> Any:
            raise KeyError(name)

    text = describe_error(caught(lambda: import_string(Loud())))  # type: ignore[arg-type]
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("KeyError: 'rpartition'")
    assert text.count("test_tracebacks.py") >= 2
    assert "loading.py" not in text


def test_a_sentence_of_tradewind_needs_no_traceback() -> None:
    assert describe_error(without_frames(UnmappableXComTypePushed(1))) == ""


def test_the_author_sees_where_he_called_what_failed() -> None:
    def wrong() -> None:
        raise AirflowException("no such thing")

    text = describe_error(caught(wrong))
    assert "in wrong" in text
    assert text.endswith("AirflowException: no such thing")


def test_an_error_of_another_kind_keeps_the_place_that_raised_it() -> None:
    error = caught(lambda: import_string("no_such_module_anywhere.thing"))
    assert error.__traceback__ is not None
    inner = error.__traceback__.tb_next
    while inner is not None and not inner.tb_frame.f_code.co_filename.endswith("loading.py"):
        inner = inner.tb_next
    text = describe_error(error.with_traceback(inner))
    assert text.count("  File ") == 1
    assert text.endswith("ModuleNotFoundError: No module named 'no_such_module_anywhere'")


def test_a_cause_is_left_out_where_the_error_repeats_it() -> None:
    error = XComBackendError("the XCom backend shop.Bucket cannot store XCom 'a': ConnectionError: gone")
    error.__cause__ = without_frames(XComBackendError("gone"))
    assert describe_error(error) == ""
    error.__cause__ = without_frames(XComBackendError("another reason"))
    assert describe_error(error).splitlines()[0].endswith("XComBackendError: another reason")


def test_the_authors_part_of_a_cause_is_kept() -> None:
    def gone() -> None:
        raise ConnectionError("gone")

    error = XComBackendError("cannot store: ConnectionError: gone")
    error.__cause__ = caught(gone)
    text = describe_error(error)
    assert "in gone" in text
    assert text.endswith("XComBackendError: cannot store: ConnectionError: gone")


def test_only_the_last_frames_are_kept_where_that_is_asked() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ValueError("deep down")

    assert describe_error(caught(lambda: deep(5)), depth=2).count("  File ") == 2


def test_what_tradewind_raises_itself_is_a_sentence_whatever_its_kind() -> None:
    error = caught(lambda: import_string("nodots"))
    while error.__traceback__ is not None and not error.__traceback__.tb_frame.f_code.co_filename.endswith(
        "loading.py"
    ):
        error.__traceback__ = error.__traceback__.tb_next
    assert isinstance(error, ImportError)
    assert describe_error(error) == ""


def test_of_a_template_its_own_lines_are_shown() -> None:
    import jinja2

    template = jinja2.Template("first\n{{ nothing.at_all }}")
    text = describe_error(caught(template.render))
    assert 'File "<template>", line 2' in text
    assert "jinja2/" not in text
