# make            build everything into build/bin
# make check      all tests (SAN=1: under ASan and UBSan, in build/san; SAN=thread: TSan)
# make lint       format, clang-tidy, cppcheck, shellcheck, layers, banned functions, clang build
# make coverage   line coverage of lib/
# make demo       a deploy that works, then one that is caught and undone (KEEP=1 keeps the cluster)
# make soak       the long tests in full (ROUNDS=N)
# make bench-snapshot   backup and restore beside pg_dump and pg_restore (ROUNDS=5 SCALE=1)
# make bench-migrate    migrations beside dbmate and Alembic (ROUNDS=9 SCALE=1)
# make bench-swap       how long connections queue in a swap (ROUNDS=5 CLIENTS=100)
# make install    DESTDIR= PREFIX=/usr/local
# make deps       installs what is missing of the Debian packages that the build needs

CC ?= gcc
PREFIX ?= /usr/local
BUILD ?= build$(if $(SAN),/san$(SAN:1=))$(if $(COVERAGE),/coverage)

packages = libpq libzstd zlib libarchive libcurl libssh2 yaml-0.1 jansson libcrypto libxxhash
warnings = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wwrite-strings -Wno-missing-field-initializers
sanitizers = $(if $(filter thread,$(SAN)),thread,address$(comma)undefined)
sanitize = $(if $(SAN),-fsanitize=$(sanitizers) -fno-sanitize-recover=undefined)
coverage_flags = $(if $(COVERAGE),--coverage -fprofile-update=atomic)
comma := ,
CFLAGS ?= -O2 -g
CPPFLAGS += -Ilib -D_GNU_SOURCE $(shell pkg-config --cflags $(packages) 2>/dev/null)
all_cflags = -std=gnu11 $(warnings) -fno-strict-aliasing -pthread $(CFLAGS) $(sanitize) $(coverage_flags)
# What starts with every program is linked in where the system has it as an archive: each shared
# library costs a start 0.1 ms and more (docs/decisions/028). Shared ones that
# use the same keep their own.
archive = $(if $(filter /%,$(shell $(CC) -print-file-name=lib$1.a)),-l:lib$1.a -Wl$(comma)--exclude-libs$(comma)lib$1.a)
linked_in := $(if $(SAN),,$(foreach name,zstd z yaml jansson xxhash pg_query protobuf-c,$(call archive,$(name))))
LDLIBS = -Wl,--as-needed $(linked_in) $(shell pkg-config --libs $(packages) 2>/dev/null) \
	$(if $(filter -l:libpg_query.a,$(linked_in)),,-lpg_query) -lm
all_ldflags = -pthread $(LDFLAGS) $(sanitize) $(coverage_flags)

lib_sources := $(sort $(wildcard lib/*/*.c))
cmd_sources := $(sort $(wildcard cmd/*.c))
unit_sources := $(sort $(wildcard tests/unit/test_*.c))
support_sources := $(sort $(wildcard tests/support/*.c))
example_sources := $(sort $(wildcard examples/shop/*.c))

library = $(BUILD)/libmig.a
programs = $(cmd_sources:cmd/%.c=$(BUILD)/bin/%)
unit_tests = $(unit_sources:tests/unit/%.c=$(BUILD)/unit/%)
support = $(support_sources:tests/support/%.c=$(BUILD)/support/%)
examples = $(example_sources:examples/shop/%.c=$(BUILD)/shop/%)

bench_sources := $(sort $(wildcard bench/*.c))
bench_tools = $(bench_sources:bench/%.c=$(BUILD)/bench/%)

.PHONY: all check lint coverage install deps demo soak clean format unit support man FORCE
.SECONDARY:

all: $(programs) $(examples) man

check: deps
	$(MAKE) all unit support
	BUILD=$(BUILD) tests/run

unit: $(unit_tests)
support: $(support)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(all_cflags) -MMD -MP -c -o $@ $<

$(BUILD)/obj/lib/backup/shipped.o: etc/restore.sh etc/RESTORE.md
$(BUILD)/obj/lib/migrate/alembic_child.o: etc/alembic.py

# Objects and programs are made anew when their flags change.
$(BUILD)/flags: keeps = $(CC) $(CPPFLAGS) $(all_cflags)
$(BUILD)/link: keeps = $(CC) $(all_ldflags) $(LDLIBS)
$(BUILD)/flags $(BUILD)/link: FORCE
	@mkdir -p $(@D)
	@echo '$(keeps)' | cmp -s - $@ || echo '$(keeps)' > $@

$(library): $(lib_sources:%.c=$(BUILD)/obj/%.o)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(library) $(BUILD)/link
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $(filter-out %/link,$^) $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(library) $(BUILD)/link
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $(filter-out %/link,$^) $(LDLIBS) -lcmocka

$(BUILD)/support/%: $(BUILD)/obj/tests/support/%.o $(library) $(BUILD)/link
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $(filter-out %/link,$^) $(LDLIBS) -lmicrohttpd

$(BUILD)/shop/%: $(BUILD)/obj/examples/shop/%.o $(library) $(BUILD)/link
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $(filter-out %/link,$^) $(LDLIBS) -lmicrohttpd

# One man page per program: prose from docs/man, tables from the program itself.
man_pages = $(programs:$(BUILD)/bin/%=$(BUILD)/man/%.1)
man: $(man_pages)
$(BUILD)/man/%.1: $(BUILD)/bin/% $(wildcard docs/man/*.md)
	@mkdir -p $(@D)
	$< --print-man $(wildcard docs/man/$*.md) > $@.tmp && mv $@.tmp $@

lint:
	tools/deps lint
	tools/lint

format:
	git ls-files "lib/*.[ch]" "cmd/*.c" "tests/*.[ch]" "examples/*.[ch]" | xargs clang-format -i

coverage: deps
	tools/deps lint
	$(MAKE) COVERAGE=1 check
	tools/coverage build/coverage

demo: deps
	$(MAKE) -j$$(nproc) all support
	BUILD=$(BUILD) examples/shop/demo

soak: deps
	$(MAKE) all support unit
	BUILD=$(BUILD) tests/soak

bench-%: deps
	$(MAKE) all $(bench_tools)
	BUILD=$(BUILD) bench/$*

$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(library) $(BUILD)/link
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -o $@ $(filter-out %/link,$^) $(LDLIBS)

deps:
	@tools/deps

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/doc/mig $(DESTDIR)$(PREFIX)/share/mig/playbooks \
		$(DESTDIR)$(PREFIX)/share/mig/hooks \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install $(programs) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(man_pages) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 README.md CHANGELOG.md LICENSE docs/*.md etc/mig.yaml.example $(DESTDIR)$(PREFIX)/share/doc/mig
	install -m 644 $(wildcard playbooks/*.yaml) $(DESTDIR)$(PREFIX)/share/mig/playbooks
	install $(wildcard hooks/*) $(DESTDIR)$(PREFIX)/share/mig/hooks
	for program in $(notdir $(programs)); do $(BUILD)/bin/$$program --print-completion \
		> $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program; done

clean:
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
