"""Findings of the sweep's own settings."""

from __future__ import annotations

import pytest
from azureml.core.runconfig import RunConfiguration
from azureml.train.hyperdrive import BanditPolicy, loguniform, uniform
from planned import GOOD, LOG, assert_only


class TestSettings:
    """HR117, HR119, HR120, HR125, HR126 and HR127."""

    def test_a_ratio_of_a_negative_metric(self, found):
        """Dividing a negative best makes it better than itself."""
        train = GOOD.replace("F_1", "val_r2").replace(
            LOG.replace("F_1", "val_r2"), 'for _ in range(3): run.log("val_r2", args.lr)  # best\n'
        )
        policy = BanditPolicy(evaluation_interval=1, slack_factor=0.1)
        result = found(train, policy=policy, primary_metric_name="val_r2")
        message = "slack_factor is a ratio of 'val_r2': where that is negative, the best child itself is ended."
        assert_only(result, "HR119", "warning", "policy", message, "slack_amount")
        rate = train.replace("val_r2", "false_negative_rate")
        assert (
            found(rate, policy=policy, primary_metric_name="false_negative_rate", primary_metric_goal="minimize") == ()
        )
        by_amount = BanditPolicy(evaluation_interval=1, slack_amount=0.1)
        assert found(train, policy=by_amount, primary_metric_name="val_r2") == ()

    @pytest.mark.parametrize(
        ("metric", "goal", "expected"),
        [
            ("val_accuracy", "minimize", "maximize"), ("F_1", "minimize", "maximize"), ("rmse", "maximize", "minimize"),
            ("neg_mean_squared_error", "minimize", "maximize"), ("negative_log_likelihood", "maximize", "minimize"),
        ],
    )  # fmt: skip
    def test_the_goal_looks_wrong(self, found, metric, goal, expected):
        """A name that plainly says its goal is held against the goal that was given."""
        result = found(GOOD.replace("F_1", metric), primary_metric_name=metric, primary_metric_goal=goal)
        message = f"The goal is to {goal} '{metric}', which by its name is to be {expected}d"
        assert_only(result, "HR120", "warning", "primary_metric_goal", message, f"primary_metric_goal='{expected}'")
        assert found(GOOD.replace("F_1", metric), primary_metric_name=metric, primary_metric_goal=expected) == ()

    @pytest.mark.parametrize("goal", ["minimize", "maximize"])
    @pytest.mark.parametrize(
        "metric",
        [
            "m", "score", "accuracy_loss", "entropy", "latency", "accuracy_gap", "one_minus_auc", "1 - auc", "neg_recall",
            "neg_loss", "f1_negative", "brier_skill_score", "d2_absolute_error_score", "deviance_explained", "error_reduction",
        ],
    )  # fmt: skip
    def test_no_goal_in_the_name(self, found, metric, goal):
        """A name that says nothing, or both, or something made of a metric, is no reason for a remark."""
        assert found(GOOD.replace("F_1", metric), primary_metric_name=metric, primary_metric_goal=goal) == ()

    @pytest.mark.parametrize(
        ("at_once", "nodes", "severity", "message", "fix"),
        [
            (8, 1, "note", "8 children at a time do not fit: 'cpu-cluster' has at most 4 nodes", "max_concurrent_runs=4"),
            (2, 3, "note", "2 children at a time of 3 nodes each do not fit", "max_concurrent_runs=1"),
            (1, 5, "warning", "A child takes 5 nodes, and 'cpu-cluster' has at most 4 nodes, so none ever starts.", "larger"),
        ],
    )  # fmt: skip
    def test_more_children_than_nodes(self, found, at_once, nodes, severity, message, fix):
        """What waits for a node costs the sweep's time."""
        config = RunConfiguration()
        config.node_count = nodes
        settings = {
            "space": {"lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]},
            "max_concurrent_runs": at_once,
            "step": {"runconfig": config},
        }
        assert_only(found(**settings), "HR125", severity, "max_concurrent_runs", message, fix)
        assert "HR125" not in {finding.code for finding in found(**settings | {"step": {"compute_target": "named"}})}

    def test_fewer_children_than_at_a_time(self, found):
        """Two children never need more nodes than two."""
        config = RunConfiguration()
        config.node_count = 2
        settings = {"space": {"lr": [0.1, 0.2]}, "max_concurrent_runs": 4, "step": {"runconfig": config}}
        assert found(**settings) == ()

    @pytest.mark.parametrize("values", [[0.1, 0.2, 0.1], [0.1, "0.1"]])
    def test_a_value_given_twice(self, found, values):
        """Two values that come to one text make equal children."""
        message = "choice() has 0.1 more than once: children are equal, and each is paid for."
        assert_only(found(space={"lr": values}), "HR132", "warning", "search_space['lr']", message, "once")

    def test_bayesian(self, found):
        """Few runs, and many at a time, teach it little."""
        bayesian = {"sampling": "bayesian", "space": {"lr": uniform(0, 1)}}
        assert_only(
            found(**bayesian, max_total_runs=19), "HR126", "note", "max_total_runs",
            "Bayesian sampling learns little from 19 runs: 20 are advised for 1 hyperparameter.", "max_total_runs=20",
        )  # fmt: skip
        assert found(**bayesian, max_total_runs=20) == ()
        result = found(**bayesian, max_total_runs=90, max_concurrent_runs=21, step={"compute_target": "named"})
        assert_only(
            result, "HR126", "note", "max_concurrent_runs", "21 runs at a time are chosen without each other's results."
        )

    @pytest.mark.parametrize(
        ("space", "sampling", "said"),
        [({"lr": uniform(0, 1)}, "random", True), ({"lr": [1, 2]}, "random", False), ({"lr": [1, 2]}, "grid", False)],
    )
    def test_an_earlier_sweep(self, found, space, sampling, said):
        """Where not all points are tried, running again means drawing again, which reuse does not."""
        result = found(space=space, sampling=sampling, step={"allow_reuse": True})
        assert [finding.code for finding in result] == ["HR127"] * said

    def test_bounds_are_exponents(self, found):
        """Positive bounds of loguniform are nearly always a mistake."""
        message = "loguniform(0.001, 0.1) draws from exp(0.001) to exp(0.1), for its bounds are exponents of e."
        fix = "If 0.001 to 0.1 is meant: loguniform(math.log(0.001), math.log(0.1))."
        assert_only(found(space={"lr": loguniform(0.001, 0.1)}), "HR117", "warning", "search_space['lr']", message, fix)
        assert found(space={"lr": loguniform(-6, -1)}) == ()
        assert found(space={"lr": loguniform(0, 3)}) == ()
