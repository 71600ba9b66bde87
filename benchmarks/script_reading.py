"""How long a training script is read, by its length, and how a script that multiplies its own calls ends.

`python benchmarks/script_reading.py` prints the table of benchmarks/README.md. Processor time, the least of several.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
import time
from pathlib import Path

from hyperdrive_retrofit.script import read_script

HEAD = """
import argparse
import json
import os

import joblib
import numpy as np
import pandas as pd
from azureml.core import Run
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score

run = Run.get_context()


class Settings:
    def __init__(self, args):
        self.lr = args.lr
        self.out = args.out
        self.columns = ["age", "income", "tenure"]

    def path(self, name):
        return os.path.join(self.out, name)
"""

BLOCK = '''

class Stage{n}:
    """Prepare, fit and check one part of the data."""

    def __init__(self, settings, frame):
        self.settings = settings
        self.frame = frame
        self.history = []
        self.limits = {{"low": 0.0, "high": 1.0, "steps": {n}}}

    def prepare(self):
        frame = self.frame.dropna()
        for column in self.settings.columns:
            if column not in frame.columns:
                raise ValueError(f"{{column}} is missing in stage {n}")
            values = frame[column].astype(float)
            frame[column] = (values - values.mean()) / (values.std() + 1e-9)
        frame["ratio"] = frame["income"] / (frame["age"] + 1)
        self.frame = frame
        return frame

    def fit(self, model, epochs=10):
        features = self.frame[self.settings.columns].to_numpy()
        labels = np.where(self.frame["label"] == "yes", 1, 0)
        for epoch in range(epochs):
            model.partial_fit(features, labels, classes=[0, 1])
            predicted = model.predict(features)
            score = f1_score(labels, predicted)
            self.history.append({{"epoch": epoch, "score": score, "stage": {n}}})
            if epoch % 5 == 0:
                print("stage %d epoch %d score %.3f" % ({n}, epoch, score))
                run.log("F_1_{n}", score)
        return max(row["score"] for row in self.history)

    def save(self, model):
        os.makedirs(self.settings.out, exist_ok=True)
        joblib.dump(model, self.settings.path("model_{n}.pkl"))
        with open(self.settings.path("history_{n}.json"), "w") as stream:
            json.dump(self.history, stream, indent=2)


def run_stage_{n}(settings, frame):
    stage = Stage{n}(settings, frame)
    stage.prepare()
    model = SGDClassifier(loss="log_loss", eta0=settings.lr, learning_rate="constant")
    best = stage.fit(model)
    stage.save(model)
    return best
'''

TAIL = """

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--out")
    args = parser.parse_args()
    settings = Settings(args)
    frame = pd.read_csv(args.data)
    scores = []
{calls}
    run.log("F_1", max(scores))


if __name__ == "__main__":
    main()
"""

MULTIPLIED = "def f0():\n    print(1)\n" + "".join(f"\n\ndef f{n}():\n" + f"    f{n - 1}()\n" * 3 for n in range(1, 19))


def script(lines: int) -> str:
    """Write an ordinary training script of about so many lines, all of whose functions are called."""
    blocks = max(1, round((lines - HEAD.count("\n") - TAIL.count("\n")) / (BLOCK.count("\n") + 1)))
    calls = "\n".join(f"    scores.append(run_stage_{n}(settings, frame))" for n in range(blocks))
    return HEAD + "".join(BLOCK.format(n=n) for n in range(blocks)) + TAIL.format(calls=calls)


def measured(text: str, rounds: int) -> tuple[float, float]:
    """Return the milliseconds that reading a script takes, and those of `ast.parse` in it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.py").write_text(text, encoding="utf-8")
        whole, parsing = [], []
        for _ in range(rounds):
            start = time.process_time()
            read_script(folder, "train.py")
            middle = time.process_time()
            ast.parse(text)
            whole.append(middle - start)
            parsing.append(time.process_time() - middle)
    return min(whole) * 1000, min(parsing) * 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print("| script | lines | read, ms | of that ast.parse, ms |\n| --- | ---: | ---: | ---: |")
    cases = [("ordinary", script(lines)) for lines in (200, 2000, 10000)]
    for name, text in [*cases, ("multiplies its own calls", MULTIPLIED + "\n\nf18()\n")]:
        whole, parsing = measured(text, rounds)
        print(f"| {name} | {text.count(chr(10))} | {whole:.1f} | {parsing:.1f} |")


if __name__ == "__main__":
    main()
