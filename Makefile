# Everything sets itself up: git, Python 3.11+ with venv and the package registries are enough.
# Nothing outside the checkout is touched but caches (and, for tests, what apt installs).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Tests start hundreds of programs in new environments: without bytecode, each compiles all anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help sync lock exported test differential programs lint types lowest pytest fuzz demo year bench warehouses docs estimators pictures golden clean

# uv from PATH, or a pinned one in .cache; it hears PIP_INDEX_URL, PIP_CERT and the like.
UV := ASSAY_HOME="$(CURDIR)/.cache" scripts/assay-action uv
PYTHON := .venv/bin/python
# Who is done early takes tests over: they last from a millisecond to half a minute.
PARALLEL := -n auto --dist worksteal
LOWEST := .cache/lowest
WAREHOUSES := .cache/warehouses

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

sync: ## Bring .venv in line with uv.lock
	@echo "== environment: .venv from uv.lock"
	@$(UV) sync --locked --quiet

lock: ## Bring uv.lock, and what setup installs by it, up to date; ARGS='--upgrade-package NAME'
	@$(UV) lock $(ARGS)
	@$(MAKE) --no-print-directory exported

# Instead of uv.lock, whose addresses for every platform would make each job download a third more.
EXPORT := $(UV) export --frozen --quiet --no-dev --no-emit-project --no-annotate --no-header
INTO := scripts
HERE := $(dir $(realpath $(firstword $(MAKEFILE_LIST))))
# Most packages are in several environments, and hashes cannot be compressed: they stand in one file.
exported:
	@{ echo "# uv.lock with the hashes of all our environments, by make lock"; \
	  $(EXPORT) --extra tool --extra release --extra deploy --extra monitor | \
	  python3 $(HERE)scripts/fewer_hashes.py uv.lock; } >$(INTO)/hashes.txt
	@{ echo "# uv.lock for the environment that reports, by make lock"; \
	  $(EXPORT) --extra tool --no-hashes; } >$(INTO)/tool-requirements.txt
	@{ echo "# uv.lock for the environment that signs and releases, by make lock"; \
	  $(EXPORT) --extra release --no-hashes; } >$(INTO)/release-requirements.txt
	@{ echo "# uv.lock for the environment that deploys, by make lock"; \
	  $(EXPORT) --extra deploy --no-hashes; } >$(INTO)/deploy-requirements.txt
	@{ echo "# uv.lock for the environment that watches, by make lock"; \
	  $(EXPORT) --extra monitor --no-hashes; } >$(INTO)/monitor-requirements.txt
	@{ echo "# uv.lock for the image of the server, by make lock"; \
	  $(EXPORT) --extra serve; } >$(INTO)/serve-requirements.txt
	@{ echo "# uv.lock without hashes for what is laid over a project, by make lock"; \
	  $(EXPORT) --extra package --extra serve --no-hashes; } >$(INTO)/tested-versions.txt

# The tests wait a lot for programs that they start: style, types and old versions fill the gaps. What
# those print is shown in one piece.
BESIDE := .cache/beside.log
test: programs ## Everything that must pass before a change lands
	@{ code=0; $(MAKE) --no-print-directory lint lowest >$(BESIDE) 2>&1 || code=$$?; \
	  cat $(BESIDE); exit $$code; } & beside=$$!; trap 'kill $$beside' INT TERM; \
	code=0; $(MAKE) --no-print-directory pytest || code=$$?; \
	wait $$beside || code=$$?; exit $$code

programs: sync
	@echo "== programs: what tests run and pip cannot install"
	@$(PYTHON) tests/programs.py

lint: sync ## Style, types, workflows, schemas, shell
	@echo "== lint"
	@$(PYTHON) tests/lint.py

types: sync ## Types alone
	@$(PYTHON) -m mypy

# The oldest versions that pyproject.toml allows, on the oldest Python with wheels for them. A
# machine that has neither such a Python nor a way to fetch one can go on without, CI cannot.
$(LOWEST)/done: pyproject.toml tests/lowest.txt
	@echo "== lowest: an environment of the oldest versions allowed"
	@if $(UV) venv --quiet --clear --python '>=3.11,<3.13' $(LOWEST) || [[ -n "$${CI:-}" ]]; then \
	  $(UV) pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
	    -e '.[check,tool]' -r tests/lowest.txt && touch $@; fi

# Left out: simulations, what the contract does beside holding data against a schema, and rooms that
# mostly run in environments of our own lock. What takes long, and calls nothing that older versions
# could have otherwise.
NOT_LOWEST := *_coverage *_simulated *_fuzzed_* test_base test_causes_* test_forks_record test_git \
  test_models_rescore test_process test_programs test_seed_noise contract/test_attacks \
  contract/test_evolution* contract/test_failing contract/test_infer* \
  contract/test_pandera_examples* contract/test_promises contract/test_relations_* monitor/* \
  packaging/* release/* retrain/* rollout/* serving/* report/test_escape report/test_pictures \
  stats/test_areas stats/test_disparity stats/test_holm stats/test_intervals stats/test_paired* \
  stats/test_resampling stats/test_search
lowest: sync $(LOWEST)/done ## Unit tests with the oldest versions that are allowed
	@echo "== lowest: unit tests"
	@if [[ -e $(LOWEST)/done ]]; then \
	  $(LOWEST)/bin/python -m pytest tests/unit -q $(PARALLEL) -W default --no-header \
	  -p no:cacheprovider $(NOT_LOWEST:%=--ignore-glob='*/%.py'); \
	else echo "   skipped: there is no Python 3.11 or 3.12 here"; fi

pytest: sync ## The tests alone; ARGS='-k name' picks some
	@echo "== pytest"
	@$(PYTHON) -m pytest $(PARALLEL) $(ARGS)

differential: sync ## The contract against Pandera on 50,000 generated cases; ARGS='pandas --seed 7'
	@$(PYTHON) -m tests.differential --cases 16700 $(ARGS)

fuzz: sync ## 10,000 requests that nobody would send, at a real server; ARGS='--seed 7'
	@$(PYTHON) -m tests.fuzz_serving $(ARGS)

demo: sync ## A pull request against a real model repository, from clone to comment
	@$(PYTHON) scripts/demo.py $(ARGS)

year: sync ## A year of the example in production, from the release to the retrained model
	@$(PYTHON) scripts/year.py

bench: sync ## Measure against the peers; NAME=loop measures one
	@$(PYTHON) -m benchmarks $(NAME)

# Apart from .venv: Spark is 400 MB, and pandera.pyspark needs a pandas older than 3.
$(WAREHOUSES)/done: pyproject.toml
	@echo "== warehouses: an environment with Spark and drivers"
	@$(UV) venv --quiet --clear --python $(PYTHON) $(WAREHOUSES)
	@$(UV) pip install --quiet --python $(WAREHOUSES)/bin/python -e '.[check]' --group spark \
	  --group warehouses 'ibis-framework[duckdb,postgres,sqlite]' 'pandas<3' hypothesis polars pytest
	@touch $@

warehouses: sync $(WAREHOUSES)/done ## The contract on a real Spark, PostgreSQL, SQLite and DuckDB
	@$(WAREHOUSES)/bin/python -m pytest tests/warehouses -q -W default -p no:cacheprovider $(ARGS)

docs: sync ## Write the generated parts of docs/ anew
	@$(PYTHON) scripts/generate_docs.py
	@$(PYTHON) scripts/dashboard.py

estimators: sync ## Try which estimators become ONNX, and write docs/estimators.md: minutes
	@$(PYTHON) scripts/estimators.py $(ARGS)

pictures: sync ## Take the documentation's pictures from the last demo, and of a release (needs Chromium)
	@$(PYTHON) scripts/pictures.py

golden: sync ## Accept what is rendered now as the golden files
	@RENEW=1 $(PYTHON) -m pytest -q tests/unit
	@RENEW=1 $(PYTHON) -m pytest -q tests/integration/test_comment_rendered.py

clean: ## Remove environments, caches and what tests left
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
