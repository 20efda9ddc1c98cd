"""How far sightseek's vectors are from open_clip's own, architecture by architecture.

Usage: python tests/benchmarks/parity.py PHOTOS CAPTIONS_CSV ARCH...

Each architecture gets random weights, which are saved as a checkpoint; open_clip's model, its
evaluation transform and its tokenizer then encode 50 photos and 50 captions, and so does sightseek:
in torch in fp32 and in its 16 bits, as a bundle in fp32 and as the bundle that it would make. Per
row the mean and lowest cosine to open_clip, for photos decoded once by sightseek and for files that
each side decodes (end to end); what different photos and texts have in common (`alike`: the less,
the more the cosines say); seconds to export, megabytes, and photos per second on this machine.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.encoders.manifest import TOKENIZER
from indexer.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image

    from indexer.encoders import Encoder
    from indexer.encoders.bundle import BundleEncoder
    from indexer.records import Vectors

COUNT = 50
SETTLE = 16  # photos for the statistics of batch normalisation


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is encoded."""

    paths: Sequence[Path]
    captions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to run a model, compared with open_clip's."""

    name: str
    images: str
    files: str
    texts: str
    rate: float
    export: str = ""
    megabytes: str = ""


def read_inputs(photos: Path, table: Path) -> Inputs:
    """Take the first 50 captioned photos."""
    with table.open(encoding="utf-8", newline="") as lines:
        captions: dict[str, str] = {}
        for row in csv.DictReader(lines):
            captions.setdefault(row["image"], row["caption"])
    names = [name for name in captions if (photos / name).is_file()][:COUNT]
    return Inputs([photos / name for name in names], [captions[name] for name in names])


def compare(architecture: str, inputs: Inputs) -> tuple[str, list[Row]]:
    """Measure one architecture; a heading and its rows."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch
        folder = Path(scratch) / architecture
        folder.mkdir()
        return _compare(architecture, folder, inputs)


def _compare(architecture: str, folder: Path, inputs: Inputs) -> tuple[str, list[Row]]:
    from random_models import make_model

    from indexer.encoders import zoo
    from indexer.encoders.names import parse_name
    from indexer.encoders.openclip import OpenClipEncoder
    from indexer.encoders.source import load_source

    plain = [_plainly_decoded(path) for path in inputs.paths]
    tokenizer = make_model(architecture, folder, inputs.captions, _pixels(architecture, plain))
    name = parse_name(str(folder))
    described = zoo.describe(name)
    decoded = [_decoded(path, described.preprocessing.side) for path in inputs.paths]
    same = all(one.tobytes() == two.tobytes() for one, two in zip(plain, decoded, strict=True))
    theirs = by_open_clip(folder, decoded, plain if not same else decoded, inputs.captions)
    weights = zoo.find_weights(name, zoo.Loading())
    space = zoo.space_of(name, described, weights)
    source = load_source(described, weights, name=architecture)

    def row(name: str, encoder: Encoder, **more: str) -> Row:
        prepared = [encoder.preprocess(image) for image in decoded]
        encoder.encode_images(prepared[:2])  # loads what is loaded once
        started = time.perf_counter()
        images = encoder.encode_images(prepared)
        rate = len(images) / (time.perf_counter() - started)
        found = encoder.encode_texts(inputs.captions)
        pairs = zip((images, images, found), theirs, strict=True)
        return Row(name, *(cosines(*pair) for pair in pairs), rate, **more)

    rows = [row("torch fp32", OpenClipEncoder(source, space=space, device="cpu", exact=True))]
    in_16_bits = OpenClipEncoder(source, space=space, device="cpu")
    rows.append(row(str(in_16_bits.dtype).replace(".", " "), in_16_bits))
    # to compute in 16 bits, the model's own weights were cast
    bundles, reason = _exported(load_source(described, weights, name=architecture), folder)
    rows += [row(f"bundle {bundle.precision}", bundle.encoder, **bundle.more) for bundle in bundles]
    return (
        f"{architecture} (tokenizer: {tokenizer}; {'' if same else 'not all '}files decode alike; "
        f"alike: images {alike(theirs[0]):.3f}, texts {alike(theirs[2]):.3f}){reason}"
    ), rows


def by_open_clip(
    folder: Path,
    images: Sequence[Image.Image],
    files: Sequence[Image.Image],
    captions: Sequence[str],
) -> tuple[Vectors, Vectors, Vectors]:
    """Encode with open_clip's own model, evaluation transform and tokenizer."""
    import open_clip
    import torch

    name = f"local-dir:{folder}"
    model, _, transform = open_clip.create_model_and_transforms(name, pretrained_text=False)
    model.eval()

    def encoded(some: Sequence[Image.Image]) -> Vectors:
        pixels = [transform(image) for image in some]
        blocks = [torch.stack(pixels[at : at + 10]) for at in range(0, len(pixels), 10)]
        return unit(np.concatenate([model.encode_image(block).numpy() for block in blocks]))

    with torch.inference_mode():
        texts = model.encode_text(open_clip.get_tokenizer(name)(list(captions)))
        of_images = encoded(images)
        return of_images, of_images if files is images else encoded(files), unit(texts.numpy())


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, and what it took."""

    encoder: BundleEncoder
    precision: str
    more: dict[str, str]


def _exported(source: Any, folder: Path) -> tuple[list[Made], str]:
    """Export a model, and give the fp32 graphs as a bundle too; or none and the reason."""
    import onnx

    from indexer.encoders import export
    from indexer.encoders.bundle import BundleEncoder
    from indexer.encoders.manifest import IMAGE_TOWER, TEXT_TOWER, Identity, Manifest
    from indexer.errors import ExportError

    own, exact = folder / "bundle", folder / "exact"
    own.mkdir()
    exact.mkdir()
    faithful, files = export._faithful, {"image": IMAGE_TOWER, "text": TEXT_TOWER}

    def keeping(name: str, *given: Any) -> Any:
        graph, agreement = faithful(name, *given)
        export.write_graph(graph, exact / files[name])
        onnx.load_external_data_for_model(graph, str(exact))  # which writing moved out of it
        return graph, agreement

    export._faithful = keeping
    started = time.perf_counter()
    try:
        label = export.Label("random", "random", "none", Identity("0" * 64, "0" * 64))
        manifest = export.export_bundle(source, own, label)
    except ExportError as error:
        return [], f"\n  no bundle: {error}"
    seconds = time.perf_counter() - started
    shutil.copy(own / TOKENIZER, exact)
    digests = {name: sha256_of(exact / name) for name in manifest.digests}
    replace(manifest, digests=digests, image_precision="fp32", text_precision="fp32").write(exact)
    bundles = []
    for bundle in (exact, own):
        found = Manifest.read(bundle)
        megabytes = sum(path.stat().st_size for path in bundle.iterdir()) / 1e6
        more = {"megabytes": f"{megabytes:.0f}"}
        more |= {"export": f"{seconds:.0f}"} if bundle is own else {}
        precision = f"{found.image_precision}/{found.text_precision}"
        bundles.append(Made(BundleEncoder.load(bundle), precision, more))
    return bundles, ""


def _pixels(architecture: str, images: Sequence[Image.Image]) -> Any:
    import open_clip
    import torch

    size = open_clip.get_model_config(architecture)["vision_cfg"].get("image_size", 224)
    squares = [np.array(image.resize((size, size))) for image in images[:SETTLE]]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2) / 127.5 - 1


def unit(rows: Vectors) -> Vectors:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(one: Vectors, other: Vectors) -> str:
    """Tell the mean and the lowest cosine of rows."""
    found = np.einsum("ij,ij->i", one.astype(np.float64), other.astype(np.float64))
    return f"{found.mean():.6f} {found.min():.6f}"


def alike(rows: Vectors) -> float:
    """Tell the mean cosine of different rows."""
    count = len(rows)
    return float(((rows @ rows.T).sum() - count) / (count * (count - 1)))


def _decoded(path: Path, side: int) -> Image.Image:
    from indexer.decode.photo import decode, read_photo

    return decode(read_photo(path), path=path, min_side=side).image


def _plainly_decoded(path: Path) -> Image.Image:
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("RGB")


def in_own_process(run: Callable[..., Any], *given: object) -> Any:
    """Give the memory of a model back before the next one."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(run, *given).result()


def main() -> None:
    """Print one table."""
    photos, table, *architectures = sys.argv[1:]
    inputs = read_inputs(Path(photos), Path(table))
    print(f"{len(inputs.paths)} photos and captions; cosine to open_clip: mean lowest")
    print(
        f"{'':22}{'images':18}{'files, end to end':18}{'texts':18}{'images/s':>9}"
        f"{'export s':>9}{'MB':>7}"
    )
    for architecture in architectures:
        try:
            heading, rows = in_own_process(compare, architecture, inputs)
        except Exception as error:  # noqa: BLE001 (the other architectures are worth their time)
            print(f"{architecture} failed: {type(error).__name__}: {error}", flush=True)
            continue
        print(heading)
        for row in rows:
            print(
                f"  {row.name:20}{row.images:18}{row.files:18}{row.texts:18}{row.rate:9.1f}"
                f"{row.export:>9}{row.megabytes:>7}",
                flush=True,
            )


if __name__ == "__main__":
    main()
