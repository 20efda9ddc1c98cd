"""What a bundle says of itself: `manifest.json`. Knows nothing of ONNX Runtime or of arrays."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from indexer.encoders.cleaning import CLEANINGS, Cleaning
from indexer.encoders.preprocess import Preprocessing
from indexer.errors import BundleError
from indexer.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# 1 had one tokenizer, 2 cleaned no texts, 3 knew no space but its own, 4 had weights in graphs
FORMAT = 5
MANIFEST = "manifest.json"
IMAGE_TOWER = "image.onnx"
TEXT_TOWER = "text.onnx"
TOKENIZER = "tokenizer.json"
SECOND_TOKENIZER = "tokenizer_2.json"  # of a text tower that reads two transformers' tokens
CLASSES = "classes.csv"  # what the classes of the image tower's classifier are called
FILES = (IMAGE_TOWER, TEXT_TOWER, TOKENIZER)  # every bundle has these
WEIGHTS = {IMAGE_TOWER: "image.weights", TEXT_TOWER: "text.weights"}  # beside graphs without any

Precision = Literal["fp32", "int8", "int4+int8"]  # of the weights in the file
Padding = Literal["longest", "context"]


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How texts become the token ids that the text tower reads."""

    context_length: int  # tokens, special ones included; longer texts are cut
    padding: Padding  # to the longest text of a batch, or always to the context length
    pad_id: int
    lowercase: bool  # before the tokenizer, which may do so by itself
    cleaning: Cleaning = "none"  # before that
    zeroed_id: int | None = None  # becomes 0 wherever it stands: a separator that goes unread

    def __post_init__(self) -> None:
        if self.padding not in get_args(Padding):
            raise ValueError(f"padding {self.padding!r} is none of {', '.join(get_args(Padding))}")
        if self.cleaning not in CLEANINGS:
            raise ValueError(f"cleaning {self.cleaning!r} is none of {', '.join(CLEANINGS)}")
        if self.context_length < 1:
            raise ValueError("context_length must be positive")

    @property
    def content(self) -> dict[str, Any]:
        """Names and values; what format 3 added is there only where it changes ids."""
        later = {"cleaning": "none", "zeroed_id": None}
        # so a space that was made before is still the same
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in later or value != later[name]
        }

    @property
    def is_plain(self) -> bool:
        """Whether formats before 3 can say all of this."""
        return self.cleaning == "none" and self.zeroed_id is None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part of the model came from, and its licence."""

    part: str
    origin: str
    licence: str
    shipped: bool = True  # False for what was only learned from


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cosines between a tower's vectors and its fp32 source's, on `count` real inputs."""

    count: int
    mean: float
    first_percentile: float
    lowest: float
    recall_at_10_change: float | None = None  # from fp32, fractions of 1, on photos held out


@dataclass(frozen=True, slots=True)
class Identity:
    """The space of the model that a bundle was made of, and answers in its place."""

    weights_digest: str
    preprocessing_digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A bundle's identity, settings and origin; `digests` are SHA-256 in hex, by file name."""

    name: str
    description: str
    dim: int
    image: Preprocessing
    text: TextSettings
    image_precision: Precision
    text_precision: Precision
    digests: Mapping[str, str]
    sources: tuple[Source, ...]
    image_agreement: Agreement | None = None
    text_agreement: Agreement | None = None
    second_text: TextSettings | None = None  # for `tokenizer_2.json`, where there is one
    identity: Identity | None = None  # None: the bundle is the model

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a bundle's manifest; BundleError where it or a file of the bundle is unusable."""
        content = _read_json(folder / MANIFEST)
        _check_format(content, folder)
        try:
            manifest = _from_json(content)
        except (KeyError, TypeError, ValueError) as error:
            problem = f"lacks {error}" if isinstance(error, KeyError) else f"is wrong: {error}"
            raise BundleError(
                f"{folder / MANIFEST} {problem}. Make the bundle again or fetch another copy."
            ) from error
        for name in manifest.digests:
            if not (folder / name).is_file():
                raise BundleError(
                    f"The bundle {folder} has no {name}. Make it again or fetch another copy."
                )
        return manifest

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`, whole or not at all."""
        content = {"format": self._format, **asdict(self), **self._text_content}
        for name in ("second_text", "identity"):
            if getattr(self, name) is None:
                del content[name]
        with replacing(folder / MANIFEST) as beside:
            beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")

    @property
    def weights_digest(self) -> str:
        """SHA-256 over the digests of both towers and the tokenizers, in hex, or its source's."""
        if self.identity is not None:
            return self.identity.weights_digest
        return _sha256("\n".join(self.digests[name] for name in self.encoding_files))

    @property
    def encoding_files(self) -> tuple[str, ...]:
        """The files that decide what vectors come out."""
        weights = [name for name in WEIGHTS.values() if name in self.digests]
        tokenizers = () if self.second_text is None else (SECOND_TOKENIZER,)
        return (*FILES, *weights, *tokenizers)

    @property
    def preprocessing_digest(self) -> str:
        """SHA-256 over the settings for images and texts, in hex, or its source's."""
        if self.identity is not None:
            return self.identity.preprocessing_digest
        settings = {"image": asdict(self.image), **self._text_content}
        return _sha256(json.dumps(settings, sort_keys=True, separators=(",", ":")))

    @property
    def _format(self) -> int:
        """The oldest format that says all, so that older versions read what they can use."""
        if any(name in self.digests for name in WEIGHTS.values()):
            return FORMAT
        if self.identity is not None:
            return 4
        if not all(each.is_plain for each in (self.text, self.second_text) if each is not None):
            return 3
        return 1 if self.second_text is None else 2

    @property
    def _text_content(self) -> dict[str, dict[str, Any]]:
        both = {"text": self.text, "second_text": self.second_text}
        return {name: each.content for name, each in both.items() if each is not None}

    @property
    def licence(self) -> str:
        """The licences of all parts that ship, each named once."""
        shipped = (source.licence for source in self.sources if source.shipped)
        return ", ".join(dict.fromkeys(shipped))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"{path.parent} is no bundle: it has no {MANIFEST}. Name a bundle's folder."
        ) from error
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read: {error.strerror}. Check its permissions and its disk."
        ) from error
    except ValueError as error:
        raise BundleError(
            f"{path} is no JSON ({error}). Make the bundle again or fetch another copy."
        ) from error
    if not isinstance(content, dict):
        raise BundleError(f"{path} holds no JSON object. Make the bundle again.")
    return content


def _check_format(content: Mapping[str, Any], folder: Path) -> None:
    version = content.get("format")
    if not isinstance(version, int):
        raise BundleError(f"{folder / MANIFEST} lacks 'format'. Make the bundle again.")
    if version > FORMAT:
        raise BundleError(
            f"The bundle {folder} has format {version} and this sightseek reads up to {FORMAT}. "
            "Upgrade: pip install --upgrade sightseek"
        )


def _from_json(content: Mapping[str, Any]) -> Manifest:
    image = dict(content["image"])
    image |= {"mean": _triple(image["mean"]), "std": _triple(image["std"])}
    dim = content["dim"]
    if not isinstance(dim, int) or dim < 1:
        raise ValueError(f"dim is {dim!r}")
    second = content.get("second_text")
    required = FILES if second is None else (*FILES, SECOND_TOKENIZER)
    optional = [name for name in (CLASSES, *WEIGHTS.values()) if name in content["digests"]]
    return Manifest(
        name=content["name"],
        description=content["description"],
        dim=dim,
        image=Preprocessing(**image),
        text=TextSettings(**content["text"]),
        image_precision=_precision(content["image_precision"]),
        text_precision=_precision(content["text_precision"]),
        digests={name: str(content["digests"][name]) for name in (*required, *optional)},
        sources=tuple(Source(**source) for source in content["sources"]),
        image_agreement=_agreement(content.get("image_agreement")),
        text_agreement=_agreement(content.get("text_agreement")),
        second_text=None if second is None else TextSettings(**second),
        identity=Identity(**content["identity"]) if "identity" in content else None,
    )


def _triple(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _precision(value: object) -> Precision:
    for known in get_args(Precision):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise ValueError(f"precision {value!r} is none of {', '.join(get_args(Precision))}")


def _agreement(values: dict[str, Any] | None) -> Agreement | None:
    return None if values is None else Agreement(**values)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
