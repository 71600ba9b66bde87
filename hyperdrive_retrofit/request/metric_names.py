"""What a metric's name says of the metric: which goal it has, and whether it can be negative."""

from __future__ import annotations

import itertools
import re

from hyperdrive_retrofit.sweep import MAXIMIZE, MINIMIZE

_LOSS_WORDS = frozenset(
    ("loss", "error", "err", "mse", "rmse", "mae", "mape", "smape", "rmsle", "msle", "wer", "cer", "perplexity", "nll",
     "deviance", "brier", "logloss", "crossentropy", "divergence", "wape", "mase", "nrmse", "nmae", "eer", "fid")
)  # fmt: skip
_GAIN_WORDS = frozenset(
    ("accuracy", "acc", "auc", "auroc", "auprc", "aucpr", "fscore", "precision", "recall", "iou", "dice", "bleu",
     "rouge", "kappa", "mcc", "reward", "likelihood", "ndcg", "sensitivity", "specificity", "gini", "psnr", "ssim")
)  # fmt: skip
_SIGNED_WORDS = frozenset(
    ("elbo", "loglik", "loglikelihood", "likelihood", "reward", "correlation", "corr", "pearson", "spearman", "kendall",
     "mcc", "matthews", "kappa", "silhouette", "advantage", "profit", "sharpe", "nse")
)  # fmt: skip
_OF_ANOTHER_MIND = frozenset(
    ("gap", "drop", "diff", "difference", "delta", "change", "reduction", "improvement", "gain", "skill", "explained",
     "impurity", "parity", "disparity", "cost", "time", "latency", "std", "variance", "inverse", "inv", "reciprocal")
)  # fmt: skip
"""Words with which a metric's own goal says nothing: an accuracy gap is to be small, a Brier skill great."""
_SIGNS = frozenset(("neg", "negative", "negatives", "minus"))
_NEGATED = re.compile(
    r"(?<![a-z])(?<!true_)(?<!false_)(?:neg|negative|minus)_"
    r"(?:(?:(?:mean|median|root|max|squared|absolute|percentage|log)_)+(?:error|loss|likelihood|deviance)"
    r"|mse|rmse|mae|mape|rmsle|msle|nll|perplexity|(?:log_?)?likelihood|loglik|logloss|brier)(?![a-z])"
)
"""A metric times -1. `neg_recall` and `neg_loss` are those of the negative examples, for all that can be seen."""
_COMPLEMENT = re.compile(r"\s*(1|one)[\s_]*(-|minus)", re.IGNORECASE)
_GAIN_WITH_NUMBER = re.compile(r"(?<![a-z])(f_?1|f_?beta|r_?2|r_?squared)(?![a-z0-9])", re.IGNORECASE)
_R_SQUARED = re.compile(r"(?<![a-z])r_?(2|squared)(?![a-z0-9])", re.IGNORECASE)


def loss_word(metric: str) -> str | None:
    """Return the word in a metric's name that says it is to be minimised, or None."""
    return next((word for word in _words(metric) if word in _LOSS_WORDS), None)


def expected_goal(metric: str) -> str | None:
    """Return the goal that a metric's name plainly says, or None."""
    words = set(_words(metric))
    negated = _is_negated(metric)
    if words & _OF_ANOTHER_MIND or _COMPLEMENT.match(metric) or (words & _SIGNS and not negated):
        return None
    if "error" in words and "score" in words:  # d2_absolute_error_score
        return None
    loss = bool(words & _LOSS_WORDS)
    gain = bool(words & _GAIN_WORDS or _GAIN_WITH_NUMBER.search(metric))
    if loss == gain:  # neither, or both, as in "accuracy_loss"
        return None
    return MAXIMIZE if gain is not negated else MINIMIZE


def may_be_negative(metric: str) -> bool:
    """Tell whether a metric of this name takes negative values: R2, a log-likelihood, scikit-learn's ``neg_...``."""
    words = set(_words(metric))
    return bool(words & _SIGNED_WORDS or _is_negated(metric) or _R_SQUARED.search(metric))


def _is_negated(metric: str) -> bool:
    return bool(_NEGATED.search("_".join(_parts(metric))))


def _words(metric: str) -> list[str]:
    """Return the words of a name, and each two that follow each other as one."""
    words = _parts(metric)
    return words + [first + second for first, second in itertools.pairwise(words)]


def _parts(metric: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", metric)]
