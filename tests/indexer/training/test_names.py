from __future__ import annotations

import json
from typing import TYPE_CHECKING

from indexer.training.names import (
    CLASSES,
    Name,
    classes_csv,
    read_class_names,
    read_groups,
    unfold,
)

if TYPE_CHECKING:
    from pathlib import Path


def write_lists(folder: Path) -> None:
    chinese = [f"名{number}" for number in range(CLASSES)]
    (folder / "cn_classnames.json").write_text(json.dumps({"imagenet1k": chinese}))
    babel = {
        "EN": [list(range(CLASSES)), [f"Name {number}" for number in range(CLASSES)]],
        "ZH": [[0, 2], ["甲", "丙"]],
    }
    (folder / "babel_imagenet.json").write_text(json.dumps(babel))


def test_every_class_has_two_names_in_each_language(tmp_path: Path) -> None:
    write_lists(tmp_path)
    names = read_class_names(tmp_path)
    goldfish = [(name.language, name.text) for name in names if name.classes == (1,)]
    assert goldfish == [("en", "goldfish"), ("en", "Name 1"), ("zh", "名1"), ("zh", "名1")]
    assert [name.text for name in names if name.classes == (2,)][2:] == ["名2", "丙"]
    assert len(names) == 4 * CLASSES


def test_a_prompt_is_lower_case_and_in_the_language_of_its_name() -> None:
    assert Name("Tabby Cat", "en", (281,)).prompts == ("tabby cat", "a photo of a tabby cat")
    assert Name("虎斑猫", "zh", (281,)).prompts == ("虎斑猫", "一张虎斑猫的照片。")


def test_groups_name_known_classes_in_both_languages() -> None:
    groups = read_groups()
    assert {name.language for name in groups} == {"en", "zh"}
    assert len({(name.text, name.language) for name in groups}) == len(groups)
    for name in groups:
        assert name.text == name.text.strip() != ""
        assert list(name.classes) == sorted(set(name.classes))
        assert set(name.classes) <= set(range(CLASSES))
    dogs = {name.text for name in groups if name.classes == tuple(range(151, 269))}
    assert {"dog", "狗"} <= dogs


def test_spans_are_unfolded() -> None:
    assert unfold("151-153,3") == (151, 152, 153, 3)


def test_the_table_has_each_name_of_a_class_once() -> None:
    names = [
        Name("orange, fruit", "en", (1,)),
        Name("橙", "zh", (1,)),
        Name("lemon", "en", (0,)),
        Name("橙", "zh", (1,)),
    ]
    assert classes_csv(names).splitlines() == [
        "class,lang,name",
        "0,en,lemon",
        '1,en,"orange, fruit"',
        "1,zh,橙",
    ]
