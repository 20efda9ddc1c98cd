from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.vectors import FaissIndex

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.records import Ids, Vectors

DIM = 6
TOKEN = "a token"


def unit_rows(seed: int, count: int, dim: int = DIM) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids_from(first: int, count: int) -> Ids:
    return np.arange(first, first + count, dtype=np.int64)


def filled(count: int = 10) -> FaissIndex:
    index = FaissIndex.empty(DIM)
    index.add(ids_from(1, count), unit_rows(0, count))
    return index


def assert_equals_brute_force(index: FaissIndex, held: dict[int, np.ndarray], seed: int) -> None:
    query = unit_rows(seed, 1)[0]
    ids = np.array(sorted(held), np.int64)
    cosines = np.array([held[each] @ query for each in ids], np.float32)
    for top_k in (1, 3, len(held) + 5):
        scores, found = index.search(query, top_k)
        expected = np.sort(cosines)[::-1][:top_k]
        assert len(found) == len(set(found.tolist())) == len(expected)
        np.testing.assert_allclose(scores, expected, atol=1e-6)
        # ids equal up to ties: each has the score that stands beside it
        by_id = dict(zip(ids.tolist(), cosines.tolist(), strict=True))
        np.testing.assert_allclose(scores, [by_id[each] for each in found.tolist()], atol=1e-6)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "add again", "remove"]), st.integers(0, 12)), max_size=12
    ),
    seed=st.integers(0, 2**16),
)
def test_search_equals_a_brute_force_ranking(steps: list[tuple[str, int]], seed: int) -> None:
    index, held, next_id = FaissIndex.empty(DIM), {}, 1
    for number, (step, count) in enumerate(steps):
        if step == "remove":
            gone = np.array([*sorted(held)[:: max(1, count)][:count], 10**12], np.int64)
            index.remove(gone)
            held = {each: row for each, row in held.items() if each not in gone}
            continue
        rows = unit_rows(seed + number, count)
        if step == "add again" and held and count:
            rows[0] = next(iter(held.values()))  # two ids, one vector
        index.add(ids_from(next_id, count), rows)
        held |= dict(zip(range(next_id, next_id + count), rows, strict=True))
        next_id += count
    assert len(index) == len(held)
    assert sorted(index.ids.tolist()) == sorted(held)
    assert index.last_id == next_id - 1
    assert_equals_brute_force(index, held, seed + 99)


def test_scores_are_best_first_and_equal_scores_stand_by_id() -> None:
    index = FaissIndex.empty(DIM)
    row = unit_rows(1, 1)
    index.add(ids_from(5, 3), np.repeat(row, 3, axis=0))
    index.add(ids_from(8, 1), -row)
    scores, ids = index.search(row[0], 4)
    assert ids.tolist() == [5, 6, 7, 8]
    assert scores.tolist() == pytest.approx([1, 1, 1, -1])
    assert scores.max() <= 1
    assert scores.min() >= -1


@pytest.mark.parametrize("top_k", [0, -1])
def test_nothing_wanted_gives_nothing(top_k: int) -> None:
    scores, ids = filled().search(unit_rows(3, 1)[0], top_k)
    assert len(scores) == len(ids) == 0


def test_an_empty_index_finds_nothing() -> None:
    scores, ids = FaissIndex.empty(DIM).search(unit_rows(3, 1)[0], 10)
    assert len(scores) == len(ids) == 0


def test_a_vector_without_a_score_is_never_found() -> None:
    index = filled(3)
    index.add(ids_from(4, 1), np.full((1, DIM), np.nan, np.float32))
    scores, ids = index.search(unit_rows(3, 1)[0], 10)
    assert sorted(ids.tolist()) == [1, 2, 3]
    assert np.isfinite(scores).all()


def test_the_last_id_stays_when_its_vector_goes() -> None:
    index = filled(3)
    index.remove(np.array([3], np.int64))
    assert (len(index), index.last_id) == (2, 3)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    index = filled(200)
    index.remove(ids_from(190, 11))
    index.save(tmp_path / "index", token=TOKEN)
    again = FaissIndex.load(tmp_path / "index", token=TOKEN, dim=DIM)
    assert again is not None
    assert (len(again), again.last_id) == (189, 200)
    query = unit_rows(5, 1)[0]
    for mine, theirs in zip(index.search(query, 50), again.search(query, 50), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    again.add(ids_from(201, 1), unit_rows(6, 1))
    again.remove(ids_from(1, 1))
    assert len(again) == 189


def test_an_empty_snapshot_comes_back(tmp_path: Path) -> None:
    FaissIndex.empty(DIM).save(tmp_path / "index", token=TOKEN)
    again = FaissIndex.load(tmp_path / "index", token=TOKEN, dim=DIM)
    assert again is not None
    assert (len(again), again.last_id) == (0, 0)


def test_a_snapshot_counts_for_its_own_token_and_dimension_alone(tmp_path: Path) -> None:
    path = tmp_path / "index"
    filled().save(path, token=TOKEN)
    assert FaissIndex.load(path, token="another", dim=DIM) is None
    assert FaissIndex.load(path, token=TOKEN, dim=DIM + 1) is None
    assert FaissIndex.load(tmp_path / "missing", token=TOKEN, dim=DIM) is None
    assert FaissIndex.load(tmp_path, token=TOKEN, dim=DIM) is None


def test_a_file_that_was_never_a_snapshot_is_none(tmp_path: Path) -> None:
    path = tmp_path / "index"
    for content in (b"", b"x", b"sightsk1", b"\0" * 16, b"\xff" * 5000, b"{}\2\0\0\0sightsk1"):
        path.write_bytes(content)
        assert FaissIndex.load(path, token=TOKEN, dim=DIM) is None


def test_any_byte_that_changed_makes_a_snapshot_worth_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index"
    filled(4).save(path, token=TOKEN)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for change in (0x01, 0x54, 0xFF):
            spoilt = bytearray(whole)
            spoilt[place] ^= change
            path.write_bytes(spoilt)
            assert FaissIndex.load(path, token=TOKEN, dim=DIM) is None, (place, change)


def test_a_snapshot_that_was_cut_or_grew_is_worth_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index"
    filled(4).save(path, token=TOKEN)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert FaissIndex.load(path, token=TOKEN, dim=DIM) is None, length
    for more in (b"\0", b"more", whole[-16:]):
        path.write_bytes(whole + more)
        assert FaissIndex.load(path, token=TOKEN, dim=DIM) is None


@settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(start=st.integers(0, 400), noise=st.binary(min_size=1, max_size=64))
def test_noise_anywhere_never_gives_wrong_vectors(tmp_path: Path, start: int, noise: bytes) -> None:
    path = tmp_path / "index"
    filled(4).save(path, token=TOKEN)
    whole = path.read_bytes()
    spoilt = whole[:start] + noise + whole[start + len(noise) :]
    path.write_bytes(spoilt)
    assert spoilt == whole or FaissIndex.load(path, token=TOKEN, dim=DIM) is None


def test_a_save_that_fails_half_way_leaves_the_old_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index"
    filled(4).save(path, token=TOKEN)

    def disk_is_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_is_full)
    with pytest.raises(OSError, match="No space"):
        filled(8).save(path, token="newer")
    again = FaissIndex.load(path, token=TOKEN, dim=DIM)
    assert again is not None
    assert len(again) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_a_snapshot_lives_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "ca\udce9f\u00e9 'a' %20\n?#"
    folder.mkdir()
    filled(4).save(folder / "index", token=TOKEN)
    assert FaissIndex.load(folder / "index", token=TOKEN, dim=DIM) is not None


def test_vectors_come_back_as_they_were_added_in_the_order_asked() -> None:
    rows = unit_rows(0, 20)
    index = FaissIndex.empty(DIM)
    index.add(np.arange(10, 30), rows)
    index.remove(np.array([12]))
    wanted = np.array([29, 10, 13, 10])
    np.testing.assert_array_equal(index.vectors(wanted), rows[wanted - 10])
    assert index.vectors(np.array([], np.int64)).shape == (0, DIM)


def test_ids_and_samples_follow_every_change() -> None:
    index = filled(10)
    query = unit_rows(3, 1)[0]
    assert index.ids.tolist() == list(range(1, 11))
    assert len(index.sample(5)) == 5
    before = index.spread(query)
    index.add(ids_from(11, 30), unit_rows(1, 30))
    assert index.ids.tolist() == list(range(1, 41))
    assert len(index.sample(100)) == 40
    assert index.spread(query) != before
    index.remove(ids_from(5, 30))
    assert index.ids.tolist() == [1, 2, 3, 4, 35, 36, 37, 38, 39, 40]
    assert index.sample(3).tolist() == index.vectors(np.array([1, 35, 39])).tolist()
    held, rows = index.rows(np.array([0, 4, 5, 40, 41], np.int64))
    assert held.tolist() == [4, 40]
    assert rows.tolist() == index.vectors(held).tolist()
    assert FaissIndex.empty(DIM).rows(ids_from(1, 2))[0].tolist() == []
