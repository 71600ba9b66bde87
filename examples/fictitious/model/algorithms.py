"""The fictitious model: metrics of a classifier that is never trained, computed from three hyperparameters.

Every formula gives in a moment, and always alike, what a real training would take hours to find out. Logarithms are
base 10. The scale factors of the published description are all 1 and left out.
"""

from __future__ import annotations

from itertools import accumulate
from math import exp, log10

EPOCH_LIMIT = 120
LOG_LR_LIMIT = 0.9


def compute_metrics(thr: float, epoch: int, lr: float) -> dict[str, float]:
    """Compute all metrics of the model.

    Args:
        thr: Decision threshold.
        epoch: Number of epochs, below 120.
        lr: Learning rate, above 0 and below 10 ** 0.9 (about 7.94).

    Returns:
        The metrics ``precision``, ``recall``, ``accuracy``, ``loss`` and ``F_1`` by name.

    Raises:
        ValueError: A hyperparameter is outside the model's domain.
    """
    if not epoch < EPOCH_LIMIT:
        raise ValueError(f"epoch is {epoch!r}: the fictitious model is defined below {EPOCH_LIMIT} epochs only.")
    if not (lr > 0 and log10(lr) < LOG_LR_LIMIT):
        raise ValueError(
            f"lr is {lr!r}: the fictitious model is defined for learning rates above 0 and below "
            f"10 ** {LOG_LR_LIMIT} (about {10**LOG_LR_LIMIT:.2f}) only."
        )
    accuracy = accuracy_of_epoch(epoch) * accuracy_of_lr(lr)
    precision = precision_of_thr(thr) * accuracy
    recall = recall_of_thr(thr) * accuracy
    return {
        "precision": precision,
        "recall": recall,
        "accuracy": accuracy,
        "loss": loss_of_epoch(epoch) * loss_of_lr(lr),
        "F_1": 2 * precision * recall / (precision + recall),
    }


def learning_curve(thr: float, epoch: int, lr: float) -> list[float]:
    """Compute a running F_1 for each epoch from 1 on: the best so far, scaled so that it ends at the model's F_1."""
    final = compute_metrics(thr, epoch, lr)["F_1"]
    best = list(accumulate((compute_metrics(thr, each, lr)["F_1"] for each in range(1, epoch + 1)), max))
    return [final * (value / best[-1]) for value in best] or [final]


def precision_of_thr(thr: float) -> float:
    """Return the precision, which rises with the threshold."""
    return 0.1 + 0.9 / (1 + 5000 * exp(-20 * thr))


def recall_of_thr(thr: float) -> float:
    """Return the recall, which falls with the threshold."""
    return 1 / (1 + 1e-5 * exp(20 * thr))


def loss_of_epoch(epoch: int) -> float:
    """Return the training loss, which falls with every epoch."""
    return 3 + 7 * exp(-0.05 * epoch)


def accuracy_of_epoch(epoch: int) -> float:
    """Return the accuracy, which falls again after 80 epochs: the model overfits."""
    return 0.95 - 3 * log10(3 - 0.025 * epoch) ** 2


def loss_of_lr(lr: float) -> float:
    """Return the training loss, which is least at a learning rate of 10 ** -0.1."""
    return 0.6 + log10(0.9 - log10(lr)) ** 2


def accuracy_of_lr(lr: float) -> float:
    """Return the accuracy, which is greatest at a learning rate of 10 ** -0.6."""
    return 0.98 - log10(0.7 - 0.5 * log10(lr)) ** 2
