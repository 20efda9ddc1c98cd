"""What is asked for: terms, filters, what to find, how many. Knows no models or libraries.

How a query is typed stands in terms.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from indexer.errors import UsageError
from indexer.filters import Filters
from search.filter_text import write_filters
from search.terms import check_weights, read_terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from search.terms import Term

Target: TypeAlias = Literal["photos", "captions"]
Channel: TypeAlias = Literal["image", "caption", "words"]

# Of a hit that people are shown: most found for fewest false alarms, the best Youden's J on
# validation photos (tests/benchmarks/confidence.py).
CUT_OFF = 0.2

_ALL = Filters()


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for. Raises UsageError when it cannot mean anything."""

    terms: tuple[Term, ...]
    target: Target = "photos"
    top_k: int = 20
    exclude_self: bool = True  # a photo that is searched by does not find itself
    channels: tuple[Channel, ...] = get_args(Channel)  # those that may rank
    min_confidence: float = 0.0  # of the best top_k, those less sure are no hits
    filters: Filters = _ALL
    like: tuple[int, ...] = ()  # ids of photos: more like these
    unlike: tuple[int, ...] = ()  # and less like these, which are not shown
    diverse: float | None = None  # 1 for relevance alone, 0 for difference alone
    collapse: bool = False  # photos that show the same as a better one are put under it

    def __post_init__(self) -> None:
        is_empty = not self.terms and not self.like
        if is_empty and self.filters:
            raise UsageError("Filters leave photos out and rank none. Add words to rank by.")
        if is_empty:
            raise UsageError('There is nothing to search for. Try: sightseek search "a dog"')
        if self.target not in get_args(Target):
            raise UsageError(f"{self.target!r} cannot be searched for. Ask for photos or captions.")
        if self.top_k < 1:
            raise UsageError(f"{self.top_k} results cannot be given. Ask for at least 1.")
        if not self.used_channels or not set(self.channels) <= set(get_args(Channel)):
            raise UsageError(self._why_no_channel())
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"{self.min_confidence:g} is no confidence. Give 0 to 1.")
        check_weights(self.terms)
        if both := set(self.like) & set(self.unlike):
            raise UsageError(f"Photo {min(both)} is both liked and unliked. Choose one.")
        if self.diverse is not None and not 0 <= self.diverse <= 1:
            raise UsageError(f"{self.diverse} is no balance of diversity. Give 0 to 1.")

    @classmethod
    def parse(
        cls,
        words: str | Sequence[str],
        *,
        target: Target = "photos",
        top_k: int = 20,
        exclude_self: bool = True,
        channels: tuple[Channel, ...] = get_args(Channel),
        min_confidence: float = 0.0,
        filters: Filters = _ALL,
        like: Sequence[int] = (),
        unlike: Sequence[int] = (),
        diverse: float | None = None,
        collapse: bool = False,
    ) -> Self:
        """Read terms as typed in a shell, or one term as a string; `filters` hold too.

        Raises UsageError, and PathNotFoundError for what looks like a photo and is not there.
        """
        terms, own = read_terms([words] if isinstance(words, str) else words)
        return cls(
            terms,
            target=target,
            top_k=top_k,
            exclude_self=exclude_self,
            channels=channels,
            min_confidence=min_confidence,
            filters=filters + own,
            like=tuple(dict.fromkeys(like)),
            unlike=tuple(dict.fromkeys(unlike)),
            diverse=diverse,
            collapse=collapse,
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that are asked for, and not against."""
        return tuple(term.value for term in self.terms if term.kind == "text" and term.weight > 0)

    @property
    def against(self) -> tuple[str, ...]:
        """The texts that are asked against."""
        return tuple(term.value for term in self.terms if term.kind == "text" and term.weight < 0)

    @property
    def is_told(self) -> bool:
        """Whether texts say all that is asked for."""
        return bool(self.texts) and all(term.kind == "text" for term in self.terms)

    @property
    def used_channels(self) -> tuple[Channel, ...]:
        """The channels that may rank, and can: captions and words know what texts ask for.

        Of a text beside a photo they know but a part, and would rank as if it were all.
        """
        can: dict[Channel, bool] = {
            "image": self.target == "photos",
            "caption": self.target == "captions" or self.is_told,
            "words": self.is_told,
        }
        return tuple(each for each, able in can.items() if able and each in self.channels)

    def _why_no_channel(self) -> str:
        named = ", ".join(self.channels)
        if unknown := [each for each in self.channels if each not in get_args(Channel)]:
            return f"{unknown[0]!r} is no channel. Choose from image, caption, words."
        if self.is_told or not self.channels:
            return f"Channels [{named}] rank no {self.target}. Choose from image, caption, words."
        return (
            f"The channels {named} need words to rank by, and no photo beside them. Type some, or "
            "drop --channels."
        )

    def __str__(self) -> str:
        parts = [f"{'-' if term.weight < 0 else '+'} {term}" for term in self.terms]
        text = " ".join((*parts, *write_filters(self.filters))).removeprefix("+ ")
        for word, ids in (("like", self.like), ("unlike", self.unlike)):
            text += f", {word} {' '.join(map(str, ids))}" if ids else ""
        return text.removeprefix(", ")
