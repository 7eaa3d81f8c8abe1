# `make demo` and `make test` do all set-up themselves, in .venv; nothing else is touched.
PYTHON ?= python3
# The CPU build is enough here; on Linux, PyPI's torch is a CUDA build of several GB unless pip is
# pointed at PyTorch's CPU wheels (PIP_EXTRA_INDEX_URL) or another torch is named here.
TORCH ?= torch==2.13.0
BIN := .venv/bin
# One thread for the numeric libraries: tests run small matrices, where more threads only wait.
QUIET := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

.PHONY: demo test check lint types floors bench fuzz lock clean

demo: .venv/base
	$(BIN)/xltpipe run flows/recipes/quickstart.toml
	$(BIN)/xltpipe show quickstart --rows 6
	$(BIN)/xltpipe quality preview quickstart
	$(BIN)/xltpipe report quickstart
	$(BIN)/xltpipe query "SELECT reason, count(*) AS rows FROM rejected GROUP BY 1 ORDER BY 2 DESC"

test: .venv/dev
	$(QUIET) $(BIN)/python -m pytest

check: lint types floors test

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

floors: .venv/dev
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/python benchmarks/translate.py
	$(BIN)/python benchmarks/alignment.py
	$(BIN)/python benchmarks/overhead.py time --rows 100000
	$(BIN)/python benchmarks/overhead.py memory --rows 100000 1000000
	$(BIN)/python benchmarks/kill.py

fuzz: .venv/dev
	$(BIN)/python benchmarks/fuzz.py --examples 100000

# Versions with their hashes, for Linux on x86-64 and this Python; pip's own settings say from where.
# The tool gets an environment of its own. UPGRADE=--upgrade takes the newest of everything.
UPGRADE ?=
COMPILE = .venv-lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-header --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	$(UPGRADE)

lock: .venv-lock/bin/pip-compile
	$(COMPILE) --extra report,hub,openai,datasets -o requirements/run.txt pyproject.toml
	$(COMPILE) --extra dev -o requirements/dev-cpu.txt pyproject.toml

.venv-lock/bin/pip-compile:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet "pip-tools>=7.6,<8"

.venv/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

.venv/base: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[report]"
	touch $@

# torch first and by itself: any other package would pull a CUDA build
.venv/dev: .venv/base
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf .venv .venv-lock data/store build dist
