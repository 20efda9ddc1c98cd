from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from indexer.encoders.manifest import TextSettings  # noqa: E402 (after the skip)
from indexer.training.bert import BertEncoder  # noqa: E402
from indexer.training.pretrained import TextEncoder  # noqa: E402
from indexer.training.vocabulary import SPECIAL, unigram_tokenizer  # noqa: E402

PIECES = [*((token, 0.0) for token in SPECIAL), ("▁a", -2.0), ("▁dog", -3.0), ("狗", -3.0)]


def tiny_encoder() -> TextEncoder:
    torch.manual_seed(0)
    network = BertEncoder(
        rows=len(PIECES), places=6, width=16, inner=24, heads=2, layers=1, eps=1e-12
    )
    settings = TextSettings(6, padding="longest", pad_id=1, lowercase=True)
    return TextEncoder(network.eval(), unigram_tokenizer(PIECES), settings)


def test_texts_are_encoded_in_order_whatever_their_length() -> None:
    encoder = tiny_encoder()
    texts = ["a dog a dog a dog a dog", "狗", "a dog"] * 30
    together = encoder.encode(texts)
    alone = torch.cat([encoder.encode([text]) for text in texts])
    torch.testing.assert_close(together, alone)


def test_texts_are_put_in_lower_case_if_the_settings_say_so() -> None:
    encoder = tiny_encoder()
    torch.testing.assert_close(encoder.encode(["A DOG"]), encoder.encode(["a dog"]))
