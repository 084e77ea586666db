# Sandboxed Code Runner. `make help` lists the targets.

CC ?= cc
CFLAGS ?= -O2 -g
BUILD ?= build
PORT ?= 8080
PREFIX ?= /usr/local
PKG_CONFIG ?= pkg-config
CODEMIRROR ?= /usr/share/javascript/codemirror
PYTEST ?= /usr/bin/python3 -m pytest
# A test waits half of its time: files of tests run two at a time.
lanes = -n 2 --dist loadfile

# Ours stay apart from CFLAGS, so that `make CFLAGS=...` does not lose them.
cr_warn := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wimplicit-fallthrough
cr_hard := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE
cr_link := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifdef CI
cr_warn += -Werror
endif
ifdef SANITIZE
cr_hard := -fPIE -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
cr_link := -pie -fsanitize=$(SANITIZE)
endif

# Functions of ours that stand before libc's for every library: sandbox/dormant_signals.c.
dormant_calls := sigaction signal sigprocmask pthread_sigmask setrlimit setrlimit64 prlimit prlimit64 dlopen
cr_link += $(dormant_calls:%=-Wl,--export-dynamic-symbol=%)

cr_packages := libmicrohttpd libcjson libseccomp python-3.11-embed
cr_cflags = -std=gnu17 -D_GNU_SOURCE $(cr_warn) $(cr_hard) -iquote include -iquote sandbox $(shell $(PKG_CONFIG) --cflags $(cr_packages))
cr_libs = $(shell $(PKG_CONFIG) --libs $(cr_packages))

sources := $(wildcard src/*.c) $(wildcard sandbox/*.c)
objects := $(sources:%.c=$(BUILD)/%.o) $(BUILD)/sandbox/embedded.o $(BUILD)/sandbox/dormant_calls_stubs.o $(BUILD)/src/openapi.o $(BUILD)/web/embedded.o
library := $(BUILD)/libcode-runner.a
unit_tests := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
ifdef SANITIZE
# They copy or look at all memory of their process: a sanitizer's shadow has terabytes.
unit_tests := $(filter-out $(BUILD)/unit/test_snapshot% $(BUILD)/unit/test_dormant% $(BUILD)/unit/test_read_pages,$(unit_tests))
endif

fuzz_sources := $(addprefix src/,answer_body.c mcp.c mcp_body.c mcp_tool.c segments.c buf.c json_check.c json_text.c \
    json_token.c json_string.c utf8.c base64.c file_name.c inputs.c \
    attachments.c request_error.c outcome.c protocol.c request.c response.c frame_reader.c run_verdict.c config.c config_table.c \
    config_format.c cors.c tokens.c)
fuzzers := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
load_settings = $(foreach name,LOAD_RUNS LOAD_MINUTES LOAD_SEED,$(if $($(name)),$(name)=$($(name))))
# The service makes namespaces and cgroups: it is started as root.
as_root := $(if $(filter 0,$(shell id -u)),,sudo)

.DEFAULT_GOAL := all
.PHONY: all run test test-arm64 test-mcp test-web test-environments test-load soak unit check service fuzz bench lint format asan install clean help deps deps-test deps-lint deps-bench deps-environments deps-node deps-web

all: $(BUILD)/code-runner ## build build/code-runner

$(BUILD)/code-runner: $(BUILD)/src/main.o $(if $(SANITIZE),$(BUILD)/tests/support/sanitizer_options.o) $(library)
	$(CC) $(cr_link) $(LDFLAGS) -o $@ $^ $(cr_libs)

$(library): $(filter-out $(BUILD)/src/main.o,$(objects))
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(cr_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/sandbox/embedded.o: $(wildcard sandbox/harness/*.py) sandbox/preload.py
$(BUILD)/sandbox/dormant_calls_stubs.o: sandbox/dormant_calls_stubs.h
$(BUILD)/src/openapi.o: docs/openapi.json
$(BUILD)/web/embedded.o: $(wildcard web/*)
$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) -Wa,-I$(CODEMIRROR) -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(library)
	@mkdir -p $(@D)
	$(CC) $(cr_cflags) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(cr_link) $(LDFLAGS) -o $@ $< $(library) $(cr_libs) -lcmocka

# Libraries that sleep, or must not, for test_dormant_calls and test_dormant_wake.
dormant_callers := now other lazy by_name has_table takes_address gives_memory plain
caller_lazy := -Wl,-z,lazy
caller_by_name := -DBY_NAME
caller_has_table := -DHAS_TABLE
caller_takes_address := -DTAKES_ADDRESS
caller_gives_memory := -DGIVES_MEMORY
caller_plain := -DPLAIN
$(dormant_callers:%=$(BUILD)/unit/libcaller_%.so): $(BUILD)/unit/libcaller_%.so: tests/unit/dormant_caller.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(cr_warn) -fPIC -shared $(CFLAGS) -Wl,-z,relro,-z,now $(caller_$*) $(LDFLAGS) -o $@ $<
$(BUILD)/unit/test_dormant_calls: cr_link += -Wl,--export-dynamic-symbol=adjtimex
$(BUILD)/unit/test_dormant_calls $(BUILD)/unit/test_dormant_wake: | $(dormant_callers:%=$(BUILD)/unit/libcaller_%.so)

# What is built needs what is installed first: another make, whatever -j this one has.
build_with = +@$(MAKE) --no-print-directory -j$(shell nproc)

run: deps ## install what is missing, build, and serve on PORT (default 8080)
	$(build_with) all
	$(as_root) env PORT=$(PORT) $(BUILD)/code-runner

test: deps-test ## install what is missing, build, and run every test
	$(build_with) all $(unit_tests) $(BUILD)/try_syscall
	@$(MAKE) --no-print-directory check

check: unit service ## run every test, installing nothing

unit: $(unit_tests) ## run the unit tests in C
	@for test in $(unit_tests); do $$test || exit 1; done

# Twice: with warm workers everything, with cold ones what can depend on that (see tests/conftest.py).
service: $(BUILD)/code-runner $(BUILD)/try_syscall ## run the tests against the real service
	$(as_root) env CODE_RUNNER=$(abspath $<) $(PYTEST) $(lanes) -c tests/pytest.ini tests $(PYTEST_FLAGS)
	$(as_root) env CODE_RUNNER=$(abspath $<) CODE_RUNNER_FLAGS=--start=cold $(PYTEST) $(lanes) -c tests/pytest.ini tests \
	    -m "not mode_independent" $(PYTEST_FLAGS)

$(BUILD)/try_syscall: tests/containment/try_syscall.c $(library)
	$(CC) $(cr_cflags) $(CFLAGS) $(cr_link) $(LDFLAGS) -o $@ $< $(library) $(cr_libs)

test-arm64: ## build for arm64, and run the unit tests in an emulator
	@MAKE=$(MAKE) BUILD=build/arm64 tests/arm64.sh

.PHONY: test-scale
test-scale: deps-test all ## three instances behind haproxy: one killed, one added, one drained (SCALE_REQUESTS)
	@$(as_root) env CODE_RUNNER=$(abspath $(BUILD)/code-runner) SCALE_REQUESTS=$(or $(SCALE_REQUESTS),4000) \
	    /usr/bin/python3 tests/scale/run.py

test-environments: deps-environments all ## run the containment suite in each environment (ONLY=docker: in that one)
	$(as_root) env CODE_RUNNER=$(abspath $(BUILD)/code-runner) CODE_RUNNER_CACHE=$(abspath $(BUILD)/environments) \
	    /usr/bin/python3 tests/environments/run.py $(ONLY)

test-mcp: deps-node all ## what programs from npm say of the service: the official client of MCP, a validator of OpenAPI
	cd tests/node && npm ci --silent --no-audit --no-fund
	$(as_root) env CODE_RUNNER=$(abspath $(BUILD)/code-runner) CODE_RUNNER_NODE=1 \
	    timeout 1800 $(PYTEST) -c tests/pytest.ini tests/node $(PYTEST_FLAGS)

# Once, against warm workers: of the service it needs answers only. The pictures that it takes are for people to look at.
test-web: test-mcp deps-web all ## the same, and the playground page in a headless Chromium; pictures of it in build/web
	cd tests/web && npm ci --silent --no-audit --no-fund
	$(as_root) env CODE_RUNNER=$(abspath $(BUILD)/code-runner) PICTURES=$(abspath $(BUILD)/web/pictures) \
	    timeout 1800 node --test tests/web/all.mjs

test-load: deps-test all ## thousands of runs of all kinds, with faults (LOAD_RUNS, LOAD_MINUTES, LOAD_SEED)
	@$(as_root) env CODE_RUNNER=$(abspath $(BUILD)/code-runner) $(load_settings) /usr/bin/python3 tests/load/run.py

soak: ## the same for SOAK_MINUTES (default 10), however many runs that are
	@$(MAKE) test-load LOAD_RUNS=1000000000 LOAD_MINUTES=$(or $(SOAK_MINUTES),10)

# All roles of it, workers up to the start of their python3: what snapshots do is nothing for a sanitizer.
asan: deps-test ## unit and service tests with AddressSanitizer and UBSan
	$(MAKE) BUILD=build/asan SANITIZE=address,undefined CFLAGS="-O1 -g" all unit
	$(as_root) env CODE_RUNNER=$(abspath build/asan/code-runner) CODE_RUNNER_FLAGS="--start=cold --snapshot=off" \
	    CODE_RUNNER_TIME_FACTOR=$(or $(CODE_RUNNER_TIME_FACTOR),3) \
	    $(PYTEST) $(lanes) -c tests/pytest.ini tests/service -m "not plain_memory" $(PYTEST_FLAGS)

fuzz: deps-lint $(fuzzers) ## run each fuzz target for FUZZ_SECONDS (default 60), two at a time
	@printf '%s\n' $(fuzzers) | xargs -P 2 -n 1 tests/fuzz/run.sh $(FUZZ_SECONDS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(filter-out src/main.c,$(wildcard src/*.c))
	@mkdir -p $(@D)
	clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=undefined -Iinclude \
	    $(shell $(PKG_CONFIG) --cflags $(cr_packages)) -o $@ $< $(fuzz_sources) \
	    $(shell $(PKG_CONFIG) --libs libcjson)

bench: deps deps-bench all $(BUILD)/bench-client ## compare with others, print a report (QUICK=1: a look)
	@$(as_root) env QUICK=$(QUICK) CODE_RUNNER=$(BUILD)/code-runner BENCH_CLIENT=$(BUILD)/bench-client \
	    CODE_RUNNER_FLAGS="$(CODE_RUNNER_FLAGS)" /usr/bin/python3 bench/run.py

$(BUILD)/bench-client: bench/client.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(cr_warn) $(cr_hard) $(CFLAGS) $(cr_link) $(LDFLAGS) -o $@ $< -lm

lint: deps-lint ## include rules, formatting, clang-tidy, gcc -fanalyzer, cppcheck
	tests/lint.sh

format: ## clang-format all sources
	clang-format -i $(wildcard src/*.c include/*.h sandbox/*.c sandbox/*.h tests/*/*.c bench/*.c)

install: all ## install the binary below DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/code-runner $(DESTDIR)$(PREFIX)/bin/code-runner

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## print this
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1\t/p' Makefile | expand -t 14

# Packages: of the service, of its build, of its tests. Asks apt only if something is missing.
packages_run := libmicrohttpd12 libcjson1 libseccomp2 python3.11 libpython3.11 python3-numpy python3-pandas python3-scipy \
    python3-sklearn python3-matplotlib python3-seaborn python3-requests libopenblas0-serial ca-certificates
packages_build := gcc libc6-dev make pkg-config libmicrohttpd-dev libcjson-dev libseccomp-dev libpython3.11-dev libjs-codemirror
packages_test := libcmocka-dev python3-pytest python3-pytest-xdist curl util-linux strace iproute2 python3-threadpoolctl tzdata prometheus python3-jsonschema
packages_bench := bubblewrap python3-flask gunicorn
packages_environments := runc runsc podman buildah netavark iptables mmdebstrap qemu-system-x86 seabios e2fsprogs cpio xz-utils \
    busybox-static python3-pytest-timeout
packages_web := chromium fonts-dejavu-core
packages_lint := clang clang-format clang-tidy cppcheck libclang-rt-14-dev
# For what is in deploy/.
packages_test += haproxy python3-yaml

deps:
	@tests/install-packages.sh $(packages_run) $(packages_build)

deps-test: deps
	@tests/install-packages.sh $(packages_test)

deps-bench: deps
	@tests/install-packages.sh $(packages_bench)

deps-environments: deps-test
	@tests/install-packages.sh $(packages_environments)

# npm may come from elsewhere, together with nodejs.
deps-node: deps-test
	@tests/install-packages.sh $(if $(shell command -v npm),,nodejs npm)

deps-web: deps-node
	@tests/install-packages.sh $(packages_web)

deps-lint: deps-test
	@tests/install-packages.sh $(packages_lint)

-include $(objects:.o=.d) $(unit_tests:%=%.d)
