"""Groups are stars: nobody is in one for the sake of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from search.duplicates.grouping import link, stars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def near(a: int, b: int) -> bool:
    return abs(a - b) <= 2


def compare(keeper: int, others: Sequence[int]) -> Mapping[int, int]:
    return {other: abs(keeper - other) for other in others if near(keeper, other)}


@given(st.sets(st.tuples(st.integers(0, 30), st.integers(0, 30))), st.permutations(range(31)))
def test_every_member_was_compared_with_its_keeper(
    pairs: set[tuple[int, int]], order: list[int]
) -> None:
    links = link((a, b, abs(a - b)) for a, b in pairs if a != b and near(a, b))
    groups = stars(order, links, compare)
    members = [each for others in groups.values() for each in others]
    assert len(members) == len(set(members))
    assert not set(members) & set(groups)
    for keeper, others in groups.items():
        assert others == {other: abs(keeper - other) for other in others if near(keeper, other)}
        assert all(order.index(keeper) < order.index(other) for other in others)
    # whoever is alone has nobody left to be with
    alone = set(links) - set(members) - set(groups)
    assert not [(a, b) for a in alone for b in links[a] if b in alone]


def test_a_chain_does_not_drift() -> None:
    links = link((at, at + 1, 1) for at in range(9))
    groups = stars(range(10), links, compare)
    assert {keeper: sorted(others) for keeper, others in groups.items()} == {
        0: [1, 2],
        3: [4, 5],
        6: [7, 8],
    }


def test_what_two_members_are_linked_to_is_compared_with_the_keeper() -> None:
    links = link([(0, 1, 1), (1, 2, 1), (2, 4, 2)])
    assert stars([0, 1, 2, 4], links, compare) == {0: {1: 1, 2: 2}}
