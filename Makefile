# make demo   a virtual environment, riffkit in it, and a first clip
# make test   lint, types, the page, tests and a short run of each benchmark
# make web    the studio's page: web/ built into riffkit/server/page/, which is committed

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Hundreds of tests start a process: each would compile all that it imports, for as long as the rest
# of its work, where this says that nothing compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: samples demo test lint types compiled tests benchmarks soundfonts web web-check mini-1 clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/riff generate "lo-fi hip hop with piano, bass and drums" --bars 4 --seed 7 -o demo/lofi.wav
	@echo "listen: demo/lofi.wav   look: demo/lofi.png"

test:
	$(MAKE) --no-print-directory -j 3 $(VENV)/.installed-test soundfonts web-check
	$(MAKE) --no-print-directory -j 3 lint types compiled
	$(MAKE) --no-print-directory tests benchmarks

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

# once, beside the checks: else each of the tests' first processes compiles the same modules
compiled: $(VENV)/.installed-test
	$(BIN)/python -c "import riffkit.models.pipeline, riffkit.training.adapters"

SOUNDFONT := .soundfont/FluidR3_GM.sf2
COVERED := .coverage
# Slow tests wait much for other processes, and Ray's workers would be the last to get a core.
SET = OMP_NUM_THREADS=1 RAY_worker_niceness=0 \
	RIFFKIT_SOUNDFONT=$$(test -s $(SOUNDFONT) && echo "$(CURDIR)/$(SOUNDFONT)")
RUN = $(SET) $(BIN)/python

tests: $(VENV)/.installed-test soundfonts
	rm -rf $(COVERED)
	RIFFKIT_COVERAGE=$(COVERED) $(RUN) -m pytest --dist worksteal --numprocesses 3
	$(RUN) -m tests.coverage $(COVERED)

# two side by side: the short forms show that they run, their figures are rough
benchmarks: $(VENV)/.installed-test soundfonts
	ls tests/benchmarks/bench_*.py | $(SET) xargs -P 2 -n 1 sh -c \
		'out=$$($(BIN)/python $$0 --short 2>&1) || { echo "$$0 failed:"; echo "$$out"; exit 255; }; \
		echo "$$0"; echo "$$out"'

# what is imported is compiled then: compiling all that is installed takes longer
INSTALL := $(BIN)/python -m pip install --quiet --no-compile

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable ".[studio]"
	touch $@

# tinysoundfont names a sound-card library that it needs for live playing only
$(VENV)/.installed-test: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable ".[test]"
	$(INSTALL) --no-deps tinysoundfont
	touch $(VENV)/.installed $@

# The MIT soundfonts that training music is rendered with, from Debian's packages where there are
# some; without the first the few tests that render are skipped, without the second less is heard.
soundfonts: .soundfont/FluidR3_GM.sf2 .soundfont/MuseScore_General_Full.sf3

.soundfont/FluidR3_GM.sf2: PACKAGE := fluid-soundfont-gm
.soundfont/FluidR3_GM.sf2: INSTALLED := sounds/sf2/FluidR3_GM.sf2
.soundfont/MuseScore_General_Full.sf3: PACKAGE := musescore-general-soundfont
.soundfont/MuseScore_General_Full.sf3: INSTALLED := sounds/sf3/MuseScore_General_Full.sf3

.soundfont/FluidR3_GM.sf2 .soundfont/MuseScore_General_Full.sf3:
	mkdir -p .soundfont
	if test -f /usr/share/$(INSTALLED); then \
		ln -sf /usr/share/$(INSTALLED) $@; \
	elif command -v apt-get dpkg >/dev/null; then \
		cd .soundfont && { apt-get download --quiet $(PACKAGE) || { apt-get update --quiet && apt-get download --quiet $(PACKAGE); }; } \
		&& dpkg -x $(PACKAGE)_*.deb $(PACKAGE) && mv $(PACKAGE)/usr/share/$(INSTALLED) . \
		&& rm -rf $(PACKAGE) $(PACKAGE)_*.deb || touch $(@F); \
	else touch $@; fi

# The same sources give the same bytes: package-lock.json holds each tool's version.
web:
	cd web && npm ci --silent && npm run --silent types && npm run --silent test && npm run --silent build

# Fails where the committed page isn't what web/ builds.
web-check:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory web && changes=$$(git status --porcelain riffkit/server/page) \
		&& if test -n "$$changes"; then echo "$$changes"; \
			echo "riffkit/server/page isn't what web/ builds; run make web and commit it"; exit 1; fi; \
	else echo "npm isn't installed: the page isn't built again"; fi

# riff-mini 1, the bundled model up to version 0.2, for `--model mini-1`: its folder is taken out of
# the history, from before the commit that took its UNet away, or from now while it is there.
MINI_1_UNET := 830749c53b25d43f417e31c2599cc9a5de0a4f76
MINI_1 := riffkit/weights/mini
mini-1:
	@git cat-file -e $(MINI_1_UNET) 2>/dev/null || { echo "mini-1: this copy of riffkit hasn't \
	the history that it is in; clone it whole (git fetch --unshallow)"; exit 1; }
	@last=$$(git log -1 --format=%H --find-object=$(MINI_1_UNET) HEAD); \
	git ls-tree -r $$last | grep -q $(MINI_1_UNET) && last=HEAD || last=$$last^; \
	rm -rf $@.new && mkdir $@.new && git archive $$last:$(MINI_1) | tar -x -C $@.new \
	&& rm -rf $@ && mv $@.new $@ && echo "mini-1: use it with --model ./mini-1"

clean:
	rm -rf $(VENV) demo .soundfont build dist

# The clips of samples/README.md, made again.
samples: $(VENV)/.installed
	grep '^riff ' samples/README.md | PATH="$(CURDIR)/$(BIN):$$PATH" sh -e
