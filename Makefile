# Every target works from a bare checkout.
PYTHON ?= $(or $(shell command -v python3.11),python3)
DATA_DIR ?= var
BIN := .venv/bin
export DATA_DIR

.PHONY: install run serve test check bench

install: .venv/installed

.venv/installed: requirements.txt requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

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

test: check
	$(BIN)/python -m pytest

check: export DEBUG := 1
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=0 SECRET_KEY=only-for-this-check-0123456789-0123456789-0123456789 PUBLIC_URL=https://pictures.example.com \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

# Ours against what others would ship, on both databases; takes about twenty minutes on two cores.
bench: install
	$(BIN)/python -m benchmarks
