"""What the 1,000 classes of ImageNet are called, in English and Chinese. Knows no vectors.

`groups.csv` beside this file names kinds of things that are many classes at once; it was written
for this project.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CLASSES = 1000
TEMPLATES = {"en": "a photo of a {}", "zh": "一张{}的照片。"}
GROUPS = Path(__file__).with_name("groups.csv")


@dataclass(frozen=True, slots=True)
class Name:
    """What some classes are called in one language."""

    text: str
    language: str
    classes: tuple[int, ...]

    @property
    def prompts(self) -> tuple[str, str]:
        """The name as it is typed alone, and within a sentence; in lower case."""
        return self.text.lower(), TEMPLATES[self.language].format(self.text).lower()


def read_class_names(folder: Path) -> list[Name]:
    """Read four names of every class: open_clip's, WordNet's, CLIP_benchmark's and BabelNet's.

    `folder` holds `cn_classnames.json` and `babel_imagenet.json`. A class that BabelNet does not
    name in Chinese has the other Chinese name twice, so that all classes weigh the same.
    """
    from open_clip import IMAGENET_CLASSNAMES

    babel = json.loads((folder / "babel_imagenet.json").read_text("utf-8"))
    chinese = json.loads((folder / "cn_classnames.json").read_text("utf-8"))["imagenet1k"]
    wordnet, babel_chinese = (dict(zip(*babel[code], strict=True)) for code in ("EN", "ZH"))
    lists = (
        ("en", IMAGENET_CLASSNAMES),
        ("en", [wordnet[number] for number in range(CLASSES)]),
        ("zh", chinese),
        ("zh", [babel_chinese.get(number, chinese[number]) for number in range(CLASSES)]),
    )
    return [
        Name(text, language, (number,))
        for language, texts in lists
        for number, text in enumerate(texts)
    ]


def read_groups(path: Path = GROUPS) -> list[Name]:
    """Read names of many classes at once."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Name(row["name"], row["lang"], unfold(row["classes"])) for row in csv.DictReader(file)
        ]


def unfold(spans: str) -> tuple[int, ...]:
    """Turn "1-3,7" into 1, 2, 3, 7."""
    numbers: list[int] = []
    for span in spans.split(","):
        first, _, last = span.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(numbers)


def classes_csv(names: Iterable[Name]) -> str:
    """Write the names as a table `class,lang,name`, by class, each name of a class once."""
    rows = [(number, name.language, name.text) for name in names for number in name.classes]
    by_class = sorted(dict.fromkeys(rows), key=_class_and_language)
    file = io.StringIO(newline="")
    table = csv.writer(file, lineterminator="\n")
    table.writerow(("class", "lang", "name"))
    table.writerows(by_class)
    return file.getvalue()


def _class_and_language(row: tuple[int, str, str]) -> tuple[int, str]:
    return row[0], row[1]
