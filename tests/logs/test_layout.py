"""Where logs lie, and that no name leads elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.logs.layout import AIRFLOW_TEMPLATE, LogLayout, LogPathError, TryLogId

ANY_TEXT = st.text(min_size=1, max_size=300)


def test_the_layout_is_airflows(tmp_path: Path) -> None:
    layout = LogLayout(tmp_path)
    plain = TryLogId("d", "manual__2026-11-22T10:00:00+00:00", "group.task", try_number=2)
    assert layout.relative(layout.path(plain)) == (
        "dag_id=d/run_id=manual__2026-11-22T10:00:00+00:00/task_id=group.task/attempt=2.log"
    )
    mapped = TryLogId("d", "r", "t", map_index=3)
    assert layout.relative(layout.path(mapped)) == "dag_id=d/run_id=r/task_id=t/map_index=3/attempt=1.log"


@given(ids=st.tuples(*[st.text("ab.-_", min_size=1, max_size=8)] * 3), map_index=st.integers(-1, 3))
def test_airflows_template_gives_the_same_path_as_its_shortcut(ids: tuple[str, str, str], map_index: int) -> None:
    log = TryLogId(*ids, map_index=map_index)
    by_template = LogLayout("/logs", AIRFLOW_TEMPLATE + "{# rendered #}")
    shortcut = LogLayout("/logs")
    assert by_template.path(log) == shortcut.path(log)
    assert by_template.text(log) == shortcut.text(log) == LogLayout("/logs/").text(log) == str(shortcut.path(log))


@given(dag_id=ANY_TEXT, run_id=ANY_TEXT, task_id=ANY_TEXT)
def test_no_id_leads_out_of_the_folder(dag_id: str, run_id: str, task_id: str) -> None:
    path = LogLayout("/logs").path(TryLogId(dag_id, run_id, task_id))
    parts = path.parts
    assert parts[:2] == ("/", "logs")
    assert len(parts) == 6
    assert all(len(part.encode(errors="surrogatepass")) <= 255 and "\0" not in part for part in parts)


def test_long_ids_stay_apart() -> None:
    layout = LogLayout("/logs")
    paths = {layout.path(TryLogId("d", "r", "t" * 250 + end)) for end in ("a", "b")}
    assert len(paths) == 2


@pytest.mark.parametrize("relative", ["../x", "a/../../x", "/etc/passwd", "", "."])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, relative: str) -> None:
    with pytest.raises(LogPathError, match="leads out"):
        LogLayout(tmp_path / "logs").inside(relative)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "link").symlink_to(tmp_path)
    with pytest.raises(LogPathError, match="leads out"):
        LogLayout(tmp_path / "logs").inside("link/secret")


def test_a_template_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    layout = LogLayout(tmp_path, "{{ ti.run_id }}/x.log")
    with pytest.raises(LogPathError, match="leads out"):
        layout.path(TryLogId("d", "../..", "t"))


@pytest.mark.parametrize("template", [AIRFLOW_TEMPLATE, "{{ ti.dag_id }}/{{ ti.task_id }}.{{ try_number }}.log"])
def test_tries_with_a_log_are_found(tmp_path: Path, template: str) -> None:
    layout = LogLayout(tmp_path, template)
    assert layout.tries(TryLogId("d", "r", "t", try_number=3)) == []
    for number in (1, 3):
        path = layout.path(TryLogId("d", "r", "t", try_number=number))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert layout.tries(TryLogId("d", "r", "t", try_number=3)) == [1, 3]
