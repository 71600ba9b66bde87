"""Evaluate the fictitious model: compute its metrics anew and log them with its hyperparameters."""

from __future__ import annotations

import argparse

from azureml.core import Run

from common.model_helpers import read_model
from model.algorithms import compute_metrics


def main() -> None:
    """Evaluate the model in the folder of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_folder", required=True, help="folder that holds the model")
    args = parser.parse_args()

    model = read_model(args.model_folder)

    run = Run.get_context()
    for name, value in compute_metrics(model["thr"], model["epoch"], model["lr"]).items():
        run.log(name, value)
    run.log("best_threshold", model["thr"])
    run.log("best_epoch", model["epoch"])
    run.log("best_learning_rate", model["lr"])


if __name__ == "__main__":
    main()
