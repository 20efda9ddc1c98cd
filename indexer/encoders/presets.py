"""The models that have a name of their own. Knows facts about them, and of no file or network.

A figure stands here only with the page that it was read on.
"""

from __future__ import annotations

from dataclasses import dataclass

SAFETENSORS = "open_clip_model.safetensors"
PICKLE = "open_clip_pytorch_model.bin"


@dataclass(frozen=True, slots=True)
class CocoRecall:
    """Published zero-shot recall@1 on MS COCO's 5,000 test photos, per cent, and where it stands.

    Each comes from the model's own makers, so equal settings are likely and not certain.
    """

    text_to_image: float
    source: str  # URL
    image_to_text: float | None = None  # where the source has it


@dataclass(frozen=True, slots=True)
class Preset:
    """An open_clip model that goes by one word."""

    name: str
    architecture: str  # open_clip's name
    tag: str  # of the weights, open_clip's name
    repository: str  # on the hub
    licence: str
    dim: int
    image_size: int  # pixels
    parameters: int  # both towers
    languages: str
    recall: CocoRecall
    download_bytes: int | None = None  # where the hub's page was read

    @property
    def files(self) -> tuple[str, ...]:
        """What the weights may be called in the repository, best first."""
        return (SAFETENSORS, PICKLE)


_SIGLIP2 = "google-research/big_vision/blob/main/big_vision/configs/proj/image_text"

PRESETS: tuple[Preset, ...] = (
    Preset(
        name="clip",
        architecture="ViT-B-32-256",
        tag="datacomp_s34b_b86k",
        repository="laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
        licence="MIT",
        dim=512,
        image_size=256,
        parameters=151_288_833,
        languages="English",
        recall=CocoRecall(
            text_to_image=39.9,
            image_to_text=57.9,
            source="https://github.com/mlfoundations/open_clip/blob/main/docs/"
            "openclip_retrieval_results.csv",
        ),
        download_bytes=605_000_000,
    ),
    Preset(
        name="multilingual",
        architecture="ViT-B-16-SigLIP2-256",
        tag="webli",
        repository="timm/ViT-B-16-SigLIP2-256",
        licence="Apache-2.0",
        dim=768,
        image_size=256,
        parameters=375_234_050,
        languages="109 languages",  # of the alt texts that it learned from: arXiv:2502.14786
        recall=CocoRecall(
            text_to_image=53.2,
            image_to_text=69.7,
            source=f"https://github.com/{_SIGLIP2}/README_siglip2.md",
        ),
    ),
    # open_clip's other strong ones: ViT-gopt-16-SigLIP2-384 is at 56.1, ViT-H-14-378 of DFN at
    # 55.6 and under Apple's licence
    Preset(
        name="best",
        architecture="PE-Core-bigG-14-448",
        tag="meta",
        repository="timm/PE-Core-bigG-14-448",
        licence="Apache-2.0",
        dim=1280,
        image_size=448,
        parameters=2_419_267_841,
        languages="English",
        recall=CocoRecall(
            text_to_image=58.1,
            source="https://github.com/facebookresearch/perception_models/blob/main/apps/pe/"
            "README.md",
        ),
    ),
)


def preset_called(name: str) -> Preset | None:
    """Find the preset of that name."""
    return next((preset for preset in PRESETS if preset.name == name), None)
