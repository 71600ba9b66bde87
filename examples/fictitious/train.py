"""Train the fictitious model: log its metrics and write it into the model folder."""

from __future__ import annotations

import argparse
import os

from azureml.core import Run

from common.model_helpers import write_model
from model.algorithms import compute_metrics, learning_curve


def main() -> None:
    """Train with the hyperparameters of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--thr", type=float, default=0.5, help="decision threshold")
    parser.add_argument("--epoch", type=int, default=50, help="number of epochs")
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
    parser.add_argument("--model_folder", required=True, help="folder to write the model into")
    parser.add_argument("--log_every_epoch", action="store_true", help="log F_1 after each epoch, not only the last")
    args = parser.parse_args()

    metrics = compute_metrics(args.thr, args.epoch, args.lr)

    run = Run.get_context()
    run.log("precision", metrics["precision"])
    run.log("recall", metrics["recall"])
    run.log("accuracy", metrics["accuracy"])
    run.log("loss", metrics["loss"])
    if args.log_every_epoch:
        for value in learning_curve(args.thr, args.epoch, args.lr):
            run.log("F_1", value)
    else:
        run.log("F_1", metrics["F_1"])

    os.makedirs(args.model_folder, exist_ok=True)
    write_model(args.model_folder, {"thr": args.thr, "epoch": args.epoch, "lr": args.lr, **metrics})


if __name__ == "__main__":
    main()
