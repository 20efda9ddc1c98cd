"""Texts to the token ids that a text tower reads. Knows nothing of files or ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.encoders.cleaning import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from indexer.encoders.manifest import TextSettings


@dataclass(frozen=True, slots=True)
class TextTokenizer:
    """A tokenizer, and what is done before and after it."""

    tokenizer: Any  # tokenizers.Tokenizer
    settings: TextSettings

    @classmethod
    def parse(cls, content: bytes, settings: TextSettings) -> TextTokenizer:
        """Read a `tokenizer.json`; ValueError where it is none."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_buffer(content)
        tokenizer.no_padding()
        tokenizer.enable_truncation(settings.context_length)
        return cls(tokenizer, settings)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Give each text's ids, special ones included, cut to the context length."""
        cleaned = [clean(text, self.settings.cleaning) for text in texts]
        cased = [text.lower() if self.settings.lowercase else text for text in cleaned]
        return [encoding.ids for encoding in self.tokenizer.encode_batch(cased)]

    def pad(self, ids: Sequence[list[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give ids and attention mask, `(n, length)` each."""
        import numpy as np

        longest = max(len(row) for row in ids)
        to_context = self.settings.padding == "context"
        length = self.settings.context_length if to_context else longest
        input_ids = np.full((len(ids), length), self.settings.pad_id, dtype=np.int64)
        attention_mask = np.zeros((len(ids), length), dtype=np.int64)
        for row, tokens in enumerate(ids):
            input_ids[row, : len(tokens)] = tokens
            attention_mask[row, : len(tokens)] = 1
        if self.settings.zeroed_id is not None:
            input_ids[input_ids == self.settings.zeroed_id] = 0
        return input_ids, attention_mask
