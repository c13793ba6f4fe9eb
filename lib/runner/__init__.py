"""Executing a study: each planned run is one notebook, executed by papermill in an MLflow run of its own.

- `lib.runner.execution` runs, here or on a cluster's workers
- `lib.runner.pages` executed notebooks as pages, and where their time went
- `lib.runner.progress` what the runs under way are doing
- `lib.runner.servers` the MLflow UI and JupyterLab
"""

from lib.runner.execution import Outcome, execute, run_all
from lib.runner.pages import comparison_page, export_html
from lib.runner.progress import shown
from lib.runner.servers import serve_lab, serve_ui
from lib.tracking.done import Step, plan

__all__ = [
    "Outcome", "Step", "comparison_page", "execute", "export_html", "plan", "run_all", "serve_lab",
    "serve_ui", "shown",
]  # fmt: skip
