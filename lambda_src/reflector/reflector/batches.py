"""Lines into request bodies of a limited size."""

from collections.abc import Iterable, Iterator


def batches(lines: Iterable[bytes], limit: int) -> Iterator[list[bytes]]:
    """The lines in order, cut into lists that take at most `limit` bytes when joined by one byte.

    A line is never cut: one that is longer than the limit travels alone.
    """
    batch: list[bytes] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if batch and size - 1 > limit:
            yield batch
            batch = []
            size = len(line) + 1
        batch.append(line)
    if batch:
        yield batch
