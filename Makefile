# Every target works from a bare checkout.
PYTHON ?= $(or $(shell command -v python3.11),python3)
DATA_DIR ?= var
BIN := .venv/bin
export DATA_DIR

.PHONY: install lock run serve worker test test-crash fuzz test-swift check bench audit

install: .venv/installed

# Only what the lock names, and only files that have one of its hashes; it holds all of requirements.txt too. The stamp is
# a copy of the lock, so that a file that is merely written again installs nothing.
.venv/installed: requirements-dev.txt
	@cmp -s $< $@ || { rm -f $@ && echo "Installing into .venv, which takes about a minute" && \
		{ test -x $(BIN)/python || $(PYTHON) -m venv .venv; } && \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<; }
	@cp $< $@

# Writes both locks anew from pyproject.toml. What stands in them keeps its version as long as pyproject.toml allows it;
# `make lock UPGRADE=1` takes the newest of what is not pinned there. The server's lock follows the other one, so that
# what is tested is what is served.
lock: COMPILE = $(BIN)/uv pip compile --quiet --no-python-downloads --python $(BIN)/python --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
lock: install
	@$(COMPILE) --group dev pyproject.toml --output-file requirements-dev.txt
	@$(COMPILE) --constraint requirements-dev.txt pyproject.toml --output-file requirements.txt

# The demo: everything is made on the first run and kept in DATA_DIR.
run: install
	@mkdir -p "$(DATA_DIR)"
	@test -n "$$SECRET_KEY" || test -s "$(DATA_DIR)/secret_key" || \
		(umask 077 && $(BIN)/python -c "import secrets; print(secrets.token_urlsafe(48))" > "$(DATA_DIR)/secret_key")
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py demo
	@$(MAKE) --no-print-directory serve

# The production server in the foreground. Migrates nothing and needs no network.
# An answer of megabytes is allocated anew for each request: keep the memory rather than fault it in page by page.
serve: export MALLOC_MMAP_THRESHOLD_ ?= 67108864
serve: export MALLOC_TRIM_THRESHOLD_ ?= 134217728
serve: install
	@exec $(BIN)/gunicorn --config deploy/gunicorn.conf.py sharinpix.wsgi

# Takes jobs from the broker that CELERY_BROKER_URL names, and has forgotten ones found every half minute.
worker: install
	@exec $(BIN)/celery --app sharinpix worker --beat --loglevel warning \
		$(if $(WORKER_CONCURRENCY),--concurrency $(WORKER_CONCURRENCY))

test: check
	$(BIN)/python -m pytest

# Kills the server or its worker twenty times at each marked point, in both shapes; takes some minutes.
test-crash: install
	CRASH_TIMES=20 env -u DATABASE_URL $(BIN)/python -m pytest tests/test_crash.py
	CRASH_TIMES=20 $(BIN)/python -m tests.servers postgresql -- $(BIN)/python -m pytest tests/test_crash.py

# The tests that make their own examples, with two thousand of them each and others every time; takes some minutes.
fuzz: install
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=fuzz

check: export DEBUG := 1
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=0 SECRET_KEY=only-for-this-check-0123456789-0123456789-0123456789 PUBLIC_URL=https://pictures.example.com \
		TRUSTED_PROXIES=1 $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

# The contract of the storage against a real server that speaks S3; needs Debian's swift packages.
test-swift: install
	$(BIN)/python -m tests.swift -- $(BIN)/python -m pytest tests/images/storage/test_contract.py

# Looks up advisories against every package that the locks name. `--strict` fails it where a package could not be looked
# up, which otherwise counts as "no known vulnerabilities"; needs pypi.org, so it is no part of `check`.
audit: install
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		--requirement requirements.txt --requirement requirements-dev.txt

# Ours against what others would ship, on both databases; takes about half an hour on two cores.
bench: install
	$(BIN)/python -m benchmarks
