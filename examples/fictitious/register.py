"""Register the fictitious model in the workspace."""

from __future__ import annotations

import argparse
import os

from azureml.core import Run

from common.model_helpers import read_model, write_model

LOCAL_FOLDER = "./outputs/model"
# Not below outputs/: the service uploads that folder by itself, and refuses a second file of the same name.
UPLOADED_FOLDER = "model"


def main() -> None:
    """Upload the model in the folder of the command line and register it with its hyperparameters and F_1 as tags."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_folder", required=True, help="folder that holds the model")
    parser.add_argument("--model_name", default="basic_model", help="name to register the model under")
    args = parser.parse_args()

    model = read_model(args.model_folder)
    os.makedirs(LOCAL_FOLDER, exist_ok=True)
    write_model(LOCAL_FOLDER, model)

    run = Run.get_context()
    run.upload_folder(UPLOADED_FOLDER, LOCAL_FOLDER)
    run.register_model(
        model_name=args.model_name,
        model_path=UPLOADED_FOLDER,
        tags={name: str(model[name]) for name in ("thr", "epoch", "lr", "F_1")},
    )


if __name__ == "__main__":
    main()
