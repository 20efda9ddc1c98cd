"""The files rclip 4.0 downloads, with random weights instead, for against_rclip.py.

Usage: python tests/benchmarks/rclip_files.py FOLDER [CHECKPOINT]

Fills FOLDER, to be rclip's RCLIP_DATADIR: the towers of ViT-B-32-256 in fp32 ONNX (opset 18, the
TorchScript exporter, a free batch, as rclip's own are made), the tokenizer's vocabulary, and empty
files for the notices that rclip would otherwise look for online. The same weights go to CHECKPOINT,
a state dict that open_clip reads. Weights change no figure of speed or memory; the seed is 0.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import open_clip
import torch

MODEL = "ViT-B-32-256"
TOWERS = "ViT-B-32-256-datacomp_s34b_b86k"
VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
NOTICES = ("LICENSE", "OPENAI-CLIP-MIT.txt", "README.md", "THIRD_PARTY_NOTICES.md")


class Text(torch.nn.Module):
    """The text tower, whose forward is a method of the whole model."""

    def __init__(self, model: open_clip.CLIP) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.model.encode_text(tokens)


def export(tower: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    """Write one tower, named and shaped as rclip expects."""
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    torch.onnx.export(
        tower.eval(),
        (example,),
        str(path),
        input_names=["input"],
        output_names=["output"],
        dynamic_axes=axes,
        opset_version=18,
        dynamo=False,
    )


def main() -> None:
    """Write the folder, and the checkpoint if one is named."""
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    model = open_clip.create_model(MODEL, pretrained=None).eval()
    for part in (TOWERS, "tokenizer"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    export(model.visual, torch.zeros(1, 3, 256, 256), folder / TOWERS / "visual.onnx")
    export(Text(model), torch.zeros(1, 77, dtype=torch.long), folder / TOWERS / "textual.onnx")
    shutil.copy(Path(open_clip.__file__).parent / VOCABULARY, folder / "tokenizer")
    for name in NOTICES:
        (folder / name).touch()
    if len(sys.argv) > 2:
        torch.save(model.state_dict(), sys.argv[2])


if __name__ == "__main__":
    main()
