from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.encoders.batching import LARGEST, SHARE, BatchSize, probe
from indexer.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class FullError(RuntimeError):
    """What a device says that has no room."""


def is_full(error: BaseException) -> bool:
    return isinstance(error, FullError)


class Device:
    """Holds `base` bytes for any batch and `each` for an image; counts what it was given."""

    def __init__(self, room: float, *, base: int = 0, each: int = 1, at_first: int = 0) -> None:
        self.room, self.base, self.each, self.at_first = room, base, each, at_first
        self.tried: list[int] = []
        self.recovered = 0

    def run(self, count: int) -> int:
        """Run a batch; gives the most it held."""
        held = self.base + self.each * count
        if not self.tried:
            self.room -= self.at_first  # libraries' workspaces, which stay
        self.tried.append(count)
        if held > self.room:
            raise FullError
        return held

    def encode(self, items: Sequence[int]) -> list[int]:
        self.run(len(items))
        return [-item for item in items]

    def recover(self) -> None:
        self.recovered += 1

    def used_by(self, run: Callable[[], object]) -> int:
        before = len(self.tried)
        run()
        return self.base + self.each * sum(self.tried[before:])

    def free(self) -> int:
        return int(self.room)


def encoded(batch: BatchSize, items: Sequence[int], device: Device) -> list[int]:
    blocks = batch.run(items, device.encode, is_out_of_memory=is_full, recover=device.recover)
    return [row for block in blocks for row in block]  # type: ignore[attr-defined]


@given(st.integers(0, 300), st.integers(1, 600), st.integers(1, 700))
def test_whatever_fits_nothing_is_lost_and_order_stays(count: int, room: int, size: int) -> None:
    device, batch, items = Device(room), BatchSize(size), list(range(count))
    assert encoded(batch, items, device) == [-item for item in items]
    failed = [tried for tried in device.tried if tried > room]
    assert device.recovered == len(failed)
    assert len(failed) <= size.bit_length()  # by halves
    assert 1 <= batch.value <= size
    assert min(count, size) <= room or batch.value <= room
    # no smaller than it must be, give or take a half
    assert batch.value >= min(size, room // 2, max(count // 2, 1))


@given(st.integers(1, 40))
def test_a_device_without_room_for_one_is_told(count: int) -> None:
    with pytest.raises(ModelError, match="too little memory for one image") as caught:
        encoded(BatchSize(16), range(count), Device(0))
    assert isinstance(caught.value.__cause__, FullError)


def test_what_was_done_before_memory_ran_out_is_not_done_again() -> None:
    device, batch = Device(8), BatchSize(8)
    blocks = batch.run(range(20), device.encode, is_out_of_memory=is_full, recover=device.recover)
    assert next(blocks) == [-item for item in range(8)]
    device.room = 3  # another program came
    assert [row for block in blocks for row in block] == [-item for item in range(8, 20)]  # type: ignore[attr-defined]
    assert device.tried == [8, 8, 4, 2, 2, 2, 2, 2, 2]
    assert batch.value == 2


def test_other_errors_are_not_taken_for_want_of_memory() -> None:
    def encode(items: Sequence[int]) -> object:
        raise RuntimeError("a shape is wrong")

    batch = BatchSize(4)
    with pytest.raises(RuntimeError, match="a shape is wrong"):
        list(batch.run(range(4), encode, is_out_of_memory=is_full, recover=lambda: None))
    assert batch.value == 4


@given(
    room=st.integers(1, 10**9),
    base=st.integers(0, 10**6),
    each=st.integers(1, 10**7),
    at_first=st.integers(0, 10**6),
)
def test_what_a_probe_finds_fits_and_is_no_less_than_half_of_what_does(
    room: int, base: int, each: int, at_first: int
) -> None:
    device = Device(room, base=base, each=each, at_first=at_first)
    size = probe(device.run, device, is_out_of_memory=is_full)
    if base + 8 * each > device.room:
        assert size == 4  # for halving to try
        return
    assert 1 <= size <= LARGEST
    assert size.bit_count() == 1
    assert size == 1 or base + each * size <= device.room
    assert size == LARGEST or 2 * size * each + base >= device.room * SHARE - 3 * each


def test_a_probe_runs_once_before_it_measures() -> None:
    device = Device(10**6, each=1000, at_first=500_000)
    assert probe(device.run, device, is_out_of_memory=is_full) == 256
    assert device.tried == [2, 2, 8]


def test_a_probe_that_costs_nothing_finds_the_largest() -> None:
    assert probe(lambda _: None, Device(10**6, each=0), is_out_of_memory=is_full) == LARGEST


def test_a_probe_tells_other_errors() -> None:
    def run(count: int) -> None:
        raise RuntimeError("a shape is wrong")

    with pytest.raises(RuntimeError, match="a shape is wrong"):
        probe(run, Device(100), is_out_of_memory=is_full)
