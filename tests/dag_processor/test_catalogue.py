"""Which files are parsed when: the catalogue alone, on real files, without any process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tradewind.dag_processor.catalogue import Catalogue
from tradewind.dag_processor.discovery import walk_folder
from tradewind.dag_processor.parsing.file_watch import digest_of_file, digest_of_folder
from tradewind.dag_processor.parsing.messages import FileRead, ParseError, ParseOutcome

from tests.dag_processor.parsing import write

TEXT = "# airflow dag\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def walk(catalogue: Catalogue, folder: Path) -> list[str]:
    return names(catalogue.update(str(folder), walk_folder(str(folder), "glob").files))


def names(paths: list[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def taken(catalogue: Catalogue) -> list[str]:
    """Take everything that waits; it is under way then."""
    found: list[str] = []
    while files := catalogue.take(1):
        found += [file.path for file in files]
    return names(found)


def outcome(*paths: Path, listed: Path | None = None, has_error: bool = False) -> ParseOutcome:
    return ParseOutcome(
        files=tuple(FileRead(path=str(path), digest=digest_of_file(str(path))) for path in paths),
        folders=(FileRead(path=str(listed), digest=digest_of_folder(str(listed))),) if listed else (),
        errors=(ParseError(message="wrong"),) if has_error else (),
    )


def settled(folder: Path, *read: str, listed: Path | None = None, has_error: bool = False) -> Catalogue:
    """Return a catalogue of one parsed file, a.py, which read these files of the folder."""
    catalogue = Catalogue()
    path = write(folder / "a.py", TEXT)
    walk(catalogue, folder)
    assert taken(catalogue) == ["a.py"]
    done = outcome(path, *(folder / name for name in read), listed=listed, has_error=has_error)
    assert catalogue.finish(str(path), done, now=0.0)
    return catalogue


def test_new_files_wait_newest_first(folder: Path) -> None:
    catalogue = Catalogue()
    for age, name in enumerate(("old.py", "new.py")):
        path = write(folder / name, TEXT)
        os.utime(path, (age, age))
    walk(catalogue, folder)
    first, second = catalogue.take(5)
    assert first is not None
    assert second is not None
    assert names([first.path]) == ["new.py"]
    assert catalogue.take(1) == []


def test_a_file_is_parsed_once_for_each_content(folder: Path) -> None:
    catalogue = settled(folder)
    write(folder / "a.py", TEXT)
    walk(catalogue, folder)
    assert not catalogue.touch({str(folder / "a.py")})
    assert taken(catalogue) == []
    write(folder / "a.py", TEXT + "x = 1\n")
    catalogue.touch({str(folder / "a.py")})
    assert taken(catalogue) == ["a.py"]


def test_what_a_file_read_makes_it_stale(folder: Path) -> None:
    write(folder / "names.yaml", "one")
    catalogue = settled(folder, "names.yaml")
    write(folder / "other.yaml", "one")
    catalogue.touch({str(folder / "other.yaml")})
    assert taken(catalogue) == []
    write(folder / "names.yaml", "two")
    catalogue.touch({str(folder / "names.yaml")})
    assert taken(catalogue) == ["a.py"]


def test_what_no_event_told_is_found_by_a_recheck(folder: Path) -> None:
    write(folder / "names.yaml", "one")
    catalogue = settled(folder, "names.yaml")
    catalogue.recheck()
    assert taken(catalogue) == []
    write(folder / "names.yaml", "two")
    catalogue.recheck()
    assert taken(catalogue) == ["a.py"]


def test_a_new_name_in_a_listed_folder_makes_it_stale(folder: Path) -> None:
    write(folder / "conf/one.yaml", "one")
    catalogue = settled(folder, listed=folder / "conf")
    write(folder / "conf/two.yaml", "two")
    catalogue.touch({str(folder / "conf/two.yaml")})
    assert taken(catalogue) == ["a.py"]


def test_a_change_during_the_import_is_not_lost(folder: Path) -> None:
    module = write(folder / "names.yaml", "one")
    catalogue = Catalogue()
    path = write(folder / "a.py", TEXT)
    walk(catalogue, folder)
    assert taken(catalogue) == ["a.py"]
    read = outcome(path, module)
    write(module, "two")
    catalogue.touch({str(module)})
    catalogue.finish(str(path), read, now=0.0)
    assert taken(catalogue) == ["a.py"]
    catalogue.finish(str(path), outcome(path, module), now=0.0)
    assert taken(catalogue) == []


def test_files_that_are_gone_are_told_once(folder: Path) -> None:
    catalogue = settled(folder)
    (folder / "a.py").unlink()
    assert catalogue.touch({str(folder / "a.py")})
    assert walk(catalogue, folder) == ["a.py"]
    assert walk(catalogue, folder) == []
    assert catalogue.finish(str(folder / "a.py"), outcome(), now=0.0) is None


def test_a_file_that_no_longer_mentions_a_dag_counts_as_gone(folder: Path) -> None:
    catalogue = settled(folder)
    write(folder / "a.py", "nothing = 1\n")
    assert walk(catalogue, folder) == ["a.py"]
    write(folder / "a.py", TEXT)
    assert walk(catalogue, folder) == []
    assert taken(catalogue) == ["a.py"]


def test_modules_are_no_dag_files_but_make_the_walk_look_again(folder: Path) -> None:
    catalogue = settled(folder)
    assert catalogue.touch({str(write(folder / "helper.py", "x = 1\n"))})
    assert not catalogue.touch({str(folder / "helper.py.swp"), str(folder / "a.py~")})
    walk(catalogue, folder)
    assert taken(catalogue) == []


def test_files_with_errors_can_be_tried_again(folder: Path) -> None:
    catalogue = settled(folder, has_error=True)
    catalogue.retry_errors()
    assert taken(catalogue) == ["a.py"]
    catalogue = settled(folder / "fine")
    catalogue.retry_errors()
    assert taken(catalogue) == []


def test_a_file_whose_process_was_lost_waits_for_a_change(folder: Path) -> None:
    catalogue = settled(folder)
    catalogue.enqueue(str(folder / "a.py"))
    assert taken(catalogue) == ["a.py"]
    catalogue.finish(str(folder / "a.py"), None, now=0.0)
    assert taken(catalogue) == []


def test_old_imports_can_be_asked_for_again(folder: Path) -> None:
    catalogue = settled(folder)
    catalogue.enqueue_older_than(30, now=29.0)
    assert taken(catalogue) == []
    catalogue.enqueue_older_than(30, now=30.0)
    assert taken(catalogue) == ["a.py"]


def test_what_is_urgent_comes_first_and_once(folder: Path) -> None:
    catalogue = Catalogue()
    for name in ("a.py", "b.py"):
        write(folder / name, TEXT)
    walk(catalogue, folder)
    write(folder / "c.py", TEXT)
    walk(catalogue, folder)
    catalogue.enqueue(str(folder / "c.py"))
    assert taken(catalogue) == ["a.py", "b.py", "c.py"]
