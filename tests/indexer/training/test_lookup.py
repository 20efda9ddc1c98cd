from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402 (after the skip)

from indexer.training.lookup import TEMPERATURE, NameBank  # noqa: E402
from indexer.training.names import Name  # noqa: E402

NAMES = [
    Name("Tabby", "en", (0,)),
    Name("poodle", "en", (1,)),
    Name("collie", "en", (2,)),
    Name("虎斑猫", "zh", (0,)),
    Name("贵宾犬", "zh", (1,)),
    Name("牧羊犬", "zh", (2,)),
    Name("dog", "en", (1, 2)),
    Name("狗", "zh", (1, 2)),
    Name("pet", "en", (0, 1, 2)),
    Name("cat", "en", (0,)),  # one more than the others have
    Name("poodle", "en", (1, 2)),  # a text that names a class and a kind
]


def encode(texts: list[str]) -> torch.Tensor:
    """Give each text a direction of its own."""
    rows = [np.random.default_rng([*text.encode()]).normal(size=16) for text in texts]
    return torch.nn.functional.normalize(torch.tensor(np.array(rows), dtype=torch.float32), dim=1)


def bank() -> NameBank:
    return NameBank.of_names(NAMES, encode, classes=3)


def in_numpy(vectors: np.ndarray) -> np.ndarray:
    """The same from its definition: a dense table of which name names which class."""
    texts = list(dict.fromkeys(text for name in NAMES for text in name.prompts))
    known = encode(texts).numpy()
    centre = known.mean(axis=0)
    keys, asked = known - centre, vectors - centre
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    values = np.zeros((2 * len(NAMES), 3))
    prompts = [(text, name.classes) for name in NAMES for text in name.prompts]
    for row, (_, classes) in enumerate(prompts):
        values[row, list(classes)] = len(classes) ** -0.5
    similar = (asked @ keys.T)[:, [texts.index(text) for text, _ in prompts]]
    likely = np.exp(similar / TEMPERATURE)
    told = np.sqrt(likely / likely.sum(axis=1, keepdims=True) @ values**2)
    return told / np.linalg.norm(told, axis=1, keepdims=True)


def test_the_summed_likelihoods_are_those_of_a_dense_table() -> None:
    vectors = encode(["tabby", "dog", "pet", "poodle", "something else", "cat"])
    roots, _ = bank()(vectors)
    np.testing.assert_allclose(roots.numpy(), in_numpy(vectors.numpy()), atol=1e-5)


def test_a_name_leads_to_its_classes_in_either_language() -> None:
    roots, nearest = bank()(encode(["tabby", "狗", "一张贵宾犬的照片。"]))
    likely = roots**2
    assert likely[0, 0] > 0.9
    assert likely[1, 0] < 0.05
    assert likely[2, 1] > 0.9
    torch.testing.assert_close(nearest, torch.ones(3, 1))


def test_an_unknown_text_is_near_no_name() -> None:
    _, nearest = bank()(encode(["the meaning of life"]))
    assert nearest.item() < 0.9


def test_a_text_that_two_names_share_is_held_once() -> None:
    texts = {text for name in NAMES for text in name.prompts}
    assert bank().keys.shape == (16, len(texts))
