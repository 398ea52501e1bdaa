import itertools

from hypothesis import given
from hypothesis import strategies as st
from reflector.batches import batches


@given(st.lists(st.binary(max_size=30)), st.integers(1, 60))
def test_all_lines_in_order_within_the_limit_and_no_batch_more_than_needed(lines, limit):
    got = list(batches(lines, limit))
    assert [line for batch in got for line in batch] == lines
    assert all(batch for batch in got)
    assert all(len(b"\n".join(batch)) <= limit or len(batch) == 1 for batch in got)
    for batch, following in itertools.pairwise(got):
        assert len(b"\n".join([*batch, following[0]])) > limit


def test_the_limit_itself_is_allowed():
    assert list(batches([b"ab", b"cd"], 5)) == [[b"ab", b"cd"]]
    assert list(batches([b"ab", b"cd"], 4)) == [[b"ab"], [b"cd"]]


def test_a_line_beyond_the_limit_travels_alone():
    assert list(batches([b"a", b"b" * 9, b"c"], 5)) == [[b"a"], [b"b" * 9], [b"c"]]
