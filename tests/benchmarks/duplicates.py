"""How well copies of photos are found: copies of each kind, among photos that only look alike.

    python tests/benchmarks/duplicates.py FOLDER [SOURCES] [--part 0|1] [--kind NAME]...

Of each of SOURCES photos in FOLDER one copy is made by each KIND, and indexed with the rest of one
half of the folder: thresholds were chosen on part 0, and figures are of part 1. For each kind on
its own, recall is the share of copies that are in a group with their source, precision the share
of grouped photos that are in a group with another of the same source. Groups without any copy are
what the folder itself holds, and printed, to be looked at.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, ImageEnhance, ImageFilter

from indexer import Library, index_photos, load_encoder
from search.duplicates.find import find_duplicates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from search.duplicates.records import Duplicates, Group

    Make = Callable[[Image.Image, Path, random.Random], None]

FRAMES = 2  # of a burst, besides its source


def resized(factor: float) -> Make:
    def make(image: Image.Image, path: Path, _: random.Random) -> None:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image.resize(size, Image.Resampling.LANCZOS).save(path, quality=88)

    return make


def recompressed(quality: int) -> Make:
    return lambda image, path, _: image.save(path, quality=quality)


def cropped(share: float, *, where: str, factor: float = 1.0, quality: int = 88) -> Make:
    def make(image: Image.Image, path: Path, chance: random.Random) -> None:
        left, top = {"centre": (share / 2,) * 2, "side": (share, 0.0)}.get(
            where, (chance.random() * share, chance.random() * share)
        )
        right, bottom = (share - left, 0.0 if where == "side" else share - top)
        width, height = image.size
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        crop = image.crop(tuple(map(round, box)))
        size = (max(1, round(crop.width * factor)), max(1, round(crop.height * factor)))
        crop.resize(size).save(path, quality=quality)

    return make


def upright_by_exif(image: Image.Image, path: Path, _: random.Random) -> None:
    """Turn the pixels, and say so: it shows as before."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=88, exif=tags)


def turned_by_exif(image: Image.Image, path: Path, _: random.Random) -> None:
    """Leave the pixels, and say that they are turned: it shows otherwise."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    image.save(path, quality=88, exif=tags)


def brighter(factor: float) -> Make:
    return lambda image, path, _: (
        ImageEnhance.Brightness(image).enhance(factor).save(path, quality=88)
    )


def more_contrast(image: Image.Image, path: Path, _: random.Random) -> None:
    ImageEnhance.Contrast(image).enhance(1.2).save(path, quality=88)


def webp(image: Image.Image, path: Path, _: random.Random) -> None:
    image.save(path.with_suffix(".webp"), quality=75)


def frame(image: Image.Image, path: Path, chance: random.Random) -> None:
    """Move the camera: turn by up to 4 degrees, shift and zoom by up to 8 %, blur a little."""
    tags = exif_of(path.stem.rpartition("__")[0], second=chance.randrange(1, 9))
    turned = image.rotate(chance.uniform(-4, 4), Image.Resampling.BICUBIC)
    cropped(chance.uniform(0.08, 0.16), where="anywhere")(turned, path, chance)
    moved = Image.open(path).convert("RGB").filter(ImageFilter.GaussianBlur(chance.random()))
    moved.resize(image.size).save(path, quality=88, exif=tags)


def exif_of(name: str, *, second: int) -> Image.Exif:
    """Give each source a minute of its own at one camera."""
    minute = sum(map(ord, name)) * 7919 % (365 * 24 * 60)
    month, rest = divmod(minute, 30 * 24 * 60)
    day, rest = divmod(rest, 24 * 60)
    tags = Image.Exif()
    tags[ExifTags.Base.Make], tags[ExifTags.Base.Model] = "Benchmark", "One"
    taken = f"2020:{min(month, 11) + 1:02}:{min(day, 27) + 1:02} {rest // 60:02}:{rest % 60:02}"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{taken}:{second:02}"
    return tags


COPIES: dict[str, Make] = {
    "resized to 75 %": resized(0.75),
    "resized to 50 %": resized(0.5),
    "resized to 150 %": resized(1.5),
    "JPEG quality 95": recompressed(95),
    "JPEG quality 60": recompressed(60),
    "JPEG quality 30": recompressed(30),
    "WebP": webp,
    "turned, upright by EXIF": upright_by_exif,
    "turned by EXIF": turned_by_exif,
    "15 % darker": brighter(0.85),
    "15 % brighter": brighter(1.15),
    "20 % more contrast": more_contrast,
    "10 % cropped, centre": cropped(0.1, where="centre"),
    "10 % cropped, anywhere": cropped(0.1, where="anywhere"),
    "10 % cropped, one side": cropped(0.1, where="side"),
    "20 % cropped, centre": cropped(0.2, where="centre"),
    "cropped, halved, quality 50": cropped(0.1, where="anywhere", factor=0.5, quality=50),
}
KINDS = [*COPIES, "exact", "burst"]


def main() -> None:
    """Make, index and group each kind of copies, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sources", type=int, nargs="?", default=300)
    parser.add_argument("--part", type=int, choices=(0, 1), default=1)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--all", type=int, help="take no more photos of the folder than this")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="keep photos and library here, and use them")
    options = parser.parse_args()
    photos = sorted(path for path in options.folder.iterdir() if path.is_file())
    random.Random(options.seed).shuffle(photos)
    half = photos[: len(photos) // 2] if options.part == 0 else photos[len(photos) // 2 :]
    half = half[: options.all]
    sources = half[: options.sources]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        kinds = options.kind or KINDS
        if not (folder / "library").exists():
            make_library(half, sources, kinds, options.model, folder)
        measure(len(sources), kinds, folder)


def make_library(
    photos: list[Path], sources: list[Path], kinds: list[str], model: str, folder: Path
) -> None:
    """Index photos, and one folder for each kind of copies."""
    (folder / "photos" / "own").mkdir(parents=True)
    for path in photos:
        shutil.copy2(path, folder / "photos" / "own")
    for kind in kinds:
        (folder / "photos" / kind).mkdir()
        make_copies(sources, kind, folder / "photos" / kind)
    with Library.open(folder / "library", writable=True) as library:
        index_photos(folder / "photos", library, load_encoder(model))


def measure(sources: int, kinds: list[str], folder: Path) -> None:
    """Group the photos alone, and with one kind of copies after the other."""
    own = folder / "photos" / "own"
    with Library.open(folder / "library") as library:
        found = find_duplicates(library, [own])
        print(f"{found.photos:,} photos, {sources} sources, {library.space}")
        native = groups_of(found)
        print(f"{len(native)} groups in the folder itself:")
        for names in native:
            print("  ", *names)
        for kind in kinds:
            started = time.perf_counter()
            found = find_duplicates(library, [own, folder / "photos" / kind])
            seconds = time.perf_counter() - started
            figures = line(found, native, kind, sources)
            print(f"{kind:28} {figures}  {seconds:.1f} s", flush=True)


def make_copies(sources: list[Path], kind: str, folder: Path) -> None:
    """Make one kind of copies of all sources, named `source__n.jpg`."""
    chance = random.Random(kind)
    for path in sources:
        target = folder / f"{path.stem}__1.jpg"
        if kind == "exact":
            shutil.copy(path, target)
            continue
        image = Image.open(path).convert("RGB")
        if kind != "burst":
            COPIES[kind](image, target, chance)
            continue
        image.save(target, quality=88, exif=exif_of(path.stem, second=0))
        for number in range(FRAMES):
            frame(image, folder / f"{path.stem}__{2 + number}.jpg", chance)


def groups_of(found: Duplicates) -> list[list[str]]:
    """Return the names in each group."""
    return [
        sorted(each.photo.path.name for each in (group.keeper, *group.others))
        for group in found.groups
    ]


def line(found: Duplicates, native: list[list[str]], kind: str, sources: int) -> str:
    """Judge groups by the names of what is in them."""
    alike = {frozenset((a, b)) for names in native for a in names for b in names if a != b}
    copies: set[str] = set()
    kept = right = wrong = 0
    for group, names in zip(found.groups, groups_of(found), strict=True):
        if not any("__" in name for name in names):
            continue
        stems = [source_of(name) for name in names]
        wanted = members_of_bursts(group) if kind == "burst" else names
        copies |= {name for name in wanted if "__" in name and stems.count(source_of(name)) > 1}
        kept += "__" not in group.keeper.photo.path.stem
        strangers = [name for name in names if stems.count(source_of(name)) == 1]
        strangers = [
            name
            for name in strangers
            if not any(frozenset((name, f"{stem}.jpg")) in alike for stem in stems)
        ]
        if strangers:
            print("   mixed:", *names)
        wrong += len(strangers)
        right += len(names) - len(strangers)
    recall = len(copies) / (sources * (FRAMES if kind == "burst" else 1))
    precision = right / max(1, right + wrong)
    share = kept / max(1, len(copies))
    return f"recall {recall:.3f}  precision {precision:.4f}  original kept {share:.3f}"


def members_of_bursts(group: Group) -> Iterator[str]:
    """Yield the frames that time and cosine brought together."""
    for member in group.others:
        if member.evidence and member.evidence.kind == "burst":
            yield member.photo.path.name


def source_of(name: str) -> str:
    """Return the stem of what a copy was made of."""
    return Path(name).stem.partition("__")[0]


if __name__ == "__main__":
    sys.exit(main())
