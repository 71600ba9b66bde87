"""Show, on any supported Python, that the package works at all: wrap a small pipeline, offline, and rehearse it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Raise if anything is wrong."""
    import hyperdrive_retrofit

    assert not [name for name in sys.modules if name.partition(".")[0] in ("azureml", "numpy")]

    sys.path.insert(0, str(ROOT / "examples"))
    import basic_pipeline
    from hyperdrive_retrofit import testing

    workspace, compute_target, datastore = basic_pipeline.laptop()
    before = basic_pipeline.existing_pipeline(compute_target, datastore)
    after = hyperdrive_retrofit.wrap_with_hyperdrive(before, {"thr": [0.2, 0.5]}, primary_metric_name="F_1")
    testing.assert_retrofitted(before, after, training_step="train")
    payload = testing.submission_payload(testing.offline_pipeline(workspace, after))
    assert len(payload["graph"]["module_nodes"]) == 4
    with tempfile.TemporaryDirectory() as folder:
        rehearsal = hyperdrive_retrofit.rehearse(after, workdir=Path(folder) / "rehearsal", show=False)
        assert rehearsal.status == "Completed", rehearsal
        assert rehearsal.best is not None
        assert rehearsal.best.hyperparameters == {"thr": 0.5}, rehearsal.best
        assert rehearsal.steps["evaluate"].metrics["best_threshold"] == 0.5
    print(f"smoke test passed on Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
