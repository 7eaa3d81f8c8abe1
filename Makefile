# `make demo` and `make test` do all set-up themselves, in .venv; nothing else is touched.
PYTHON ?= python3
# The CPU build is enough here; on Linux, PyPI's torch is a CUDA build of several GB unless pip is
# pointed at PyTorch's CPU wheels (PIP_EXTRA_INDEX_URL) or another torch is named here.
TORCH ?= torch==2.13.0
BIN := .venv/bin
# One thread for the numeric libraries: tests run small matrices, where more threads only wait.
QUIET := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

.PHONY: demo test check lint types floors bench env stack fuzz lock clean

demo: .venv/base
	$(BIN)/xltpipe run flows/recipes/quickstart.toml
	$(BIN)/xltpipe show quickstart --rows 6
	$(BIN)/xltpipe quality preview quickstart
	$(BIN)/xltpipe report quickstart
	$(BIN)/xltpipe query "SELECT reason, count(*) AS rows FROM rejected GROUP BY 1 ORDER BY 2 DESC"

test: .venv/dev
	$(QUIET) $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

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
	$(BIN)/python benchmarks/chaos.py

# secrets for docker-compose.yml; PROFILES="scale ray gpu" for more than the usual services
env:
	$(PYTHON) docker/make_env.py $(PROFILES)

# what docker-compose.yml starts, started here without containers, and tried (docs/stack.md)
stack: .venv/dev
	$(BIN)/python -m benchmarks.stack

fuzz: .venv/dev
	$(BIN)/python benchmarks/fuzz.py --examples 100000

# Versions with their hashes, for Linux on x86-64 and Python 3.11; no file names an index. The tool
# has an environment of its own; UPGRADE=--upgrade takes the newest of everything. PyTorch is left out
# of dev.txt (see TORCH): name its CPU wheels by UV_FIND_LINKS or UV_EXTRA_INDEX_URL, else the lock is
# of what its CUDA build needs.
UPGRADE ?=
COMPILE = .venv-lock/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate \
	--strip-extras --python-version 3.11 --python-platform x86_64-manylinux_2_28 $(UPGRADE)

lock: .venv-lock/bin/uv
	$(COMPILE) $(RUN_EXTRAS:%=--extra %) -o requirements/run.txt pyproject.toml
	echo "$(TORCH)" > .venv-lock/torch.txt
	$(COMPILE) --extra dev --constraint .venv-lock/torch.txt --no-emit-package torch \
		-o requirements/dev.txt pyproject.toml

RUN_EXTRAS := report hub openai datasets

.venv-lock/bin/uv:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet "uv>=0.13,<1"

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
