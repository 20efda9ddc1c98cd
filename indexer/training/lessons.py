"""What a collection and the base's classes say, as texts and as material. Runs no model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.training.material import Described
from indexer.training.names import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Collection as Members
    from collections.abc import Mapping, Sequence

    from indexer.training.collection import Collection
    from indexer.training.last_layers import ClassName


@dataclass(frozen=True, slots=True)
class Lessons:
    """Every text, once, and who says it of what; rows are places in `texts`."""

    collection: Collection
    classes: tuple[ClassName, ...]
    labels: Mapping[str, Mapping[str, tuple[str, ...]]]  # a label's texts by language
    texts: tuple[str, ...]
    row_of: Mapping[str, int]

    @classmethod
    def of(cls, collection: Collection, classes: Sequence[ClassName]) -> Lessons:
        """Gather the texts of captions, labels and classes."""
        labels = {
            said.text: {
                language: _phrases(name, language)
                for language, name in (
                    (said.language, said.text),
                    *collection.names.get(said.text, {}).items(),
                )
            }
            for said in collection.labels
        }
        texts = dict.fromkeys(
            (
                *(said.text for said in collection.captions),
                *(text for names in labels.values() for each in names.values() for text in each),
                *(text for each in classes for text in _phrases(each.name, each.language)),
            )
        )
        rows = {text: row for row, text in enumerate(texts)}
        return cls(collection, tuple(classes), labels, tuple(texts), rows)

    def captioned(self, photos: Members[int], languages: Members[str] | None) -> list[Described]:
        """Give the captioned ones of `photos`, a photo with its own group."""
        found: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for said in self.collection.captions:
            if said.photo in photos and (languages is None or said.language in languages):
                found[said.photo][said.language].append(self.row_of[said.text])
        return [
            Described(photo, _frozen(texts), photo, "caption") for photo, texts in found.items()
        ]

    def labelled(self, photos: Members[int], languages: Members[str] | None) -> list[Described]:
        """Give the labelled ones of `photos`; those of one label are one group."""
        groups = {label: -1 - at for at, label in enumerate(sorted(self.labels))}
        return [
            Described(said.photo, self.names_of(said.text, languages), groups[said.text], "label")
            for said in self.collection.labels
            if said.photo in photos
        ]

    def names_of(
        self, label: str, languages: Members[str] | None = None
    ) -> Mapping[str, tuple[int, ...]]:
        """Give the rows of a label's names by language, plain and in a template."""
        return {
            language: tuple(self.row_of[text] for text in texts)
            for language, texts in self.labels[label].items()
            if languages is None or language in languages
        }

    def named_classes(self, languages: Members[str] | None) -> list[Described]:
        """Give the base's classes; `photo` is the class."""
        found: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for each in self.classes:
            if languages is None or each.language in languages:
                rows = (self.row_of[text] for text in _phrases(each.name, each.language))
                found[each.index][each.language].extend(rows)
        start = -1 - len(self.labels)
        return [
            Described(index, _frozen(names), start - index, "class")
            for index, names in found.items()
        ]


def _phrases(name: str, language: str) -> tuple[str, ...]:
    template = TEMPLATES.get(language)
    return (name,) if template is None else (name, template.format(name))


def _frozen(texts: Mapping[str, Sequence[int]]) -> Mapping[str, tuple[int, ...]]:
    return {language: tuple(rows) for language, rows in texts.items()}
