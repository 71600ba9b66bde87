"""What a finding is, and every code there is."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from hyperdrive_retrofit.request import Problem

BLOCKER, WARNING, NOTE = "blocker", "warning", "note"

CATALOGUE: Mapping[str, str] = {
    "HR001": "nothing that a Pipeline takes",
    "HR002": "the training step cannot be told",
    "HR003": "no such training step",
    "HR004": "a kind of step or output that cannot be tuned",
    "HR005": "the step is a HyperDriveStep already",
    "HR006": "the search space is wrong",
    "HR007": "the sampling does not suit the space",
    "HR008": "the policy is wrong",
    "HR009": "the primary metric is wrong",
    "HR010": "a limit is out of range",
    "HR011": "an argument names nothing",
    "HR012": "a setting that a HyperDriveStep does not have",
    "HR013": "source directory or script does not exist",
    "HR014": "a step is given twice",
    "HR015": "steps wait for each other",
    "HR016": "the compute target does not take HyperDrive",
    "HR101": "a hyperparameter is not an option of the script",
    "HR102": "a hyperparameter's fixed value cannot be told apart",
    "HR103": "the primary metric is never logged",
    "HR104": "every child registers or tags a model",
    "HR105": "the policy can never fire",
    "HR106": "an output's path is joined behind another, or the directory changes",
    "HR107": "nobody makes the output folder",
    "HR108": "children write through an input",
    "HR109": "the parent run is another one now",
    "HR110": "two outputs of one name",
    "HR111": "a tuned PipelineParameter disappears",
    "HR112": "run.output_datasets in a child",
    "HR113": "azureml-core not visible where promote runs",
    "HR114": "a script could not be read",
    "HR115": "another run is looked up by the training step's name",
    "HR116": "an option does not take a hyperparameter's values",
    "HR117": "loguniform's bounds are exponents",
    "HR118": "a reader needs the folder, and gets one file",
    "HR119": "a ratio as slack on a metric that may be negative",
    "HR120": "the goal looks wrong for the metric's name",
    "HR121": "children write to one fixed place",
    "HR122": "the model file is not written by the script",
    "HR123": "a step takes the newest model, and every child registers one",
    "HR124": "a step writes into the output that it reads",
    "HR125": "more children at a time than the cluster has nodes",
    "HR126": "Bayesian sampling with too few runs, or too many at a time",
    "HR127": "an earlier sweep is reused",
    "HR128": "an option that the script never uses",
    "HR129": "the best logged value is not that of the saved model",
    "HR130": "an output asked of the training step's run",
    "HR131": "a secret among the arguments",
    "HR132": "a value is given twice",
}
"""Every code with what it is about. HR0xx are mistakes in the call, HR1xx come from the user's scripts."""


@attrs.frozen
class Finding:
    """One remark.

    Attributes:
        code: Stable, such as ``HR107``.
        severity: ``blocker``, ``warning`` or ``note``.
        where: ``train.py:12``, ``step 'train'`` or the argument of the call.
        message: What happens under HyperDrive, one sentence.
        fix: What to do.
    """

    code: str
    severity: str
    where: str
    message: str
    fix: str

    @property
    def page(self) -> str:
        """The page that explains its code, with an example: a path in this project's repository."""
        return f"docs/findings/{self.code}.md"

    def __str__(self) -> str:
        return f"{self.code} {self.severity} at {self.where}: {self.message} {self.fix}"


def from_problem(problem: Problem) -> Finding:
    """Return a mistake in the call as a finding."""
    return Finding(problem.code, BLOCKER, problem.where, problem.message, problem.fix)


def may_be_ignored(code: str) -> bool:
    """Return whether ``ignore=`` takes a code: a mistake in the call cannot be passed over, nor can a fixed value."""
    return code in CATALOGUE and code.startswith("HR1") and code != "HR102"
