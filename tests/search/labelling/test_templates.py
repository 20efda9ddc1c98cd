from __future__ import annotations

import pytest

from indexer.errors import UsageError
from search.labelling.templates import CHINESE, ENGLISH, checked, filled


@pytest.mark.parametrize(
    ("name", "templates"),
    [
        ("dog", ENGLISH),
        ("café", ENGLISH),
        ("狗", CHINESE),
        ("T恤", CHINESE),
        ("собака", ("{}",)),
        ("犬の写真", ("{}",)),
        ("16:9", ("{}",)),
    ],
)
def test_a_name_is_put_in_sentences_of_its_script(name: str, templates: tuple[str, ...]) -> None:
    assert filled(name) == tuple(template.replace("{}", name) for template in templates)


def test_a_name_is_never_read_as_a_format() -> None:
    assert filled("{0} %s {}", ["a photo of a {}"]) == ("a photo of a {0} %s {}",)


def test_a_template_needs_a_place() -> None:
    assert checked(["a {}", "the {}", "a {}"]) == ("a {}", "the {}")
    with pytest.raises(UsageError, match="has no place for a label"):
        checked(["a {}", "a photo"])
