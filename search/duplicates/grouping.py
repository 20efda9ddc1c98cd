"""Pairs to groups. Pure: knows neither photos nor how pairs are compared.

Links make chains, and the ends of a chain may have nothing in common. So a group is a star: all of
it was compared with its keeper, and nothing is in it for the sake of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Links: TypeAlias = "Mapping[int, Mapping[int, E]]"  # both ways
    Compare: TypeAlias = "Callable[[int, Sequence[int]], Mapping[int, E]]"

E = TypeVar("E")


def link(pairs: Iterable[tuple[int, int, E]]) -> dict[int, dict[int, E]]:
    """Arrange links so that each end finds the other."""
    links: dict[int, dict[int, E]] = {}
    for a, b, evidence in pairs:
        links.setdefault(a, {})[b] = evidence
        links.setdefault(b, {})[a] = evidence
    return links


def stars(order: Iterable[int], links: Links[E], compare: Compare[E]) -> dict[int, dict[int, E]]:
    """Group what is linked around keepers, the first in `order` being the best to keep.

    `compare` returns, of some items, those that belong to a keeper. It is asked of what is linked
    to members already found; each item goes to the first keeper that it belongs to.
    """
    taken: set[int] = set()
    groups: dict[int, dict[int, E]] = {}
    for keeper in order:
        if keeper in taken or keeper not in links:
            continue
        members = _members(keeper, links, compare, taken)
        if members:
            groups[keeper] = members
            taken.update(members, (keeper,))
    return groups


def _members(keeper: int, links: Links[E], compare: Compare[E], taken: set[int]) -> dict[int, E]:
    members = {each: found for each, found in links[keeper].items() if each not in taken}
    asked = {keeper, *members}
    edge = list(members)
    while edge:
        beyond = {far for near in edge for far in links[near]} - asked - taken
        asked |= beyond
        found = compare(keeper, sorted(beyond)) if beyond else {}
        members.update(found)
        edge = list(found)
    return members
