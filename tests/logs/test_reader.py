"""Logs are read in parts that lose and repeat nothing."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.logs.reader import follow, read_chunk, read_tail


@settings(max_examples=50)
@given(content=st.binary(max_size=200), limit=st.integers(1, 50))
def test_parts_put_together_are_the_whole(tmp_path_factory: object, content: bytes, limit: int) -> None:
    path = tmp_path_factory.getbasetemp() / "parts.log"  # type: ignore[attr-defined]
    path.write_bytes(content)
    offset, texts, has_more = 0, [], bool(content)
    while has_more:
        chunk = read_chunk(path, offset, limit)
        assert chunk.next_offset > offset
        texts.append(chunk.text)
        offset, has_more = chunk.next_offset, chunk.has_more
    rest = content[offset:]
    if limit >= 4:
        assert "".join(texts) + rest.decode("utf-8", "replace") == content.decode("utf-8", "replace")


def test_half_a_character_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes("é".encode()[:1].join([b"x", b""]))
    chunk = read_chunk(path)
    assert (chunk.text, chunk.next_offset) == ("x", 1)
    path.write_bytes("xé".encode())
    assert read_chunk(path, chunk.next_offset).text == "é"


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    chunk = read_chunk(tmp_path / "none.log", 7)
    assert (chunk.text, chunk.next_offset, chunk.has_more) == ("", 7, False)
    assert read_tail(tmp_path / "none.log").text == ""


def test_the_tail_starts_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("first line\nsecond\nthird\n", encoding="utf-8")
    assert read_tail(path, 16).text == "second\nthird\n"
    assert read_tail(path, 1000).text == "first line\nsecond\nthird\n"
    path.write_text("x" * 50, encoding="utf-8")
    assert read_tail(path, 10).text == "x" * 10


def test_a_growing_log_is_followed_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    parts = ["one\n", "two\n", "three\n"]
    ended = False

    def write_another() -> None:
        nonlocal ended
        if parts:
            with path.open("a", encoding="utf-8") as file:
                file.write(parts.pop(0))
        else:
            ended = True

    texts = [chunk.text for chunk in follow(path, lambda: ended, write_another)]
    assert texts == ["one\n", "two\n", "three\n"]


def test_what_is_written_just_before_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("first\n", encoding="utf-8")
    asked = 0

    def is_ended() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            with path.open("a", encoding="utf-8") as file:
                file.write("last\n")
        return asked >= 2

    assert "".join(chunk.text for chunk in follow(path, is_ended, lambda: None)) == "first\nlast\n"
