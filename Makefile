# make demo   a virtual environment, riffkit in it, and a first clip
# make test   lint, types, tests and a short run of each benchmark

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: samples demo test lint types tests benchmarks clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/riff generate "lo-fi hip hop with piano, bass and drums" --bars 4 --seed 7 -o demo/lofi.wav
	@echo "listen: demo/lofi.wav   look: demo/lofi.png"

test: lint types tests benchmarks

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

tests: $(VENV)/.installed-test .soundfont/FluidR3_GM.sf2
	RIFFKIT_SOUNDFONT=$$(test -s .soundfont/FluidR3_GM.sf2 && echo "$(CURDIR)/.soundfont/FluidR3_GM.sf2") \
		OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

benchmarks: $(VENV)/.installed-test
	set -e; for benchmark in tests/benchmarks/bench_*.py; do $(BIN)/python $$benchmark --short; done

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# tinysoundfont names a sound-card library that it needs for live playing only
$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	$(BIN)/python -m pip install --quiet --no-deps tinysoundfont
	touch $@

# The MIT soundfont that training music is rendered with, from Debian's package where there is
# one; without it the few tests that render are skipped.
.soundfont/FluidR3_GM.sf2:
	mkdir -p .soundfont
	if test -f /usr/share/sounds/sf2/FluidR3_GM.sf2; then \
		ln -sf /usr/share/sounds/sf2/FluidR3_GM.sf2 $@; \
	elif command -v apt-get dpkg >/dev/null; then \
		cd .soundfont && { apt-get download --quiet fluid-soundfont-gm || { apt-get update --quiet && apt-get download --quiet fluid-soundfont-gm; }; } \
		&& dpkg -x fluid-soundfont-gm_*.deb . && mv usr/share/sounds/sf2/FluidR3_GM.sf2 . \
		&& rm -rf usr fluid-soundfont-gm_*.deb || touch FluidR3_GM.sf2; \
	else touch $@; fi

clean:
	rm -rf $(VENV) demo .soundfont build dist

# The clips of samples/README.md, made again.
samples: $(VENV)/.installed
	grep '^riff ' samples/README.md | PATH="$(CURDIR)/$(BIN):$$PATH" sh -e
