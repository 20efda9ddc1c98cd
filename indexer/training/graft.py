"""Heads onto the ONNX graphs of a base bundle's towers. Knows nothing of how heads are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from indexer.encoders.bundle import EMBEDDINGS
from indexer.training.blend import LEAST, MOST
from indexer.training.heads import HIDDEN_SCALE, HiddenHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from onnx import ModelProto

    from indexer.training.blend import Blend, Gate
    from indexer.training.heads import LinearHead, Side

NEAREST = "nearest"  # a text's cosine with the nearest name that the base knows, `(n, 1)`


def graft_photos(
    base: ModelProto, side: Side, blend: Blend, features: Sequence[str], *, base_dim: int
) -> ModelProto:
    """Let an image tower's embeddings be those of `side` and its own, joined by `blend`."""
    graft = _Graft.onto(base)
    heads = graft.side(side, features)
    own = graft.unit(graft.old(EMBEDDINGS))
    joined = [
        graft.scaled(heads, (1 - blend.share) ** 0.5),
        graft.scaled(own, blend.share**0.5),
    ]
    return graft.finish(joined, dim=side.dim + base_dim)


def graft_texts(
    base: ModelProto, side: Side, blend: Blend, features: Sequence[str], *, base_dim: int
) -> ModelProto:
    """Let a text tower's embeddings be those of `side` and its own, joined by `blend`."""
    if blend.gate is None:
        return graft_photos(base, side, blend, features, base_dim=base_dim)
    graft = _Graft.onto(base)
    heads = graft.side(side, features)
    own = graft.unit(graft.old(EMBEDDINGS))
    share = graft.gate(blend.gate, graft.old(NEAREST))
    rest = graft.node("Sub", graft.number(1.0), share)
    joined = [
        graft.node("Mul", heads, graft.node("Sqrt", rest)),
        graft.node("Mul", own, graft.node("Sqrt", share)),
    ]
    return graft.finish(joined, dim=side.dim + base_dim)


@dataclass(slots=True)
class _Graft:
    """A graph that grows; every value it adds has the prefix, so that grafts can be stacked."""

    model: ModelProto
    prefix: str
    count: int = 0

    @classmethod
    def onto(cls, base: ModelProto) -> _Graft:
        model = onnx.ModelProto()
        model.CopyFrom(base)
        taken = {name.partition("/")[0] for node in model.graph.node for name in node.output}
        number = next(n for n in range(1, len(taken) + 2) if f"heads{n}" not in taken)
        return cls(model, f"heads{number}")

    def old(self, name: str) -> str:
        """Take an output of the base that the new graph does not have, under another name."""
        renamed = f"{self.prefix}/base_{name}"
        for node in self.model.graph.node:
            for names in (node.input, node.output):
                for place, each in enumerate(names):
                    if each == name:
                        names[place] = renamed
        kept = [output for output in self.model.graph.output if output.name != name]
        del self.model.graph.output[:]
        self.model.graph.output.extend(kept)
        return renamed

    def side(self, side: Side, features: Sequence[str]) -> str:
        blocks = [
            self.unit(self.node("Sub", name, self.array(centre)))
            for name, centre in zip(features, side.standard.centres, strict=True)
        ]
        rows = self.joined(blocks)
        heads = [self.unit(self.head(head, rows)) for head in side.heads]
        return self.scaled(self.joined(heads), len(heads) ** -0.5)

    def head(self, head: LinearHead | HiddenHead, rows: str) -> str:
        straight = self.affine(rows, head.matrix, head.bias)
        if not isinstance(head, HiddenHead):
            return straight
        # the scale goes into the matrix: one step less for every query
        wide = self.affine(rows, (HIDDEN_SCALE * head.up).astype(np.float32), head.up_bias)
        hidden = self.node("Gelu", wide)
        return self.node("Add", straight, self.affine(hidden, head.down, head.down_bias))

    def gate(self, gate: Gate, nearest: str) -> str:
        slope = 1 / (gate.high - gate.low)
        risen = self.node(
            "Mul", self.node("Sub", nearest, self.number(gate.low)), self.number(slope)
        )
        opened = self.node("Clip", risen, self.number(0.0), self.number(1.0))
        return self.node(
            "Add", self.node("Mul", opened, self.number(MOST - LEAST)), self.number(LEAST)
        )

    def finish(self, parts: Sequence[str], *, dim: int) -> ModelProto:
        self.model.graph.node.append(
            helper.make_node("Concat", parts, [EMBEDDINGS], axis=1, name=f"{self.prefix}/join")
        )
        output = helper.make_tensor_value_info(EMBEDDINGS, TensorProto.FLOAT, ["n", dim])
        self.model.graph.output.append(output)
        onnx.checker.check_model(self.model)
        return self.model

    def affine(
        self, rows: str, matrix: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
    ) -> str:
        return self.node("Add", self.node("MatMul", rows, self.array(matrix)), self.array(bias))

    def unit(self, rows: str) -> str:
        return self.node("LpNormalization", rows, axis=1, p=2)

    def joined(self, parts: Sequence[str]) -> str:
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=1)

    def scaled(self, rows: str, factor: float) -> str:
        return self.node("Mul", rows, self.number(factor))

    def number(self, value: float) -> str:
        return self.array(np.array(value, np.float32))

    def array(self, values: npt.NDArray[np.float32]) -> str:
        name = self.name("weights")
        self.model.graph.initializer.append(
            numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name)
        )
        return name

    def node(self, kind: str, *inputs: str, **attributes: int) -> str:
        name = self.name(kind.lower())
        self.model.graph.node.append(
            helper.make_node(kind, inputs, [name], name=f"{name}_node", **attributes)
        )
        return name

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{self.prefix}/{kind}_{self.count}"
