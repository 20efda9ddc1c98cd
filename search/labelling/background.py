"""Texts of what photos may show: what a label's cosines with photos are measured beside.

They need not be of the library's photos, in its language or many: 36 of them gave validation
photos the same labels as 284 did.
"""

from __future__ import annotations

BACKGROUND = (
    "a brick wall", "a cup of coffee on a wooden table", "grass with a few leaves",
    "handwriting on a sheet of paper", "a dog", "birds on a wire", "an insect on a leaf", "a baby",
    "a man with a beard and glasses", "a crowd of people at a concert",
    "a family having dinner together", "a close-up of a hand", "a portrait in black and white",
    "a man riding a bicycle", "a skier going down a snowy slope",
    "a musician playing a guitar on stage", "a chef cooking in a kitchen",
    "a meeting in an office", "a market with fruit and vegetables", "a street in an old town",
    "a church with a tall tower", "a garden with a fountain", "a train at a station",
    "a boat in a harbour", "a car parked on a street", "a beach with palm trees",
    "mountains covered with snow", "a path through a forest in autumn", "clouds before a storm",
    "a rose", "a plate of pasta", "a living room with a fireplace", "a pair of shoes",
    "tools on a workbench", "a page of printed text", "a pattern of coloured squares",
)  # fmt: skip
