"""Who may call what."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from tradewind.web.auth.tokens import InvalidTokenError, make_token, read_token

from tests.web.conftest import Client

NOW = datetime(2024, 1, 1, tzinfo=timezone.utc)


def test_a_token_tells_who_asks(make_client: Callable[..., Client]) -> None:
    client = make_client()
    assert client.call("GET", "/api/v2/dags").status_code == 401
    assert client.get("/ui/sign-in") == {"is_needed": True}
    client.sign_in("admin")
    assert client.get("/ui/me") == {"username": "admin", "role": "admin"}


@pytest.mark.parametrize(
    ("name", "password"), [("admin", "wrong"), ("nobody", ""), ("worker", ""), ("gone", "was-here"), ("", "")]
)
def test_a_wrong_name_or_password_gets_no_token(make_client: Callable[..., Client], name: str, password: str) -> None:
    answer = make_client().post("/auth/token", {"username": name, "password": password}, 401)
    assert answer == {"detail": "Invalid credentials"}


def test_a_role_allows_what_it_says(make_client: Callable[..., Client]) -> None:
    client = make_client()
    client.sign_in("reader")
    client.get("/api/v2/dags")
    assert client.patch("/api/v2/dags/chain", {"is_paused": False}, 403)["detail"].startswith("Forbidden")
    assert client.call("GET", "/api/v2/variables").status_code == 403


def test_a_user_who_was_taken_away_is_not_known(make_client: Callable[..., Client]) -> None:
    client = make_client(users=("gone:admin",))
    client.sign_in("gone")
    client.get("/api/v2/dags")
    later = make_client()
    later.headers = client.headers
    assert later.call("GET", "/api/v2/dags").status_code == 401


def test_everybody_is_admin_where_the_option_says_so(make_client: Callable[..., Client]) -> None:
    open_client = make_client(all_admins=True)
    assert open_client.get("/ui/sign-in") == {"is_needed": False}
    assert open_client.get("/api/v2/dags")["total_entries"] == 2
    answer = open_client.call("GET", "/auth/token")
    assert (answer.status_code, "access_token" in answer.json()) == (201, True)
    assert make_client().call("GET", "/auth/token").status_code == 403


def test_health_and_version_need_no_token(make_client: Callable[..., Client]) -> None:
    client = make_client()
    for path in ("/api/v2/monitor/health", "/health", "/api/v1/health"):
        health = client.get(path)
        assert health["metadatabase"] == {"status": "healthy"}
        assert health["scheduler"] == {"status": "unhealthy", "latest_scheduler_heartbeat": None}
        assert health["triggerer"] == {"status": None, "latest_triggerer_heartbeat": None}
    assert set(client.get("/api/v2/version")) == {"version", "git_version"}


def test_an_unknown_role_is_refused_at_the_start(make_client: Callable[..., Client]) -> None:
    with pytest.raises(ValueError, match="role 'king'"):
        make_client(users=("me:king",))


def test_a_token_is_read_back_until_it_expires() -> None:
    token = make_token({"sub": "me"}, "secret", NOW, 60)
    assert read_token(token, "secret", NOW + timedelta(seconds=60))["sub"] == "me"
    with pytest.raises(InvalidTokenError, match="expired"):
        read_token(token, "secret", NOW + timedelta(seconds=61))
    assert read_token(token, "secret", NOW + timedelta(seconds=61), leeway_s=10)
    with pytest.raises(InvalidTokenError, match="not valid"):
        read_token(token, "secret", NOW - timedelta(seconds=1))


def forged(header: dict[str, str]) -> str:
    _, payload, signature = make_token({"sub": "me"}, "secret", NOW, 60).split(".")
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.{payload}.{signature}"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "ä.ö.ü",
        make_token({"sub": "me"}, "other", NOW, 60),
        make_token({"sub": "me"}, "secret", NOW, 60)[:-2],
        make_token({"sub": "me"}, "secret", NOW, 60).replace(".", "", 1),
        forged({"alg": "none"}),
        forged({"alg": "HS512", "typ": "JWT"}),
        make_token({"sub": "me", "aud": "x"}, "secret", NOW, 60).rpartition(".")[0],
    ],
)
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        read_token(token, "secret", NOW)


def test_tokens_are_those_of_the_usual_library() -> None:
    jwt = pytest.importorskip("jwt")
    secret = "a secret of at least thirty-two bytes"
    now = datetime.now(timezone.utc)
    claims = jwt.decode(make_token({"sub": "me"}, secret, now, 60), secret, ["HS256"], audience="apache-airflow")
    assert claims["sub"] == "me"
    times = {"exp": int(now.timestamp()) + 9, "aud": "apache-airflow"}
    assert read_token(jwt.encode({"sub": "me", **times}, secret, "HS256"), secret, now)["sub"] == "me"
