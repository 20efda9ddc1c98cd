from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.encoders.tokenizer_export import PROBES, export_tokenizer
from indexer.encoders.tokens import TextTokenizer
from indexer.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAMPLE = Path(__file__).parents[3] / "data/sample/captions.csv"
COUNT = 5000  # texts a tokenizer
CONTEXT = 24  # shorter than some texts
PIECES = (
    " ", "  ", "\n", "\t", "\u3000", "a", "dog", "'s", "'S", "'\u017f", "&amp;", "&lt;", "Ã©",
    "â€™",
    "<start_of_text>", "<end_of_text>", "<START_of_text>", "</w>", "[SEP]", "[CLS]", "[PAD]", "<s>",
    "</s>", "<pad>", "<mask>", "<eos>", "<bos>", "<unk>", "▁", "é", "e\u0301", "\u0345", "\u200d",
    "\x00", "\ud800", "\u0558", "犬", "一只狗", "كلب", "สุนัข", "कुत्ता", "собака", "👩\u200d👧", "🇫🇷",
    "12", "Ⅳ",
)  # fmt: skip
MARKED = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=3), max_size=9)


def texts() -> list[str]:
    """The sample's captions, the probes, and what chance makes of pieces and of all of Unicode."""
    with SAMPLE.open(encoding="utf-8", newline="") as lines:
        found = [row["caption"] for row in csv.DictReader(lines)]
    found += PROBES
    chance = random.Random(7)
    while len(found) < COUNT:
        some = chance.choices(PIECES, k=chance.randrange(8))
        some += [chr(chance.randrange(chance.choice((128, 0x3000, 0x110000)))) for _ in range(3)]
        chance.shuffle(some)
        found.append("".join(some))
    return found


TEXTS = texts()


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Make open_clip's tokenizers by name; those of transformers are small and local."""
    from open_clip import tokenizer as open_clip  # takes 6 s

    def make(kind: str, **options: Any) -> Any:
        if kind == "simple":
            return open_clip.SimpleTokenizer(**options)
        folder = tmp_path_factory.mktemp(kind)
        MAKERS[kind](folder)
        return open_clip.HFTokenizer(str(folder), **options)

    return make


def save(folder: Path, tokenizer: Any, **names: str) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


def between(tokenizer: Any, template: str) -> None:
    from tokenizers import processors

    names = [word for word in template.split() if word != "$A"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(name, tokenizer.token_to_id(name)) for name in names]
    )


def scores(*specials: str) -> list[tuple[str, float]]:
    letters = sorted({letter for letter in "".join(PROBES) if letter.isprintable()} - {" ", "▁"})
    words = ["▁", "▁a", "▁dog", "▁photo", "photo", "og", "一只", *letters]
    return [(name, 0.0) for name in specials] + [(w, -3.0 / len(w)) for w in dict.fromkeys(words)]


def xlm_roberta(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = [*scores("<s>", "<pad>", "</s>", "<unk>"), ("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    between(tokenizer, "<s> $A </s>")
    save(
        folder, tokenizer, bos_token="<s>", eos_token="</s>", sep_token="</s>", cls_token="<s>",
        unk_token="<unk>", pad_token="<pad>", mask_token="<mask>",
    )  # fmt: skip


def t5(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram(scores("<pad>", "</s>", "<unk>"), unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    between(tokenizer, "$A </s>")
    save(folder, tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="<pad>")


def gemma(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers

    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    names = ["<pad>", "<eos>", "<bos>", "<unk>", *bytes_, "▁", *"abcdefghijklmnopqrstuvwxyz犬一只"]
    merges = [("d", "o"), ("do", "g"), ("▁", "dog"), ("一", "只"), ("▁", "▁")]
    names += ["".join(pair) for pair in merges]
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(" ", "▁")]
    )
    between(tokenizer, "$A <eos>")
    save(
        folder, tokenizer, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>",
        pad_token="<pad>", padding_side="right",
    )  # fmt: skip


def bert(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    letters = "abcdefghijklmnopqrstuvwxyz[]<>&'!.,犬一只狗0123456789"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    vocabulary = {name: number for number, name in enumerate([*names, "dog", "##og", "sep"])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    between(tokenizer, "[CLS] $A [SEP]")
    save(
        folder, tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


def left(folder: Path) -> None:
    bert(folder)
    content = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps(content | {"padding_side": "left"}))


MAKERS = {"xlm_roberta": xlm_roberta, "t5": t5, "gemma": gemma, "bert": bert, "left": left}


def exported(tokenizer: Any, context_length: int = CONTEXT) -> TextTokenizer:
    content, how = export_tokenizer(tokenizer, context_length=context_length)
    return TextTokenizer.parse(content.encode(), how)


def assert_same(ours: TextTokenizer, tokenizer: Any, some: Sequence[str]) -> None:
    wanted = tokenizer(list(some), context_length=ours.settings.context_length).numpy()
    found, _ = ours.pad(ours.ids(some))
    assert [some[row] for row in np.flatnonzero((wanted != found).any(axis=1))] == []


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("simple", {}),
        ("simple", {"clean": "whitespace"}),
        ("simple", {"clean": "canonicalize"}),
        ("xlm_roberta", {}),
        ("xlm_roberta", {"strip_sep_token": True}),
        ("t5", {"clean": "canonicalize"}),
        ("gemma", {"clean": "canonicalize"}),
        ("bert", {"clean": "lower"}),
        ("bert", {"strip_sep_token": True}),
    ],
)
def test_an_exported_tokenizer_gives_the_same_ids(
    kinds: Callable[..., Any], kind: str, options: dict[str, Any]
) -> None:
    tokenizer = kinds(kind, **options)
    assert len(TEXTS) == COUNT
    assert_same(exported(tokenizer), tokenizer, TEXTS)


@pytest.mark.parametrize("kind", ["simple", "xlm_roberta", "t5", "gemma", "bert"])
def test_no_text_gets_other_ids(kinds: Callable[..., Any], kind: str) -> None:
    tokenizer = kinds(kind)
    ours = exported(tokenizer)

    @settings(derandomize=True, deadline=None, max_examples=40, database=None)
    @given(st.lists(MARKED.map("".join), min_size=1, max_size=5))
    def check(some: list[str]) -> None:
        assert_same(ours, tokenizer, some)

    check()


def test_every_character_is_cut_where_open_clip_cuts_it(kinds: Callable[..., Any]) -> None:
    tokenizer = kinds("simple")
    ours = exported(tokenizer, 77)
    # Unicode's letters are more than the tokenizers library knows of
    assert_same(ours, tokenizer, [f"a{chr(number)}1" for number in range(0, 0x32400, 11)])


def test_siglip_is_exported_with_its_own_cleaning(kinds: Callable[..., Any]) -> None:
    from open_clip.tokenizer import SigLipTokenizer

    tokenizer = SigLipTokenizer.__new__(SigLipTokenizer)  # else it would fetch its vocabulary
    tokenizer.tokenizer = kinds("t5").tokenizer
    assert_same(exported(tokenizer), tokenizer, TEXTS)


def test_the_longest_text_ends_with_the_end(kinds: Callable[..., Any]) -> None:
    ours = exported(kinds("simple"), 77)
    assert [len(row) for row in ours.ids(["word " * 100, ""])] == [77, 2]
    ids, _ = ours.pad(ours.ids(["word " * 100, ""]))
    assert ids[:, -1].tolist() == [49407, 0]
    assert ids[1, :3].tolist() == [49406, 49407, 0]


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("simple", {"reduction_mask": "simple"}, "at random"),
        ("simple", {"additional_special_tokens": ["<x>"]}, r"special tokens of its own \(<x>\)"),
        ("bert", {"tokenizer_mode": "clips"}, "its mode clips"),
        ("left", {}, "on the left"),
    ],
)
def test_what_cannot_be_exported_says_why(
    kinds: Callable[..., Any], kind: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ExportError, match=reason) as caught:
        export_tokenizer(kinds(kind, **options), context_length=CONTEXT)
    assert str(caught.value).endswith("The model runs in torch all the same.")


def test_other_tokenizers_and_ways_of_cleaning_are_refused(kinds: Callable[..., Any]) -> None:
    with pytest.raises(ExportError, match="object is unknown to sightseek"):
        export_tokenizer(object(), context_length=CONTEXT)
    tokenizer = kinds("bert")
    tokenizer.clean_fn = str.upper
    with pytest.raises(ExportError, match="cleans texts by upper"):
        export_tokenizer(tokenizer, context_length=CONTEXT)


def test_a_tokenizer_that_does_more_than_its_json_says_is_refused(
    kinds: Callable[..., Any],
) -> None:
    tokenizer = kinds("bert")
    base = type(tokenizer)
    tokenizer.__class__ = type(
        "Louder",
        (base,),
        {"__call__": lambda self, some, **how: base.__call__(self, some, **how) + 1},
    )
    with pytest.raises(ExportError, match="the text 'a photo of a dog' gets other ids"):
        export_tokenizer(tokenizer, context_length=CONTEXT)


def test_a_context_of_special_tokens_alone_is_refused(kinds: Callable[..., Any]) -> None:
    with pytest.raises(ExportError, match="a context of 2 leaves no room"):
        export_tokenizer(kinds("simple"), context_length=2)
