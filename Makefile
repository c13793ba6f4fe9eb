# `make demo` and `make test` are all that a fresh machine with Python 3.11 needs.
PYTHON ?= python3.11
RUN := .venv/bin/python -m
SIDE_BY_SIDE := --numprocesses auto --dist loadfile --no-loadscope-reorder

# Where Python is told to write no bytecode, as in many containers, each notebook would
# compile TensorFlow, MLflow and pandas anew: 10 s a run.
unexport PYTHONDONTWRITEBYTECODE

# What the libraries print as they are imported is shown only where the import fails.
TOLD := 2> .venv/imports || { cat .venv/imports; exit 1; }

.PHONY: demo test check bench lab ui lint lock newest .venv

demo: .venv/installed
	@echo "Twenty runs on a corpus of synthetic speech: five to seven minutes on two cores."
	@$(RUN) lib make-demo
	@$(RUN) lib run demo --jobs 2 --html data/pages/demo.html
	@echo
	@echo "What to see: a baseline of the field that detects, networks of the report that do not, and one whose"
	@echo "accuracy is high because it always gives one answer. Synthetic speech: nothing of it is about ASVspoof 2017."
	@echo
	@echo "comparison page   data/pages/demo.html"
	@echo "runs in MLflow    make ui    (prints the address of the table)"
	@echo "notebooks         make lab"
	@echo "what to do next   .venv/bin/study"

test: .venv/installed
	$(RUN) pytest $(SIDE_BY_SIDE)

# Side by side on this machine, in ratios; leave it alone meanwhile.
bench: .venv/installed
	@$(RUN) lib make-demo
	@$(RUN) lib run bench

# Lint and the tests of single modules, in under a minute.
check: lint
	$(RUN) pytest $(SIDE_BY_SIDE) -m "not slow and not executes"

lint: .venv/installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .

lab: .venv/installed
	$(RUN) lib lab

ui: .venv/installed
	$(RUN) lib ui

.venv: .venv/installed

# Stale when the versions change, and when the checkout was moved or copied: the packages
# stay, and what holds the old place (activate, the first line of each console script) is
# written anew. Bytecode is made of what the study imports, at once, instead of a minute
# for all.
.venv/installed: requirements.lock pyproject.toml .venv/place
	$(RUN) pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --editable .
	@.venv/bin/python -c "import keras, librosa, mlflow, pandas, seaborn, sklearn, tensorflow, torch" $(TOLD)
	@.venv/bin/python -c "import ipykernel.kernelapp, lib.cli, nbconvert, papermill, transformers" $(TOLD)
	@touch $@

.venv/place: FORCE
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@test "$$(cat $@ 2>/dev/null)" = "$(CURDIR)" || { \
	  .venv/bin/python -m venv --without-pip .venv && \
	  grep -lI bin/python .venv/bin/* | xargs sed -i -e '1s|^#!/.*/bin/python[0-9.]*$$|#!$(CURDIR)/.venv/bin/python|' \
	    -e "2s|^'''exec' .*/bin/python[^ ]* |'''exec' $(CURDIR)/.venv/bin/python |" && \
	  echo "$(CURDIR)" > $@; }

.PHONY: FORCE
FORCE:

# Exact versions for all, from the ranges in pyproject.toml; no addresses in the file.
lock:
	$(RUN) pip install --quiet uv
	$(RUN) uv pip compile pyproject.toml --extra dev --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --upgrade --output-file requirements.lock

# What breaks with the newest versions that pyproject.toml allows? They stand apart from .venv and
# the lock; what is newer and which tests fail is printed, and nothing depends on it.
newest:
	$(PYTHON) -m venv --clear .venv-newest
	-.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	@echo "newer than the lock:"
	-@.venv-newest/bin/python -m pip freeze --exclude-editable | sed 's/_/-/g; s/+.*//' | grep -vixFf requirements.lock
	-.venv-newest/bin/python -m pytest --numprocesses auto --dist loadfile --tb line -m "not slow and not executes"
	-.venv-newest/bin/python -m pytest --tb line tests/test_golden.py
