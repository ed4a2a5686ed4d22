# make demo            installs what is missing, builds, runs the example on real orders, prints the report's path
# make test            installs what is missing, builds, runs every test once
# make test-sanitized  the suite under address and undefined sanitizers, fuzz corpora replayed
# make test-threads    what runs in parallel, under the thread sanitizer
# make install         builds a release and installs it under PREFIX (default /usr/local; DESTDIR honoured)
# make fuzz            builds the libFuzzer programs (clang) and runs each for FUZZ_SECONDS (default 60)
# make mutate          plants faults one by one; every one must be caught by a test (long)
# make bench           compares with peers; prints ratios
# make format          clang-format over the C sources
# make clean           removes the build folders (not the download cache)

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
BUILD ?= build
CC ?= gcc
CXX ?= g++
export CC CXX

.PHONY: all demo test test-sanitized test-threads lint install fuzz mutate bench format clean

all: $(BUILD)/release/build.ninja
	@ninja -C $(BUILD)/release --quiet

$(BUILD)/release/build.ninja: | setup-build
	meson setup $(BUILD)/release --buildtype=release -Db_ndebug=true -Dtests=false \
	  -Dfault_points=false --prefix=$(abspath $(PREFIX)) >/dev/null

.PHONY: setup-build setup-test
setup-build:
	@tools/setup build
setup-test:
	@tools/setup test

demo: all
	@tools/demo $(BUILD)/release

test: setup-test
	@tools/suite $(BUILD)/test

test-sanitized: setup-test
	@tools/suite $(BUILD)/sanitized --sanitized

test-threads: setup-test
	@tools/suite $(BUILD)/threads --threads

lint: setup-test
	@tools/lint $(BUILD)/test

install: all
	meson configure $(BUILD)/release --prefix=$(abspath $(PREFIX))
	meson install -C $(BUILD)/release --quiet
	@echo "installed: $(DESTDIR)$(abspath $(PREFIX))/bin/krets"

fuzz: setup-test
	@tools/fuzz $(BUILD)/fuzz $(FUZZ_SECONDS)

mutate: setup-test
	@tools/mutate $(BUILD)/mutate

bench: all
	@tools/python >/dev/null
	@bench/run $(BUILD)/release

format:
	git ls-files 'src/*.c' 'src/*.h' 'tests/*.c' 'bench/*.c' | xargs -r clang-format -i

clean:
	rm -rf $(BUILD)
