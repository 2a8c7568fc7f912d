"""The small things that DAG files import from `airflow.utils`."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest
from dateutil.relativedelta import relativedelta

from tradewind.sdk import timezone
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.exceptions import (
    AirflowConfigException,
    AirflowFileParseException,
    AirflowTaskTimeout,
    DagRunAlreadyExists,
    FileSyntaxError,
    TaskAlreadyInTaskGroup,
    UnmappableXComTypePushed,
    XComForMappingNotPushed,
    XComNotFound,
)
from tradewind.sdk.state import DagRunState, State, TaskInstanceState
from tradewind.sdk.toolkit import callables, dates, kinds, loading, strings, values
from tradewind.sdk.toolkit.configuration import conf
from tradewind.sdk.toolkit.log import LoggingMixin
from tradewind.sdk.toolkit.plugins import AirflowPlugin, BaseOperatorLink
from tradewind.sdk.toolkit.timeouts import timeout
from tradewind.sdk.toolkit.timetables import Timetable

DATE = datetime.fromisoformat("2024-03-05T12:00:00+00:00")
NAIVE = datetime.fromisoformat("2024-03-05T12:00:00")


# --- time zones ---


def test_dates_come_out_aware_and_as_pendulum() -> None:
    assert timezone.utc is pendulum.UTC
    assert timezone.utcnow().tzinfo is not None
    assert timezone.utc_epoch().timestamp() == 0
    assert timezone.parse("2024-03-05").timezone_name == "UTC"
    assert timezone.coerce_datetime(NAIVE) == pendulum.datetime(2024, 3, 5, 12)
    assert isinstance(timezone.convert_to_utc(DATE), pendulum.DateTime)
    assert timezone.coerce_datetime(None) is timezone.convert_to_utc(None) is timezone.make_aware(None) is None
    assert timezone.from_timestamp(0, "Europe/Paris").hour == 1
    assert timezone.datetime(2024, 1, 1).utcoffset() == timedelta(0)
    assert (timezone.is_naive(NAIVE), timezone.is_localized(DATE)) == (True, True)


def test_naive_dates_are_in_the_default_zone() -> None:
    before = install_author_defaults(AuthorDefaults(timezone="Europe/Paris"))
    try:
        converted = timezone.convert_to_utc(NAIVE)
        assert converted == pendulum.datetime(2024, 3, 5, 11)
        assert timezone.make_naive(DATE).hour == 13
        timezone.initialize("system")
        assert timezone.default_timezone() == timezone.local_timezone()
    finally:
        install_author_defaults(before)


def test_the_second_of_two_equal_clock_times_is_meant() -> None:
    twice = datetime.fromisoformat("2024-10-27T02:30:00")
    aware = timezone.make_aware(twice, pendulum.timezone("Europe/Paris"))
    assert aware is not None
    assert aware.utcoffset() == timedelta(hours=1)


def test_what_is_aware_or_naive_already() -> None:
    with pytest.raises(ValueError, match="expects a naive datetime"):
        timezone.make_aware(DATE)
    with pytest.raises(ValueError, match="naive"):
        timezone.make_naive(NAIVE)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (None, None),
        (0.4, "<1s"),
        (3752, "1h:2M:32s"),
        (timedelta(days=400, seconds=5), "1y:1m:10d:5s"),
        (-61, "-1M:1s"),
    ],
)
def test_durations_as_text(duration: Any, text: str | None) -> None:
    assert timezone.td_format(duration) == text


# --- dates ---


def test_days_ago() -> None:
    assert dates.days_ago(1).tzinfo is not None
    assert timezone.utcnow() - dates.days_ago(2, hour=3) > timedelta(days=1)
    assert dates.days_ago(0, 5).hour == 5


def test_ranges_of_dates() -> None:
    day = timedelta(days=1)
    assert dates.date_range(DATE, DATE + 2 * day, delta=day) == [DATE, DATE + day, DATE + 2 * day]
    assert dates.date_range(DATE, num=-2, delta=day) == [DATE - day, DATE]
    assert dates.date_range(DATE, num=2, delta=day) == [DATE, DATE + day]
    assert dates.date_range(DATE) == []
    with pytest.raises(ValueError, match="before end_date"):
        dates.date_range(DATE, DATE - day, delta=day)
    with pytest.raises(ValueError, match="either end_date or num"):
        dates.date_range(DATE, DATE + day, 3, delta=day)


def test_ranges_of_dates_by_cron() -> None:
    start = datetime(2024, 3, 1, tzinfo=timezone.utc)
    month = dates.date_range(start, datetime(2024, 3, 5, tzinfo=timezone.utc), delta="@daily")
    assert [date.day for date in month] == [1, 2, 3, 4, 5]
    assert [date.hour for date in dates.date_range(start, num=-3, delta="0 */6 * * *")] == [12, 18, 0]
    assert [date.month for date in dates.date_range(start, num=3, delta="@monthly")] == [3, 4, 5]
    off = start.replace(hour=5)
    assert [date.hour for date in dates.date_range(off, num=2, delta="@daily")] == [5, 0]
    zone = pendulum.timezone("Europe/Paris")
    there = dates.date_range(datetime(2024, 3, 30, 12, tzinfo=zone), num=3, delta="0 12 * * *")
    assert [date.utcoffset() for date in there] == [timedelta(hours=1), timedelta(hours=2), timedelta(hours=2)]
    with pytest.raises(ValueError, match="cron"):
        dates.date_range(start, num=1, delta="no cron at all")


def test_ranges_of_dates_by_calendar() -> None:
    start = datetime(2024, 1, 31, tzinfo=timezone.utc)
    assert [date.day for date in dates.date_range(start, num=3, delta=relativedelta(months=1))] == [31, 29, 29]


def test_rounding() -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    assert dates.round_time(DATE + hour, day, DATE) == DATE
    assert dates.round_time(DATE + 13 * hour, day, DATE) == DATE + day
    assert dates.round_time(DATE + 12 * hour, day, DATE) == DATE + day
    assert dates.round_time(DATE - hour, day, DATE) == DATE


def test_units_of_time() -> None:
    assert [dates.infer_time_unit(s) for s in ([], [5], [300], [9000], [999999])] == [
        "hours",
        "seconds",
        "minutes",
        "hours",
        "days",
    ]
    assert dates.scale_time_units([120], "minutes") == [2]


# --- values ---


def test_questions_about_values() -> None:
    assert values.exactly_one(0, 1, "") is True
    assert values.exactly_one(1, 1) is False
    assert values.at_most_one(kinds.NOTSET, 1, None) is True
    assert values.as_tuple("ab") == ("ab",)
    assert values.as_tuple([1, 2]) == (1, 2)
    with pytest.raises(ValueError, match="unpack"):
        values.exactly_one([1])


def test_lists_and_dicts() -> None:
    assert list(values.chunks([1, 2, 3], 2)) == [[1, 2], [3]]
    assert values.reduce_in_chunks(lambda total, part: total + sum(part), [1, 2, 3], 0, 2) == 6
    assert values.as_flattened_list([[1], [2, 3]]) == [1, 2, 3]
    assert values.partition(lambda n: n > 1, [1, 2, 3]) == ([1], [2, 3])
    assert values.merge_dicts({"a": {"b": 1}, "c": 1}, {"a": {"d": 2}}) == {"a": {"b": 1, "d": 2}, "c": 1}
    assert values.prune_dict({"a": None, "b": {"c": None}, "d": [None, 0]}) == {"b": {}, "d": [0]}
    assert values.prune_dict({"a": "", "b": {"c": 0}, "d": [0]}, mode="truthy") == {}
    assert values.convert_camel_to_snake("MyBigThing") == "my_big_thing"
    with pytest.raises(ValueError, match="positive"):
        list(values.chunks([1], 0))
    with pytest.raises(ValueError, match="allowable"):
        values.prune_dict({}, mode="none")
    with pytest.raises(TypeError, match="got arguments: a, b"):
        values.prevent_duplicates(["a", "b"], {"a": 1, "b": 2}, fail_reason="got")


def test_kinds() -> None:
    assert kinds.DagRunType.from_run_id("scheduled__2024") is kinds.DagRunType.SCHEDULED
    assert kinds.DagRunType.from_run_id("mine") is kinds.DagRunType.MANUAL
    assert kinds.DagRunType.DATASET_TRIGGERED is kinds.DagRunType.ASSET_TRIGGERED
    assert kinds.DagRunType.MANUAL.generate_run_id(DATE) == "manual__2024-03-05T12:00:00+00:00"
    assert kinds.WeekDay.validate_week_day(["monday", kinds.WeekDay.FRIDAY]) == {1, 5}
    assert kinds.WeekDay.validate_week_day("Sunday") == {7}
    assert kinds.WeightRule.is_valid("absolute")
    with pytest.raises(AttributeError, match="Invalid Week Day"):
        kinds.WeekDay.convert("noday")


def test_states() -> None:
    assert State.color(TaskInstanceState.FAILED) == State.color("failed") == "red"
    assert State.color_fg("failed") == "white"
    assert State.color(None) == "lightblue"
    assert State.color("nothing") == "white"
    assert State.finished | {s for s in State.unfinished if s} == set(TaskInstanceState)
    assert None in State.unfinished
    assert State.finished_dr_states | State.unfinished_dr_states == set(DagRunState)
    assert f"{TaskInstanceState.SUCCESS}" == State.SUCCESS == "success"


def test_strings_and_names(tmp_path: Path) -> None:
    assert len(strings.get_random_string(12)) == 12
    assert [strings.to_boolean(text) for text in ("Yes", "0", None)] == [True, False, False]
    assert strings.md5(b"x").hexdigest() == "9dd4e461268c8034f5c8564e155c67a6"
    assert strings.get_hostname()
    assert loading.import_string("pathlib.Path") is Path
    assert loading.qualname(tmp_path.exists) == "pathlib.exists"
    for wrong in ("nodots", "pathlib.Nothing"):
        with pytest.raises(ImportError, match=wrong.rpartition(".")[2]):
            loading.import_string(wrong)


def test_only_the_keywords_a_callable_takes() -> None:
    def takes(a: int, *, b: int = 0) -> tuple[int, int]:
        return a, b

    assert callables.determine_kwargs(takes, [1], {"b": 2, "c": 3}) == {"b": 2}
    assert callables.make_kwargs_callable(takes)(1, b=2, c=3) == (1, 2)
    with pytest.raises(ValueError, match="'a' in args"):
        callables.determine_kwargs(takes, [1], {"a": 2})
    assert callables.KeywordParameters.determine(takes, [], {"a": 1}).serializing() == {"a": 1}


# --- configuration ---


def test_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {
        "N": "3",
        "YES": "t",
        "LIST": "a, b",
        "DOC": '{"a": 1}',
        "WORD": "word",
        "PATH": "pathlib.Path",
    }.items():
        monkeypatch.setenv(f"AIRFLOW__OWN__{key}", value)
    assert conf.get("own", "word") == "word"
    assert (conf.getint("own", "n"), conf.getfloat("own", "n"), conf.getboolean("own", "yes")) == (3, 3.0, True)
    assert (conf.getlist("own", "list"), conf.getjson("own", "doc")) == (["a", "b"], {"a": 1})
    assert conf.getimport("own", "path") is Path
    assert conf.getint("own", "nothing", fallback=None) is None
    assert conf.has_option("own", "n")
    assert conf.getsection("own") == {
        "doc": '{"a": 1}',
        "list": "a, b",
        "n": "3",
        "path": "pathlib.Path",
        "word": "word",
        "yes": "t",
    }
    assert conf.getsection("no_such_section") is None
    with pytest.raises(AirflowConfigException, match=r"\[own/nothing\] not found"):
        conf.get("own", "nothing")
    with pytest.raises(AirflowConfigException, match=r"\[own\] word has the value 'word'"):
        conf.getint("own", "word")
    with pytest.raises(AirflowConfigException, match="not a boolean"):
        conf.getboolean("own", "n")
    with pytest.raises(AirflowConfigException, match="AIRFLOW__OWN__N"):
        conf.set("own", "n", "4")


def test_options_of_this_system_answer_under_airflows_names() -> None:
    assert conf.get("core", "executor")
    assert conf.getint("core", "dag_concurrency") == conf.getint("core", "max_active_tasks_per_dag")
    assert conf.get("smtp", "smtp_host") == "localhost"


# --- author bases ---


def test_loggers_are_named_by_class() -> None:
    class Mine(LoggingMixin):
        _log_config_logger_name = "airflow.task.hooks"

    assert Mine().log.name == f"airflow.task.hooks.{__name__}.Mine" == Mine.logger().name


def test_plugins_and_links() -> None:
    class Nameless(AirflowPlugin):
        pass

    class Link(BaseOperatorLink):
        name = "link"

    with pytest.raises(ValueError, match="Nameless needs a `name`"):
        Nameless.validate()
    assert Link().xcom_key == "_link_Link"
    with pytest.raises(NotImplementedError):
        Link().get_link(None, ti_key=None)


def test_an_authors_timetable_has_to_say_two_things() -> None:
    class Mine(Timetable):
        pass

    mine = Mine.deserialize(Mine().serialize())
    assert mine.summary == "Mine"
    with pytest.raises(NotImplementedError, match="next_dagrun_info"):
        mine.next_dagrun_info(last_automated_data_interval=None, restriction=None)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="infer_manual_data_interval"):
        mine.infer_manual_data_interval(run_after=DATE)


def test_a_time_limit() -> None:
    with pytest.raises(AirflowTaskTimeout, match="too slow after"), timeout(0.01, "too slow"):
        signal.pause()
    before = signal.getsignal(signal.SIGALRM)
    with timeout(60):
        assert signal.getsignal(signal.SIGALRM) != before
    assert signal.getsignal(signal.SIGALRM) == before


def test_a_time_limit_inside_another() -> None:
    def quick_inside_slow() -> None:
        with timeout(0.02, "outer"):
            with timeout(60, "inner"):
                pass
            signal.pause()

    with pytest.raises(AirflowTaskTimeout, match="outer"):
        quick_inside_slow()


# --- exceptions ---


MAPPED_OVER = "other tasks are mapped over it, so it has to return a list or a dict"


class Run:
    """A run that exists."""

    dag_id, run_id = "d", "r"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (XComNotFound("d", "t", "k"), "no XCom 'k' of task 't' in DAG 'd'"),
        (TaskAlreadyInTaskGroup("t", None, "g"), "the DAG's root group"),
        (TaskAlreadyInTaskGroup("t", "old", "g"), "group 'old'"),
        (DagRunAlreadyExists(Run(), DATE, "r"), "DAG 'd' has a run 'r' already at 2024-03-05T12:00:00+00:00"),
        (DagRunAlreadyExists(Run()), "DAG 'd' has a run 'r' already"),
        (XComForMappingNotPushed(), f"did not push XCom for task mapping: {MAPPED_OVER}"),
        (UnmappableXComTypePushed([1], 1), f"unmappable return type 'list[int]': {MAPPED_OVER}"),
        (AirflowFileParseException("bad", "f.json", [FileSyntaxError(3, "x")]), "line 3: x"),
    ],
)
def test_messages(error: Exception, text: str) -> None:
    assert text in str(error)
