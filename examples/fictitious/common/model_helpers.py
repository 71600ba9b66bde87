"""Read and write the model: one JSON file in a folder."""

from __future__ import annotations

import json
import os

MODEL_FILE = "model.json"


def write_model(folder: str, model: dict[str, float]) -> None:
    """Write the model's hyperparameters and metrics into a folder that is there."""
    with open(os.path.join(folder, MODEL_FILE), "w", encoding="utf-8") as file:
        json.dump(model, file, indent=2)


def read_model(folder: str) -> dict[str, float]:
    """Read what ``write_model`` has written."""
    with open(os.path.join(folder, MODEL_FILE), encoding="utf-8") as file:
        return json.load(file)
