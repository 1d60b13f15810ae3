# The two commands of the README, and the few that developers need. Everything happens inside .venv.
# The Pythons that the tests were seen to pass with come first.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLER ?= $(BIN)/python -m pip install --no-compile --disable-pip-version-check  # compiled is what is imported, once
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)  # in a container everybody is root

.PHONY: lab test test-all test-versions lint notebooks stamp site class proof weights clean

# Trusted, a notebook's sliders slide before any cell is run. The server shows the whole folder.
lab: .venv/installed                  ## open the first notebook in JupyterLab
	-$(BIN)/jupyter trust notebooks/*.ipynb
	$(BIN)/jupyter lab $(AS_ROOT) --LabApp.default_url=/lab/tree/notebooks/01_intuition_and_noising.ipynb

# One thread for each of the two workers: threads that share a core spend their time waiting for one another. What takes
# longest begins.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval-lax
REHEARSAL := $(CURDIR)/.cache/rehearsal

test: lint                            ## what must pass before anything lands: units, every lesson in short (nbval), browser
	$(BIN)/python -m tools.browser
	$(BIN)/python -m tools.rehearsal
	trap 'chmod -R u+w "$(REHEARSAL)"' EXIT; \
		JUPYTER_PATH="$(REHEARSAL)" $(PYTEST) --nbval-kernel-name=rehearsal --cov=helpers --cov-fail-under=90 \
		tests/browser "$(REHEARSAL)/inkdrop/notebooks" tests/test_bad_files.py tests/test_properties.py tests/test_*.py

test-all: test                        ## all that, and what takes long: every lesson at full length, own sprites, Colab, bad files
	INKDROP_STRICT=1 $(PYTEST) --nbval-current-env notebooks tests/long

lint: .venv/installed-dev           ## style of code and notebooks, types of the core
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy helpers/*.py

notebooks: .venv/installed-dev        ## run all notebooks and write them back, normalised, with their outputs
	$(BIN)/python -m tools.notebooks

stamp: .venv/installed-dev            ## write the address in pyproject.toml into badges and first cells
	$(BIN)/python -m tools.stamp

site: .venv/installed-dev             ## the series as a static site that works offline, in site/
	$(BIN)/python -m tools.site

class: .venv/installed-dev            ## blank and solved notebooks to hand out, in class/
	$(BIN)/python -m tools.classroom

proof: .venv/installed-dev            ## measure side by side with peers, write the table and its picture (over an hour)
	$(BIN)/python -m benchmarks.proof

test-versions: .venv/installed-dev    ## the tests with each Python and with oldest and newest dependencies, in .lanes/
	$(BIN)/python -m tools.lanes

weights: .venv/installed-dev          ## train the networks that come with Inkdrop again (an hour and a half), measure them, write their cards
	$(BIN)/python -m tools.pretrain
	$(BIN)/python -m tools.pretrain_asking

# Each stamp is written last: an interrupted installation starts again.
.venv/installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Inkdrop needs Python 3.11 to 3.14, and none was found. Install one, or name it: make lab PYTHON=/path/to/python3.12"; exit 1; }
	"$(PYTHON)" -m venv --clear .venv
	$(INSTALLER) -r requirements.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(INSTALLER) -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv .lanes .cache .pytest_cache .mypy_cache .ruff_cache .coverage .hypothesis site
