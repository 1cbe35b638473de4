# SPDX-License-Identifier: GPL-2.0-or-later
# make demo and make test install what they need in .venv, and nothing outside of this directory.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QERRLINT := $(BIN)/qerrlint
# An editable install compiles nothing, and where PYTHONDONTWRITEBYTECODE is set no run does: each would start
# by half a second of that.
COMPILE := $(BIN)/python -m compileall -q qerrlint
DEMO_TREE := fixtures/tree
DEMO_SERIES := fixtures/patches/demo/series.mbox
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.NOTPARALLEL:

.PHONY: demo test lint fuzz bench benchmark rivals precision mutants prove prove-chroot rules man docs dist clean

demo: $(VENV)/.installed
	@$(COMPILE)
	@printf '%s\n' 'The review of a series from a mailbox, with a reply, on a small tree.'
	@$(call show,patch $(DEMO_SERIES) --tree $(DEMO_TREE))
	@printf '\n%s\n' 'The same tree, without a patch.'
	@$(call show,check --tree $(DEMO_TREE))

# qerrlint exits with 1 if it has findings; here it must have some.
define show
echo '$$ qerrlint $(1)'; echo; $(QERRLINT) $(1); code=$$?; \
test $$code -eq 1 || { echo "demo: exit code $$code, 1 (findings) was expected" >&2; exit 1; }
endef

# One worker more than processors: some tests wait for processes that they have started. What pytest makes of the
# tests is kept, also where the environment asks Python to keep nothing.
test: $(VENV)/.installed-dev
	@$(COMPILE)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1))

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Needs a QEMU tree: QERRLINT_QEMU_TREE=DIR and QERRLINT_QEMU_GIT=DIR, see bench/README.md.
bench: $(VENV)/.installed-dev
	@$(BIN)/python bench/run.py
	@test -z "$$QERRLINT_QEMU_TREE" || $(BIN)/python bench/errorflow.py

# Qerrlint and the rivals that are installed, in pairs: QERRLINT_QEMU_TREE, QERRLINT_QEMU_GIT; RIVALS holds options.
rivals: $(VENV)/.installed
	@$(BIN)/python bench/rivals.py --tree "$$QERRLINT_QEMU_TREE" --git "$$QERRLINT_QEMU_GIT" $(RIVALS)

# Needs QERRLINT_QEMU_GIT or QERRLINT_QEMU_TREE to compare the verdicts with findings; PRECISION holds options.
precision: $(VENV)/.installed
	@$(BIN)/python bench/precision.py $(PRECISION)

# Small changes to the engine that its fast tests should notice; MUTANTS holds options. Takes about an hour.
mutants: $(VENV)/.installed-dev
	@$(BIN)/python bench/mutants.py $(MUTANTS)

# Scores qerrlint, cppcheck and Coccinelle's scripts on known defects: QERRLINT_QEMU_GIT and QERRLINT_QEMU_TREE.
benchmark: $(VENV)/.installed
	@$(BIN)/python bench/qemu-defects/compare.py --git "$$QERRLINT_QEMU_GIT" --tree "$$QERRLINT_QEMU_TREE"

# Mutated inputs for every target of fuzz/ for SECONDS, a seed that is printed; FUZZ holds options.
SECONDS ?= 60
fuzz: $(VENV)/.installed-dev
	@$(BIN)/python -m fuzz --seconds $(SECONDS) $(FUZZ)

# Runs the claims of proofs/ on a packaged QEMU: that on PATH, QEMU_BIN=DIR, or CHROOT=DIR; PROVE holds options.
prove: $(VENV)/.installed
	@$(BIN)/python -m proofs $(PROVE)

# A chroot of Debian SUITE (sid, or a release) with QEMU's packages, for make prove CHROOT=DIR. As root.
SUITE ?= sid
prove-chroot:
	@test -n "$(CHROOT)" || { echo 'make prove-chroot: name the folder to make: CHROOT=DIR' >&2; exit 2; }
	@sh proofs/make_chroot.sh "$(CHROOT)" "$(SUITE)"

# Generates docs/rules.md; to be run when a rule's page changes.
rules: $(VENV)/.installed
	@$(QERRLINT) rules --format markdown >docs/rules.md

# The manual page, for a package: build/qerrlint.1.
man: $(VENV)/.installed
	@mkdir -p build
	@$(BIN)/python -m qerrlint.cli.manpage >build/qerrlint.1

# The documents as a site, in build/site; a link that leads nowhere makes it fail.
docs: $(VENV)/.installed-docs
	@$(BIN)/mkdocs build --quiet --strict

# The source archive and the wheel, in dist/.
dist: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable '.[release]'
	@$(BIN)/python -m build --outdir dist .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.created
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	    { echo 'make: $(PYTHON) is missing or older than Python 3.10: name another with make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo 'make: $(PYTHON) cannot make a virtual environment: apt install python3-venv' >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@
