"""`sightseek train` on colours: from photos and captions to a bundle that finds them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.manifest import MANIFEST, Manifest
from indexer.training.collection import read_collection, split
from search.cli import main

pytest.importorskip("onnx")

from indexer.errors import BundleError, TrainingError
from indexer.training.contrastive import Schedule
from indexer.training.fit import Recipe
from indexer.training.train import Options, train

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.training.collection import Collection
    from indexer.training.report import TrainReport

QUICK = Recipe(schedule=Schedule(steps=60, every=20, patience=2, hidden=16, dim=16))


@pytest.fixture(scope="module")
def collection(photos: Path) -> Collection:
    return read_collection(
        [photos / "images"], captions=[photos / "captions.csv"], labels=[photos / "labels.csv"]
    )


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    return Options(name="colours", cache=tmp_path_factory.mktemp("cache"), recipe=QUICK)


@pytest.fixture(scope="module")
def trained(
    collection: Collection, base: Path, options: Options, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainReport]:
    output = tmp_path_factory.mktemp("trained") / "bundle"
    return output, train(collection, base, output, options)


def test_it_finds_more_test_photos_than_the_base(trained: tuple[Path, TrainReport]) -> None:
    _, report = trained
    after = {each.language: each.text_to_image.at_5 for each in report.test}
    before = {each.language: each.text_to_image.at_5 for each in report.base_test}
    assert after["en"] > before["en"]
    assert after["zh"] > before["zh"]
    assert after["en"] > 0.5


def test_the_new_bundle_loads_and_keeps_what_a_base_needs(
    trained: tuple[Path, TrainReport], base: Path
) -> None:
    output, report = trained
    encoder = BundleEncoder.load(output)
    vectors = encoder.encode_texts(["a red beside a blue", "红 蓝"])
    assert vectors.shape == (2, encoder.dim)
    assert encoder.dim > BundleEncoder.load(base).dim
    assert set(encoder.image_output_names) >= {"embeddings", "pooled", "features.pooled"}
    assert "nearest" not in encoder.text_output_names  # what it was sure of is in its embeddings
    assert report.bytes_on_disk == sum(
        (output / name).stat().st_size for name in encoder.manifest.digests
    )


def test_its_vectors_are_those_that_were_measured(
    trained: tuple[Path, TrainReport], collection: Collection, base: Path, options: Options
) -> None:
    output, _ = trained
    held_out = output.with_name("held-out")
    report = train(collection, base, held_out, replace(options, keep_test_out=True))
    encoder = BundleEncoder.load(held_out)
    (english,) = (each for each in report.test if each.language == "en")
    from indexer.training.measure import measure_retrieval

    parts = split(collection.photos, seed=0)
    rows = [row for row, part in enumerate(parts) if part != "train"]
    images = encoder.encode_images(
        [encoder.preprocess(Image.open(collection.photos[row].path).convert("RGB")) for row in rows]
    )
    asked = [
        said
        for said in collection.captions
        if said.language == "en" and parts[said.photo] == "test"
    ]
    again = measure_retrieval(
        encoder.encode_texts([said.text for said in asked]),
        images,
        [rows.index(said.photo) for said in asked],
        collection="pairs",
        language="en",
    )
    assert again.text_to_image.at_5 == pytest.approx(english.text_to_image.at_5, abs=0.07)
    assert again.related.p50 == pytest.approx(english.related.p50, abs=0.03)


def test_the_same_seed_gives_the_same_bytes(
    trained: tuple[Path, TrainReport], collection: Collection, base: Path, options: Options
) -> None:
    output, _ = trained
    again = output.with_name("again")
    train(collection, base, again, options)
    names = {path.name for path in output.iterdir()}
    assert names == {path.name for path in again.iterdir()}
    for name in Manifest.read(output).digests:
        assert (output / name).read_bytes() == (again / name).read_bytes(), name


def test_a_trained_bundle_can_be_a_base(
    trained: tuple[Path, TrainReport], collection: Collection, options: Options, tmp_path: Path
) -> None:
    output, before = trained
    try:
        report = train(collection, output, tmp_path / "next", options)
    except TrainingError as error:  # it has seen all these photos
        assert "taught nothing that the base does not know" in str(error)  # noqa: PT017
    else:
        assert report.source == "the base's towers with fp32 heads"
    first = {each.language: each.text_to_image.at_10 for each in before.test}
    again = train(collection, output, None, options)
    assert {e.language: e.text_to_image.at_10 for e in again.base_test}["en"] >= first["en"]
    assert not again.refitted


def test_parts_can_be_left_out(collection: Collection, base: Path, options: Options) -> None:
    whole = train(collection, base, None, options)
    assert whole.share == 0.5
    reports = {
        name: train(collection, base, None, replace(options, recipe=recipe))
        for name, recipe in {
            "labels": replace(QUICK, labels=False),
            "pseudo": replace(QUICK, pseudo=False),
            "base": replace(QUICK, base=False),
            "zh": replace(QUICK, languages=frozenset({"en"})),
        }.items()
    }
    assert reports["base"].share == 0
    for report in reports.values():
        assert {each.language for each in report.test} == {"en", "zh"}
        assert report.test != whole.test


def test_a_base_of_embeddings_alone_is_blended_by_validation(
    collection: Collection, plain_base: Path, options: Options
) -> None:
    report = train(collection, plain_base, None, options)
    assert report.share < 1
    assert max(abs(each.unrelated.p99) for each in report.base_test) <= 1  # cosines


def test_captions_of_test_photos_teach_nothing(
    collection: Collection, base: Path, options: Options
) -> None:
    parts = split(collection.photos, seed=0)
    lied = replace(
        collection,
        said=tuple(
            replace(said, text="a white beside a white") if parts[said.photo] == "test" else said
            for said in collection.said
        ),
    )
    first, second = (train(each, base, None, options) for each in (collection, lied))
    assert first.steps == second.steps
    assert first.validation == second.validation


def test_equal_captions_are_refused_in_one_line(
    collection: Collection, plain_base: Path, options: Options
) -> None:
    same = replace(
        collection, said=tuple(replace(said, text="a photo") for said in collection.captions)
    )
    with pytest.raises(TrainingError, match="Give captions that tell photos apart"):
        train(same, plain_base, None, options)


def test_a_base_of_old_operators_is_refused_at_once(
    collection: Collection, base: Path, options: Options, tmp_path: Path
) -> None:
    import hashlib

    import onnx

    for path in base.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = onnx.load(tmp_path / "text.onnx")
    model.opset_import[0].version = 17
    onnx.save(model, tmp_path / "text.onnx")
    manifest = Manifest.read(tmp_path)
    digest = hashlib.sha256((tmp_path / "text.onnx").read_bytes()).hexdigest()
    replace(manifest, digests=dict(manifest.digests) | {"text.onnx": digest}).write(tmp_path)
    with pytest.raises(BundleError, match="opset 17, and training needs 20"):
        train(collection, tmp_path, None, options)


def test_a_collection_without_captions_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("image,caption\nother.jpg,a cat\n")
    with pytest.raises(TrainingError, match="None of the 112 photos has a caption"):
        read_collection([photos / "images"], captions=[tmp_path / "none.csv"])


def test_a_few_photos_are_too_few(base: Path, photos: Path, options: Options) -> None:
    few = read_collection([photos / "images" / "000.png"], captions=[photos / "captions.csv"])
    with pytest.raises(TrainingError, match="Give more"):
        train(few, base, None, options)


def test_a_photo_that_cannot_be_decoded_is_named(
    base: Path, photos: Path, options: Options, tmp_path: Path
) -> None:
    for path in (photos / "images").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "000.png").write_bytes((tmp_path / "000.png").read_bytes()[:60])
    damaged = read_collection([tmp_path], captions=[photos / "captions.csv"])
    report = train(damaged, base, None, options)
    assert [each.path.name for each in report.skipped] == ["000.png"]
    (tmp_path / "000.png").write_bytes((photos / "images" / "000.png").read_bytes())
    assert not train(
        read_collection([tmp_path], captions=[photos / "captions.csv"]), base, None, options
    ).skipped


def test_the_command_writes_a_bundle_and_its_card(photos: Path, base: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    words = [
        "train",
        str(photos / "images"),
        *("--captions", str(photos / "captions.csv")),
        *("--labels", str(photos / "labels.csv")),
        *("--base", str(base)),
        *("--cache", str(tmp_path / "cache")),
        "--keep-test-out",  # one fit instead of two
        *("--output", str(output)),
        "--json",
    ]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["name"] == "mine"
    assert (output / MANIFEST).is_file()
    card = (output / "MODEL_CARD.md").read_text("utf-8")
    assert "# mine" in card
    assert "| pairs | en |" in card


def test_the_command_says_what_it_can_leave_out(photos: Path, base: Path) -> None:
    words = ["train", str(photos), "--captions", str(photos / "captions.csv"), "--base", str(base)]
    result = CliRunner().invoke(main, [*words, "--without", "klingon"])
    assert result.exit_code == 2
    assert "--without knows labels, pseudo, base, en, zh, and not 'klingon'" in result.stderr


def test_vectors_of_the_bundle_have_length_1(trained: tuple[Path, TrainReport]) -> None:
    encoder = BundleEncoder.load(trained[0])
    pixels = np.zeros((3, 16, 16), np.float32)
    outputs = encoder.image_outputs([pixels], ["embeddings"])["embeddings"]
    assert np.linalg.norm(outputs) == pytest.approx(1, abs=1e-5)


def test_a_folder_with_other_files_is_not_written_to(
    photos: Path, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "image.onnx").touch()  # what an interrupted run leaves
    (tmp_path / "letter.txt").touch()
    words = ["train", str(photos), "--captions", str(photos / "captions.csv"), "--base", str(base)]
    result = CliRunner().invoke(main, [*words, "--output", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds other files" in result.stderr
    missing = CliRunner().invoke(main, [*words, "--output", str(tmp_path / "no" / "where")])
    assert missing.exit_code == 1
    assert "Make it first" in missing.stderr
