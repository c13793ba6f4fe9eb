"""Executing a study: each planned run is one notebook, executed by papermill in an MLflow run of its own."""

from lib.runner.execution import execute, run_all
from lib.runner.pages import comparison_page, export_html
from lib.runner.progress import shown
from lib.runner.servers import serve_app, serve_lab, serve_ui
from lib.tracking.done import Step, plan
