from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import UsageError
from indexer.filters import After, Camera, Condition, Filters
from search.line import Line, read_line, write_condition, write_term
from search.query import Query
from search.syntax import split_line
from search.terms import Term

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def text(value: str, weight: float = 1.0) -> Term:
    return Term("text", value, weight)


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("", []),
        ("  ", []),
        ("two people", [text("two people")]),
        ("horse + stripes - 0.5:fence",
         [text("horse"), text("stripes"), text("fence", -0.5)]),
        ('0.5:"old fence"', [text("old fence", 0.5)]),
        ('horse - "old fence"', [text("horse"), text("old fence", -1)]),
        ('horse -"old fence" -cat', [text("horse"), text("old fence", -1), text("cat", -1)]),
        ('"horse + stripes"', [text("horse + stripes")]),
        ('"- a"', [text("- a")]),
        ("\\16:9 photo", [text("16:9 photo")]),
        ("2:\\16:9", [text("16:9", 2)]),
        ("\\-word", [text("-word")]),
        ('say \\"hi there"', [text('say "hi there"')]),
        ('an open "quote', [text('an open "quote')]),
        ("2: dog", [text("2: dog")]),
        ("a-b -5", [text("a-b -5")]),
    ],
)  # fmt: skip
def test_a_line_is_read_as_a_command_line_is(line: str, terms: list[Term]) -> None:
    assert read_line(line) == Line(tuple(terms))


def test_filters_stand_anywhere_in_a_line() -> None:
    line = read_line('after:2021 dog camera:"pixel 7" + beach')
    assert line.terms == (text("dog"), text("beach"))
    assert line.filters == Filters((Condition(After("2021")), Condition(Camera("pixel 7"))))
    assert str(line) == 'dog + beach after:2021 camera:"pixel 7"'


@pytest.mark.parametrize(
    "line", ["dog +", "+ + dog", "- after:2021", "foo:bar", 'camera:"x', "0:dog", "2:-cat"]
)
def test_a_line_that_means_nothing_says_why(line: str) -> None:
    with pytest.raises(UsageError):
        read_line(line)


def test_no_line_makes_a_file_be_looked_at_or_an_address_fetched(
    tmp_path: Path, paint: Callable[..., Path]
) -> None:
    path = paint(tmp_path / "a.jpg", "red")
    for word in (str(path), "/no/such.jpg", str(tmp_path), "http://a.b/c.jpg", "~/x.jpg"):
        assert read_line(word).terms == (text(word),)


def test_a_line_of_too_many_terms_or_filters_is_refused() -> None:
    assert len(read_line(" + ".join("a" * 32)).terms) == 32
    with pytest.raises(UsageError, match="33 terms are too many"):
        read_line(" + ".join("a" * 33))
    with pytest.raises(UsageError, match="33 filters are too many"):
        read_line(" ".join(f"camera:{number}" for number in range(33)))


def test_a_filter_that_is_typed_twice_counts_once() -> None:
    assert str(read_line("dog has:gps " + "has:gps " * 100)) == "dog has:gps"


SPICY = st.text(alphabet='ab "\\-+:.126\n\tcamer~/', min_size=1, max_size=12)
VALUES = (SPICY | st.text(min_size=1)).map(str.strip).filter(bool)
WEIGHTS = st.sampled_from([1.0, -1.0, 2.0, 0.5, -0.25, 1e-7]) | st.floats(
    allow_nan=False, allow_infinity=False
).filter(bool)
TERMS = st.lists(st.builds(text, VALUES, WEIGHTS), max_size=5).map(tuple)
FILTERS = st.lists(
    st.builds(Condition, st.builds(Camera, VALUES), st.booleans()), max_size=3, unique=True
).map(lambda conditions: Filters(tuple(conditions)))


@given(st.builds(Line, TERMS, FILTERS))
def test_what_is_written_is_read_as_the_same(line: Line) -> None:
    assert read_line(str(line)) == line


@given(st.text(alphabet='ab "\\-+:.126\n\tcamer~/') | st.text())
def test_what_is_typed_has_one_canonical_form(typed: str) -> None:
    try:
        line = read_line(typed)
    except UsageError:
        return
    assert read_line(str(line)) == line
    assert "".join("".join(split_line(typed)).split()) == "".join(typed.split())


@given(st.lists(st.sampled_from(["dog", "big cat", "red"]), min_size=1, max_size=3))
def test_plain_words_mean_the_same_to_a_command_line(words: list[str]) -> None:
    assert read_line(" ".join(words)).terms == Query.parse(words).terms


def test_a_line_is_edited_term_by_term_and_filter_by_filter() -> None:
    line = read_line("horse - fence after:2021 -camera:pixel before:2022")
    assert str(line.without_term(0)) == "- fence after:2021 -camera:pixel before:2022"
    assert str(line.weighing(1, 2)) == "horse + 2:fence after:2021 -camera:pixel before:2022"
    assert str(line.negating(1)) == "horse - fence after:2021 camera:pixel before:2022"
    assert str(line.without_filter(0)) == "horse - fence -camera:pixel before:2022"
    assert str(line.without_keys({"after", "before"})) == "horse - fence -camera:pixel"
    assert str(line + read_line("dog after:2021 rating:3")) == (
        "horse - fence + dog after:2021 -camera:pixel before:2022 rating:3"
    )
    assert write_term(line.terms[1]) == "- fence"
    assert write_condition(line.filters.conditions[1]) == "-camera:pixel"
