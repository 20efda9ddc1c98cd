from __future__ import annotations

import json

from indexer.encoders.manifest import Agreement, Manifest
from indexer.encoders.registry import BUILTIN_FOLDER
from indexer.training.card import model_card
from indexer.training.measure import Naming, Recall, Retrieval, Speed, Spread
from indexer.training.report import PartSizes, TrainReport, train_json, train_lines

SPREAD = Spread(0.1, 0.2, 0.3, 0.4, 0.5)


def retrieval(language: str, at_10: float) -> Retrieval:
    recall = Recall(0.1, 0.2, at_10)
    return Retrieval("pets", language, 40, 200, recall, recall, SPREAD, SPREAD, 0.97)


REPORT = TrainReport(
    name="mine",
    base="builtin",
    seed=5,
    collections=(PartSizes("pets", 100, 500, 20),),
    captioned_photos={"train": 70, "validation": 15, "test": 15},
    steps=180,
    share=0.5,
    validation=(),
    test=(retrieval("en", 0.754), retrieval("zh", 0.6)),
    base_test=(retrieval("en", 0.472),),
    naming=(Naming("pets", "en", 20, 4, 0.75, 0.9),),
    base_naming=(Naming("pets", "en", 20, 4, 0.25, 0.5),),
    image_agreement=Agreement(500, 0.997, 0.985, 0.97, -0.001),
    text_agreement=Agreement(500, 0.999, 0.999, 0.998, 0.002),
    bytes_on_disk=57_100_000,
    speed=Speed(150.4, 60.2, 7.25, 2),
    seconds=12.0,
)


def test_the_card_states_what_was_measured() -> None:
    card = model_card(Manifest.read(BUILTIN_FOLDER), REPORT)
    for line in (
        "| pets | 100 | 500 | 20 |",
        "| pets | en | 200 | 40 | 10.0 / 20.0 / 75.4 | 10.0 / 20.0 / 75.4 | 10.0 / 20.0 / 47.2 |",
        "| pets | zh | 200 | 40 | 10.0 / 20.0 / 60.0 | 10.0 / 20.0 / 60.0 |  |",
        "| pets | en | 20 | 4 | 75.0 / 90.0 | 25.0 / 50.0 |",
        "never saw them changes by -0.10 points",
        "150 images/s (fp32: 60), 7.2 ms a caption",
        "refitted on all photos",
    ):
        assert line in card


def test_the_card_names_every_source_and_licence() -> None:
    manifest = Manifest.read(BUILTIN_FOLDER)
    card = model_card(manifest, REPORT)
    assert manifest.sources
    for source in manifest.sources:
        assert f"| {source.part} | {source.origin} | {source.licence} |" in card


def test_the_report_is_json() -> None:
    assert json.loads(json.dumps(train_json(REPORT)))["test"][0]["text_to_image"]["at_10"] == 0.754


def test_the_lines_set_the_model_beside_its_base() -> None:
    lines = "\n".join(train_lines(REPORT))
    assert "100 photos with captions (15 test, 70 train, 15 validation); 180 steps." in lines
    assert "75.4%" in lines
    assert "47.2%" in lines
    assert "57.1 MB; 12 s." in lines
