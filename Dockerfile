# Runs the demo: docker build -t replay-study . && docker run --rm replay-study (docs/install.md keeps its results).
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
ENV GIT_PYTHON_REFRESH=quiet
WORKDIR /study
# What the installation reads: the packages are installed once for any change of notebooks, tests and docs.
COPY Makefile pyproject.toml requirements.lock README.md LICENSE ./
COPY lib lib
COPY params params
# An index of PyTorch's CPU builds, as in --build-arg PIP_EXTRA_INDEX_URL=..., saves gigabytes.
ARG PIP_EXTRA_INDEX_URL
RUN make .venv
COPY . .
CMD ["make", "demo"]
