"""In the place of ipykernel's launcher, so that raw papermill has its kernels from `lib.runner.kernels` too."""

from pathlib import Path
from runpy import run_path

run_path(str(Path(__file__).parents[2] / "lib" / "runner" / "kernels.py"), run_name="__main__")
