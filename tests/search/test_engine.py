from __future__ import annotations

import os
import subprocess
import sys
import threading
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.catalog import captions, embeddings
from indexer.catalog import photos as photo_rows
from indexer.catalog.captions import NewCaption, text_hash
from indexer.errors import (
    DecodeError,
    LibraryError,
    QueryError,
    SpaceMismatchError,
    UnreadableError,
)
from indexer.library import Library
from indexer.pipeline import index_photos
from indexer.records import Facts, PhotoFile, Space
from search.engine import SearchEngine
from search.query import Query
from search.terms import Term

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import ColourEncoder

    from indexer.records import Pixels, Vectors
    from search.query import Target
    from search.results import Results

COLOURS = ("red", "green", "blue", "white", "yellow")


class Gallery:
    """A library on disk with an engine; what tests do with both."""

    def __init__(self, library: Library, encoder: ColourEncoder, folder: Path) -> None:
        self.library, self.encoder, self.folder = library, encoder, folder
        self.engine = SearchEngine(library, encoder)

    def index(self, *captions_files: Path) -> None:
        index_photos([self.folder], self.library, self.encoder, captions=captions_files)

    def caption(self, rows: str) -> Path:
        path = self.folder / "captions.csv"
        path.write_text(f"image,caption\n{rows}")
        self.index(path)
        return path

    def search(
        self,
        *words: str | Path,
        target: Target = "photos",
        top_k: int = 20,
        exclude_self: bool = True,
    ) -> Results:
        typed = [str(word) for word in words]
        query = Query.parse(typed, target=target, top_k=top_k, exclude_self=exclude_self)
        return self.engine.search(query)

    def names(self, *words: str | Path, **options: object) -> list[str]:
        return [hit.photo.path.name for hit in self.search(*words, **options).hits]


@pytest.fixture
def gallery(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> Gallery:
    for colour in COLOURS:
        paint(photos / f"{colour}.png", colour)
    made = Gallery(library, encoder, photos)
    made.index()
    return made


def test_a_text_finds_photos(gallery: Gallery) -> None:
    results = gallery.search("a red square", top_k=3)
    assert [hit.rank for hit in results.hits] == [1, 2, 3]
    assert results.hits[0].photo.path == gallery.folder / "red.png"
    assert results.hits[0].photo.facts.width == 24
    assert results.hits[0].caption is None
    assert results.model == "colours"
    scores = [hit.score for hit in results.hits]
    assert scores == sorted(scores, reverse=True)


def test_a_photo_finds_captions(gallery: Gallery) -> None:
    gallery.caption("red.png,a red thing\nblue.png,something blue\n")
    hits = gallery.search(gallery.folder / "blue.png", target="captions").hits
    assert [(hit.caption.text, hit.photo.path.name) for hit in hits if hit.caption] == [
        ("something blue", "blue.png"),
        ("a red thing", "red.png"),
    ]


def test_a_photo_finds_photos(gallery: Gallery, tmp_path: Path, paint: Callable[..., Path]) -> None:
    outside = paint(tmp_path / "elsewhere.jpg", "yellow", quality=95)
    assert gallery.names(outside)[0] == "yellow.png"


def test_a_text_finds_captions(gallery: Gallery) -> None:
    gallery.caption("red.png,a red thing\nblue.png,something blue\n")
    (best, _) = gallery.search("blue", target="captions").hits
    assert best.caption is not None
    assert best.caption.text == "something blue"
    assert best.score == pytest.approx(1, abs=1e-3)


def test_terms_add_and_subtract(gallery: Gallery) -> None:
    assert gallery.names("red", "+", "green")[0] == "yellow.png"
    assert gallery.names("white", "-", "0.9:blue")[0] == "yellow.png"
    assert gallery.names(gallery.folder / "red.png", "+", "green")[0] == "yellow.png"
    assert gallery.names("yellow", "-", gallery.folder / "green.png")[0] == "red.png"


def test_a_negative_query_finds_the_farthest_first(gallery: Gallery) -> None:
    assert gallery.names("-", "orange") == gallery.names("orange")[::-1]


def test_terms_that_cancel_out_are_an_error(gallery: Gallery) -> None:
    with pytest.raises(QueryError, match="cancel"):
        gallery.search("red", "-", "red")


def test_top_k_cuts_the_list_and_may_exceed_the_library(gallery: Gallery) -> None:
    every = gallery.names("orange", top_k=10**12)
    assert sorted(every) == sorted(f"{colour}.png" for colour in COLOURS)
    for top_k in range(1, 8):
        assert gallery.names("orange", top_k=top_k) == every[:top_k]


def test_a_library_without_anything_says_how_to_fill_it(
    library: Library, encoder: ColourEncoder
) -> None:
    with pytest.raises(LibraryError, match=r"is empty\. Fill it with: sightseek index"):
        SearchEngine(library, encoder).search(Query.parse("red"))


def test_a_library_whose_photos_have_all_left_finds_nothing(gallery: Gallery) -> None:
    assert gallery.names("red")
    gallery.library.forget([gallery.folder])
    assert gallery.search("red").hits == ()
    assert gallery.search("red", target="captions").hits == ()


def test_a_library_without_captions_finds_none(gallery: Gallery) -> None:
    assert gallery.search("red", target="captions").hits == ()


def test_another_space_is_refused_even_of_the_same_dimension(
    gallery: Gallery, other_encoder: ColourEncoder
) -> None:
    engine = SearchEngine(gallery.library, other_encoder)
    for words in ("red", str(gallery.folder / "red.png")):
        with pytest.raises(SpaceMismatchError, match="another model of the same size"):
            engine.search(Query.parse(words))
    assert other_encoder.texts_encoded == 0


def test_a_photo_that_is_given_as_bytes_is_searched_by_as_its_file_is(
    gallery: Gallery, tmp_path: Path, paint: Callable[..., Path]
) -> None:
    outside = paint(tmp_path / "elsewhere.jpg", "yellow", quality=95)
    photo = gallery.engine.encode_photo(outside.read_bytes(), name="anything.jpg")
    assert photo.image.size == (24, 16)
    for weight, words in ((1.0, ["red", "+", outside]), (-0.5, ["red", "-", f"0.5:{outside}"])):
        query = Query((Term("text", "red"), Term("given", "a key", weight)))
        found = gallery.engine.search(query, given={"a key": photo.vector})
        expected = gallery.search(*words)
        assert [hit.photo.id for hit in found.hits] == [hit.photo.id for hit in expected.hits]
        assert [hit.score for hit in found.hits] == pytest.approx(
            [hit.score for hit in expected.hits], abs=1e-6
        )
        assert [hit.confidence for hit in found.hits] == pytest.approx(
            [hit.confidence for hit in expected.hits], abs=1e-4
        )
    with pytest.raises(DecodeError):
        gallery.engine.encode_photo(b"no photo", name="a.jpg")


def test_copies_of_a_photo_are_all_found_with_one_score(
    gallery: Gallery, paint: Callable[..., Path]
) -> None:
    data = (gallery.folder / "red.png").read_bytes()
    for name in ("a/copy.png", "b/copy.png"):
        copy = gallery.folder / name
        copy.parent.mkdir()
        copy.write_bytes(data)
    gallery.index()
    hits = gallery.search("red").hits
    assert {hit.photo.path.name for hit in hits[:3]} == {"red.png", "copy.png"}
    assert len({hit.photo.path for hit in hits}) == len(hits) == 7
    assert len({hit.score for hit in hits[:3]}) == 1
    assert [hit.rank for hit in hits] == list(range(1, 8))
    assert len(gallery.search("red", top_k=2).hits) == 2


def test_equal_captions_of_two_photos_are_both_found(gallery: Gallery) -> None:
    gallery.caption("red.png,a warm red\nyellow.png,a warm red\nblue.png,blue\n")
    hits = gallery.search("red", target="captions").hits
    assert [hit.photo.path.name for hit in hits] == ["red.png", "yellow.png", "blue.png"]
    assert hits[0].score == hits[1].score


def test_a_caption_that_two_sources_give_a_photo_is_found_once(gallery: Gallery) -> None:
    (gallery.folder / "red.png.txt").write_text("a warm red\n")
    gallery.caption("red.png,a warm red\nblue.png,blue\n")
    hits = gallery.search("red", target="captions").hits
    assert [hit.caption.text for hit in hits if hit.caption] == ["a warm red", "blue"]
    assert len(gallery.search("red", target="captions", top_k=2).hits) == 2


def test_a_photo_does_not_find_itself_but_its_copies(gallery: Gallery) -> None:
    red = gallery.folder / "red.png"
    (gallery.folder / "copy.png").write_bytes(red.read_bytes())
    gallery.index()
    names = gallery.names(red)
    assert names[0] == "copy.png"
    assert "red.png" not in names
    assert len(names) == 5
    assert len(gallery.names(red, top_k=5)) == 5  # the hidden one does not take a place


def test_a_photo_finds_itself_if_asked(gallery: Gallery) -> None:
    best = gallery.search(gallery.folder / "red.png", exclude_self=False).hits[0]
    assert best.photo.path.name == "red.png"
    assert best.score == pytest.approx(1, abs=1e-6)


def test_a_photo_is_itself_by_any_path(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link.png").symlink_to(gallery.folder / "red.png")
    (tmp_path / "album").symlink_to(gallery.folder)
    monkeypatch.chdir(gallery.folder)
    monkeypatch.setenv("HOME", str(gallery.folder))
    for path in (
        "red.png", "./red.png", "../photos/red.png", "~/red.png",
        tmp_path / "link.png", tmp_path / "album" / "red.png",
    ):  # fmt: skip
        assert "red.png" not in gallery.names(path), path


def test_each_photo_of_a_query_is_left_out(gallery: Gallery) -> None:
    names = gallery.names(gallery.folder / "red.png", "-", gallery.folder / "blue.png", top_k=3)
    assert len(names) == 3
    assert not {"red.png", "blue.png"} & set(names)


def test_captions_of_the_photo_itself_are_found(gallery: Gallery) -> None:
    gallery.caption("red.png,red\n")
    assert gallery.names(gallery.folder / "red.png", target="captions") == ["red.png"]


def test_a_photo_of_the_library_is_not_encoded_again_until_it_changes(
    gallery: Gallery, paint: Callable[..., Path], touch: Callable[[Path], None]
) -> None:
    red = gallery.folder / "red.png"
    encoded = gallery.encoder.images_encoded
    gallery.search(red)
    assert gallery.encoder.images_encoded == encoded
    paint(red, "blue")
    touch(red)
    assert gallery.names(red)[0] == "blue.png"  # what it shows now, not what is in the library
    assert gallery.encoder.images_encoded == encoded + 1


def test_a_photo_of_the_library_is_not_even_opened(gallery: Gallery) -> None:
    red = gallery.folder / "red.png"
    status = red.stat()
    red.write_bytes(b"x" * status.st_size)
    os.utime(red, ns=(status.st_atime_ns, status.st_mtime_ns))
    hits = gallery.search(red, exclude_self=False).hits
    assert hits[0].photo.path == red


def test_a_photo_whose_name_is_no_text_is_searched_by(gallery: Gallery, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    odd.write_bytes((gallery.folder / "blue.png").read_bytes())
    assert gallery.names(odd)[0] == "blue.png"


@pytest.mark.parametrize(
    ("name", "data", "fact"),
    [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"just words", "a text"),
        ("cut.png", None, "truncated"),
        ("bomb.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "PNG"),
    ],
)
def test_a_photo_that_cannot_be_decoded_is_named_in_one_line(
    gallery: Gallery, tmp_path: Path, name: str, data: bytes | None, fact: str
) -> None:
    bad = tmp_path / name
    bad.write_bytes((gallery.folder / "red.png").read_bytes()[:60] if data is None else data)
    with pytest.raises(DecodeError, match="cannot be searched by") as caught:
        gallery.search("red", "+", bad)
    message = str(caught.value)
    assert message.startswith(f"{bad} ")
    assert fact in message
    assert message.endswith(".")
    assert not message.endswith("..")
    assert "\n" not in message


def test_a_photo_that_left_meanwhile_is_named(gallery: Gallery, tmp_path: Path) -> None:
    query = Query((Term("photo", str(tmp_path / "gone.jpg")),))
    with pytest.raises(UnreadableError, match=r"gone\.jpg cannot be searched by: .* no such file"):
        gallery.engine.search(query)


def test_a_photo_over_the_cap_is_refused(
    gallery: Gallery, tmp_path: Path, paint: Callable[..., Path]
) -> None:
    large = paint(tmp_path / "large.png", "red")
    engine = SearchEngine(gallery.library, gallery.encoder, max_pixels=24 * 16 - 1)
    with pytest.raises(DecodeError, match="--max-pixels"):
        engine.search(Query.parse([str(large)]))
    engine = SearchEngine(gallery.library, gallery.encoder, max_pixels=24 * 16)
    assert engine.search(Query.parse([str(large)])).hits


def test_rows_that_another_process_removed_leave_no_gaps(gallery: Gallery) -> None:
    with gallery.library.writing() as connection:  # as a run of the indexer between two commits
        ids = {path.name: key for key, path in photo_rows.paths(connection).items()}
        best = gallery.names("red", top_k=3)
        photo_rows.remove(connection, [ids[name] for name in best])
        assert embeddings.count(connection, embeddings.PHOTOS, 1) == len(COLOURS)
    left = gallery.search("red", top_k=2).hits
    assert [hit.rank for hit in left] == [1, 2]
    assert not set(best) & {hit.photo.path.name for hit in left}


WRITER = """
import sys
from pathlib import Path
import numpy as np
from indexer.catalog import embeddings, photos, spaces
from indexer.library import Library
from indexer.records import Facts, PhotoFile
with Library.open(sys.argv[1], writable=True) as library, library.writing() as connection:
    space_id, space = spaces.current(connection)
    vector = np.eye(space.dim, dtype=np.float32)[7]
    photos.put(connection, PhotoFile(Path("/new.jpg"), 1, 1), b"new", Facts(1, 1, "JPEG"))
    embeddings.add(connection, embeddings.PHOTOS, space_id, {b"new": vector})
    gone = [key for key, path in photos.paths(connection).items() if path.name == "red.png"]
    photos.remove(connection, gone)
    embeddings.remove_orphans(connection)
"""


def test_what_another_process_writes_is_found_by_an_open_engine(
    gallery: Gallery, encoder: ColourEncoder
) -> None:
    path = gallery.library.path
    gallery.library.close()
    with Library.open(path) as library:
        engine = SearchEngine(library, encoder)
        before = [hit.photo.path.name for hit in engine.search(Query.parse("red")).hits]
        subprocess.run([sys.executable, "-c", WRITER, str(path)], check=True)
        after = [hit.photo.path.name for hit in engine.search(Query.parse("red")).hits]
    assert before[0] == "red.png"
    assert set(after) == (set(before) - {"red.png"}) | {"new.jpg"}


def test_searches_beside_a_writer_are_whole(tmp_path: Path, encoder: ColourEncoder) -> None:
    path = tmp_path / "library"
    with Library.open(path, writable=True) as writer, Library.open(path) as reader:
        space_id = writer.use_space(encoder.space)
        keep(writer, space_id, unit_rows(np.random.default_rng(0), 200, 8))
        engine = SearchEngine(reader, encoder)
        done = threading.Event()

        def write() -> None:
            rng = np.random.default_rng(1)
            for number in range(1, 16):
                keep(writer, space_id, unit_rows(rng, 5, 8), name=f"more{number}-")
                with writer.writing() as connection:
                    keys = list(photo_rows.paths(connection))
                    photo_rows.remove(connection, keys[:5])
                    embeddings.remove_orphans(connection)
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        searches = 0
        while not done.is_set() or not searches:
            hits = engine.search(Query.parse("red", top_k=10)).hits
            assert [hit.rank for hit in hits] == list(range(1, 11))
            assert all(a.score >= b.score for a, b in pairwise(hits))
            searches += 1
        thread.join()
        assert len(engine.search(Query.parse("red", top_k=300)).hits) == 200


def test_a_vector_without_a_score_is_passed_over(gallery: Gallery) -> None:
    with gallery.library.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE image_embedding SET vector = zeroblob(length(vector)) WHERE id = 1"
        )
    (gallery.library.path / "photos.faiss").unlink()
    with Library.open(gallery.library.path) as library:
        engine = SearchEngine(library, gallery.encoder)
        found = engine.search(Query.parse("red", top_k=100)).hits
    assert 0 < len(found) < 100


def test_one_engine_serves_several_threads(gallery: Gallery) -> None:
    expected = gallery.names("red")
    found: list[list[str]] = []

    def work() -> None:
        found.extend(gallery.names("red") for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 40


# Scores against brute force: random vectors straight into the catalog, thousands of queries.


class WordEncoder:
    """Any text has a direction of its own, drawn by its hash."""

    image_size = 8

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.space = Space("words", "1" * 64, "0" * 64, dim)

    def preprocess(self, image: object) -> Pixels:
        raise AssertionError("the photos of these libraries have no pixels")

    encode_images = preprocess

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        seeds = [int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) for text in texts]
        return np.concatenate([unit_rows(np.random.default_rng(s), 1, self.dim) for s in seeds])


def unit_rows(rng: np.random.Generator, count: int, dim: int) -> Vectors:
    rows = rng.standard_normal((count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def keep(
    library: Library,
    space_id: int,
    vectors: Vectors,
    *,
    name: str = "",
    folder: Path = Path("/nowhere"),
    copies: int = 1,
) -> None:
    """Write photos, `copies` of each, with a caption of the same vector."""
    with library.writing() as connection:
        keys = [f"{name}{number}".encode() for number in range(len(vectors))]
        for key in keys:
            for copy in range(copies):
                path = folder / f"{key.decode()}_{copy}.jpg"
                stamp = path.stat() if path.exists() else None
                size, mtime = (stamp.st_size, stamp.st_mtime_ns) if stamp else (1, 1)
                file = PhotoFile(path, size, mtime)
                photo_id = photo_rows.put(connection, file, key, Facts(1, 1, "JPEG"))
                new = [NewCaption(photo_id, key.decode())]
                captions.replace(connection, str(path), new, photo_id=photo_id)
        rows = dict(zip(keys, vectors, strict=True))
        embeddings.add(connection, embeddings.PHOTOS, space_id, rows)
        texts = {text_hash(key.decode()): vector for key, vector in rows.items()}
        embeddings.add(connection, embeddings.CAPTIONS, space_id, texts)


def as_stored(vectors: Vectors) -> np.ndarray:
    halves = vectors.astype(np.float16).astype(np.float64)
    return halves / np.linalg.norm(halves, axis=1, keepdims=True)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    dim=st.sampled_from([2, 3, 8, 33]),
    count=st.integers(1, 30),
    repeats=st.integers(0, 10),
    copies=st.integers(1, 2),
)
def test_scores_equal_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    dim: int,
    count: int,
    repeats: int,
    copies: int,
) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit_rows(rng, count, dim)
    vectors = np.concatenate([vectors, vectors[rng.integers(0, count, repeats)]])  # ties
    folder = tmp_path_factory.mktemp("brute")
    for number in range(2):
        (folder / f"{number}_0.jpg").write_bytes(b"its stamp is right, so it is never opened")
    encoder = WordEncoder(dim)
    with Library.open(folder / "library", writable=True) as library:
        keep(library, library.use_space(encoder.space), vectors, folder=folder, copies=copies)
        engine = SearchEngine(library, encoder)
        for _ in range(20):
            check_one_query(engine, encoder, folder, vectors, copies=copies, rng=rng)


def check_one_query(
    engine: SearchEngine,
    encoder: WordEncoder,
    folder: Path,
    vectors: Vectors,
    *,
    copies: int,
    rng: np.random.Generator,
) -> None:
    truth = as_stored(vectors)
    terms, total = [], np.zeros(encoder.dim)
    for _ in range(rng.integers(1, 4)):
        weight = float(rng.choice([1, 1, -1, 0.5, -0.25, 3]))
        own = int(rng.integers(0, 8))
        if own < min(2, len(vectors)):
            terms.append(Term("photo", str(folder / f"{own}_0.jpg"), weight))
            total += weight * truth[own]
        else:
            word = f"word {rng.integers(0, 1000)}"
            terms.append(Term("text", word, weight))
            total += weight * encoder.encode_texts([word])[0].astype(np.float64)
    if np.linalg.norm(total) < 0.05:  # near to nothing, rounding is large
        return
    target: Target = "photos" if rng.random() < 0.7 else "captions"
    top_k = int(rng.choice([1, 2, 3, 5, 10, rng.integers(1, 2 * len(vectors) + 3)]))
    query = Query(
        tuple(terms),
        target=target,
        top_k=top_k,
        exclude_self=bool(rng.random() < 0.5),
        channels=("image",) if target == "photos" else ("caption",),
    )
    own_paths = {term.value for term in terms if term.kind == "photo"}
    hidden = own_paths if query.exclude_self and target == "photos" else set()
    scores = {
        str(folder / f"{row}_{copy}.jpg"): score
        for row, score in enumerate(truth @ (total / np.linalg.norm(total)))
        for copy in range(copies)
        if str(folder / f"{row}_{copy}.jpg") not in hidden
    }
    hits = engine.search(query).hits
    found = [str(hit.photo.path) for hit in hits]
    assert len(set(found)) == len(found) == min(top_k, len(scores))
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    np.testing.assert_allclose([hit.score for hit in hits], [scores[p] for p in found], atol=2e-5)
    best = sorted(scores.values(), reverse=True)[: len(hits)]
    np.testing.assert_allclose([hit.score for hit in hits], best, atol=2e-5)
    assert all(a.score >= b.score for a, b in pairwise(hits))
    if target == "captions":
        assert all(hit.caption and hit.caption.photo == hit.photo for hit in hits)


# What a search imports: it pays for what it needs.


def imported_by(code: str) -> set[str]:
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_a_text_search_imports_neither_pillow_nor_torch(gallery: Gallery) -> None:
    modules = imported_by(
        "import sys, numpy as np\n"
        "from indexer.library import Library\n"
        "from search import Query, SearchEngine\n"
        f"with Library.open({str(gallery.library.path)!r}) as library:\n"
        "    space = library.space\n"
        "    class Encoder:\n"
        "        dim = space.dim\n"
        "        def encode_texts(self, texts): return np.eye(self.dim, dtype='f4')[:len(texts)]\n"
        "    encoder = Encoder(); encoder.space = space\n"
        "    assert len(SearchEngine(library, encoder).search(Query.parse('red')).hits) == 5\n"
    )
    assert {"faiss", "numpy", "sqlalchemy"} <= modules
    assert not modules & {"PIL", "torch", "open_clip", "onnxruntime", "tqdm", "pathspec"}
