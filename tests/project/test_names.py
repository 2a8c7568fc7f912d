"""What is written: in the grammar of the oldest Python, under names that say something, without a word of one machine."""

from __future__ import annotations

import ast
import re

from tests.project.sources import OLDEST_PYTHON, ROOTS, name_of, python_files, text_of, tracked_files

EMPTY_WORDS = re.compile(r"^(utils?|helpers?|common|base|manager|base_.*|.*_(utils?|helpers?|manager))$")
IN_THE_NAME_OF_AIRFLOW = {"src/tradewind/airflow/utils"}
"""Folders with the name that they have in Airflow, by which other tools know what is in them."""
# Split in two, so that this file does not contain what it looks for.
MACHINE_WORDS = tuple(
    a + b for a, b in (("/tmp/", "scratch"), ("/work/", "main"), ("/work/", "shared"), ("/root/", "."))
)


def test_every_file_is_in_the_grammar_of_the_oldest_python() -> None:
    broken: list[str] = []
    for path in python_files():
        try:
            ast.parse(text_of(path), feature_version=OLDEST_PYTHON)
        except SyntaxError as error:
            broken.append(f"{name_of(path)}:{error.lineno}: {error.msg}")
    assert not broken, "\n".join(["", *broken])


def test_module_names_say_what_they_hold() -> None:
    named = {name_of(path) for path in python_files() if EMPTY_WORDS.match(path.stem)}
    named |= {
        name_of(folder)
        for path in python_files()
        for folder in path.parents
        if folder.name not in ROOTS and EMPTY_WORDS.match(folder.name)
    }
    assert named - IN_THE_NAME_OF_AIRFLOW == set()


def test_nothing_speaks_of_the_machine_it_was_made_on() -> None:
    found: list[str] = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image or an archive
        found += [f"{name_of(path)}: {word}" for word in MACHINE_WORDS if word in text]
    assert not found, "\n".join(["", *found])
