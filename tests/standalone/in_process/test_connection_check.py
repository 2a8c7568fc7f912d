"""Connections are tried in a process of their own, whatever the hook does to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.serialization.records import ConnectionRecord
from tradewind.standalone.in_process.connection_check import check_connection

HOOKS = """
import os
import time
from tradewind.sdk.hooks import BaseHook

class Hook(BaseHook):
    conn_name_attr = "shop_conn_id"

    def __init__(self, shop_conn_id):
        super().__init__()
        self.conn_id = shop_conn_id

    def test_connection(self):
        print("noise")
        conn = self.get_connection(self.conn_id)
        match conn.host:
            case "hangs":
                time.sleep(60)
            case "dies":
                os._exit(7)
            case "raises":
                raise OSError(f"refused for {conn.password}")
        return True, f"{conn.login} at {conn.host}, {self.conn_id}, with {conn.password}"


def info():
    return {
        "package-name": "shop",
        "name": "Shop",
        "connection-types": [{"connection-type": "shop", "hook-class-name": "shop_provider.Hook"}],
    }
"""


@pytest.fixture(autouse=True)
def _provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "shop_provider-1.0.dist-info"
    metadata.mkdir()
    (tmp_path / "shop_provider.py").write_text(HOOKS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-provider\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info = shop_provider:info\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))


def record(host: str, conn_type: str = "shop") -> ConnectionRecord:
    return ConnectionRecord(conn_id="c", conn_type=conn_type, host=host, login="me", password="sesame-open")


def test_what_the_hook_says_is_told_without_its_secret() -> None:
    assert check_connection(record("h"), limit_s=30) == (True, "me at h, c, with ***")
    assert check_connection(record("raises"), limit_s=30) == (False, "refused for ***")


def test_a_hook_that_ends_its_process_harms_nobody_else() -> None:
    works, message = check_connection(record("dies"), limit_s=30)
    assert not works
    assert message.startswith("the process that tried it ended with status 7")


def test_a_hook_that_hangs_is_ended() -> None:
    assert check_connection(record("hangs"), limit_s=3) == (
        False,
        "no answer after 3 s (option core.test_connection_timeout)",
    )


def test_a_type_that_nobody_serves() -> None:
    works, message = check_connection(record("h", "nobody"), limit_s=30)
    assert not works
    assert 'Unknown hook type "nobody"' in message
