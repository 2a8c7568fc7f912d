"""One stream of output is cut at the marks between files, wherever a read ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradewind.dag_processor.parsing.output import KEPT_OUTPUT_BYTES, ChildOutput

TEXTS = st.lists(st.text(alphabet="ab\0\n", max_size=30), min_size=1, max_size=5)


@given(TEXTS, st.data())
def test_each_file_gets_what_it_wrote(texts: list[str], data: st.DataObject) -> None:
    output = ChildOutput()
    stream = output.mark.join(text.encode() for text in texts)
    found: dict[int, str] = {}
    begun = 0
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        begun += output.feed(stream[:size])
        stream = stream[size:]
        if data.draw(st.booleans()):
            found |= output.take()
    found |= output.end()
    assert found == {place: text for place, text in enumerate(texts) if text}
    assert output.at == len(texts) - 1
    assert begun <= output.at


def test_what_looks_like_half_a_mark_is_kept() -> None:
    output = ChildOutput()
    assert not output.feed(b"word" + output.mark[:5])
    assert not output.feed(b" and more")
    assert output.end() == {0: "word" + output.mark[:5].decode() + " and more"}


def test_the_middle_of_much_output_is_left_out() -> None:
    output = ChildOutput()
    for _ in range(10):
        output.feed(b"x" * KEPT_OUTPUT_BYTES)
    output.feed(b"the end")
    (text,) = output.end().values()
    assert len(text) == 2 * KEPT_OUTPUT_BYTES + len("\n[...]\n")
    assert text.endswith("xthe end")
