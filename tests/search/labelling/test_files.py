"""Files of labels: what they say, what is wrong with them, how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import LabelsError, PathNotFoundError
from search.labelling.files import Label, Repeated, parse_labels, read_labels

if TYPE_CHECKING:
    from pathlib import Path

words = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=20
)


def labels_of(text: str) -> list[Label]:
    return list(parse_labels(text).labels)


def test_a_line_is_a_label_with_the_other_names_behind_its_colon() -> None:
    text = "# animals\n\n dog : puppy,  hound ,\r\ncat\rsea\u3000lion:\n"
    assert labels_of(text) == [Label("dog", ("puppy", "hound")), Label("cat"), Label("sea lion")]


def test_full_width_signs_separate_chinese_names() -> None:
    assert labels_of("狗：小狗，猎犬、犬") == [Label("狗", ("小狗", "猎犬", "犬"))]  # noqa: RUF001


def test_a_backslash_takes_a_sign_as_it_is() -> None:
    text = "16\\:9: wide\\, very\n\\#1\nback\\\\slash\nend\\"
    assert labels_of(text) == [
        Label("16:9", ("wide, very",)), Label("#1"), Label("back\\slash"), Label("end\\"),
    ]  # fmt: skip


def test_a_repeated_name_is_told_and_its_synonyms_count() -> None:
    found = parse_labels("dog: hound\n\nDog: Hound, puppy, dog\n")
    assert found.labels == (Label("dog", ("hound", "puppy")),)
    assert found.repeated == (Repeated("Dog", line=3, first_line=1),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dog\n: hound", "line 2 has no name"),
        ("dog\x07", "line 1 holds a control character"),
        ("d" * 201, "line 1 has a name of 201 characters"),
    ],
)
def test_a_line_that_is_no_label_is_named(text: str, said: str) -> None:
    with pytest.raises(LabelsError, match=said):
        parse_labels(text)


def test_markup_in_a_label_is_only_text() -> None:
    assert labels_of('<&"]]>{0}%s') == [Label('<&"]]>{0}%s')]


def test_a_file_is_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffcafé: кафе\n".encode())
    assert read_labels(path).labels == (Label("café", ("кафе",)),)
    path.write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(LabelsError, match="is not UTF-8"):
        read_labels(path)
    path.write_text("# none\n")
    with pytest.raises(LabelsError, match="has no labels"):
        read_labels(path)
    with pytest.raises(PathNotFoundError, match="no file of labels"):
        read_labels(tmp_path / "missing")


@given(st.lists(st.lists(words, min_size=1, max_size=4), max_size=5))
def test_labels_that_are_written_are_read_as_they_were(parts: list[list[str]]) -> None:
    lines = [": ".join([name, ", ".join(rest)]) for name, *rest in parts if name.strip(" :：")]  # noqa: RUF001
    try:
        found = parse_labels("\n".join(lines))
    except LabelsError:
        return  # a sign where a name should be
    again = parse_labels("\n".join(map(str, found.labels)))
    assert again.labels == found.labels
    assert not again.repeated


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_labels(text)
    except LabelsError:
        return
    folded = [label.name.casefold() for label in found.labels]
    assert len(set(folded)) == len(folded)
    assert all(name == name.strip() != "" for label in found.labels for name in label.names)
