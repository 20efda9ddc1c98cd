"""The sample collection, indexed and searched in three ways: what a first look shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.pipeline import index_photos
from indexer.sample import sample_folder
from indexer.status import read_status
from search.engine import SearchEngine
from search.query import Query

if TYPE_CHECKING:
    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import IndexReport
    from search.results import Results


@dataclass(frozen=True, slots=True)
class Demo:
    """What was indexed and what was found: by a text, by a photo, and captions for a photo."""

    report: IndexReport
    photos: int
    by_text: Results
    by_photo: Results
    captions: Results


def run_demo(library: Library, encoder: Encoder) -> Demo:
    """Index the sample collection into a library, and search it."""
    folder = sample_folder()
    report = index_photos([folder], library, encoder, captions=[folder / "captions.csv"])
    engine = SearchEngine(library, encoder)
    cat, astronaut = str(folder / "cat.jpg"), str(folder / "astronaut.jpg")
    return Demo(
        report=report,
        photos=read_status(library).photos,
        by_text=engine.search(Query.parse("a cup of coffee", top_k=3)),
        by_photo=engine.search(Query.parse([cat], top_k=3)),
        captions=engine.search(Query.parse([astronaut], target="captions", top_k=3)),
    )
