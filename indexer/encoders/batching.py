"""How many images a device takes at once: found by trial, halved when memory runs out.

Knows no torch: what runs, measures and fails is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from indexer.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    class Memory(Protocol):
        """A device's memory, in bytes."""

        def used_by(self, run: Callable[[], object]) -> int:
            """Give the most that a run held beyond what was held before it."""
            ...

        def free(self) -> int:
            """Give what is left."""
            ...


T = TypeVar("T")

LARGEST = 512  # more images at once run no faster on any device
SHARE = 0.8  # of the free memory: other programs need some too, and memory falls to pieces
_PROBES = (2, 8)


def probe(
    run: Callable[[int], object],
    memory: Memory,
    *,
    is_out_of_memory: Callable[[BaseException], bool],
) -> int:
    """Find the largest power of two of images that fits, from two small batches.

    The first batch of all makes what a device holds once, such as its libraries' workspaces.
    Where not even these batches fit, it is for halving to find what does.
    """
    few, more = _PROBES
    try:
        run(few)
        small = memory.used_by(lambda: run(few))
        large = memory.used_by(lambda: run(more))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return more // 2
    each = max((large - small) / (more - few), 1.0)
    fits = int((memory.free() * SHARE - small) / each)
    return 1 << (max(1, min(LARGEST, fits)).bit_length() - 1)


@dataclass(slots=True)
class BatchSize:
    """The number of images that is tried next; it only ever falls."""

    value: int

    def run(
        self,
        items: Sequence[T],
        encode: Callable[[Sequence[T]], object],
        *,
        is_out_of_memory: Callable[[BaseException], bool],
        recover: Callable[[], None],
    ) -> Iterator[object]:
        """Encode all items in order; what failed for want of memory is done again, by halves.

        Raises ModelError where not even one item fits.
        """
        done = 0
        while done < len(items):
            batch = items[done : done + self.value]
            try:
                result = encode(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(batch), error)
            else:
                done += len(batch)
                yield result
                continue
            recover()  # outside `except`, whose traceback holds the tensors

    def _halve(self, size: int, error: BaseException) -> None:
        if size == 1:
            raise ModelError(
                "The device has too little memory for one image. Close what else uses it, or "
                "use --device cpu or a smaller --model."
            ) from error
        self.value = (size + 1) // 2
