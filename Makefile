# sluice: `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Variables of the targets.
FOR ?= 60s
CRM ?= auto
ROUNDS ?= 20
SEED ?=
ARGS ?=
ROWS ?= 1000000
FUZZTIME ?= 20s
RACE ?=
PKG ?= ./...
VERSIONS ?=
OF ?=
empty :=
space := $(empty) $(empty)

# Tools are pinned, and installed into an ignored folder.
GOLANGCI_LINT_VERSION := v2.12.2
GOFUMPT_VERSION := v0.9.2
TOOLS := $(CURDIR)/.tools
LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
FUMPT := $(TOOLS)/gofumpt-$(GOFUMPT_VERSION)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

##@ Start here

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables: FOR=60s (demo; 0 = until Ctrl-C), CRM=mysql|mariadb (demo; default: what is there), ROUNDS=20 and SEED=n (crash),"
	@echo "OF=postgres|mysql|mariadb|mysql-without-gtids (crash-capture), ROWS=1000000 (bench-postgres, bench-mysql), VERSIONS=15,17 (test-matrix;"
	@echo "default all), FUZZTIME=20s (fuzz), RACE=1 and PKG=./... (test), REQUIRE_SERVICES=1 (a"
	@echo "missing server fails the tests instead of skipping them)."

.PHONY: demo
demo: build install-demo ## The whole pipeline, live, for FOR; fails unless lost and doubled are 0
	bin/sluice demo --for $(FOR) --crm $(CRM)

.PHONY: build
build: ## Build bin/sluice
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/sluice ./ops/cmd/sluice

##@ Tests

.PHONY: test
test: install-services ## Every test, against real servers; RACE=1 for the race detector
	SLUICE_INSTALL=1 go test $(if $(RACE),-race) -timeout 15m $(PKG)

.PHONY: test-matrix
test-matrix: ## The tests of the Postgres capture against PostgreSQL 13 to 18, each fetched where missing
	go run ./ops/local/matrix $(if $(VERSIONS),-versions $(VERSIONS)) ./capture/postgres

.PHONY: test-kafka
test-kafka: install-services ## The tests that need a Kafka, against Apache Kafka
	SLUICE_TEST_KAFKA=apache SLUICE_INSTALL=1 REQUIRE_SERVICES=1 go test -timeout 20m -count=1 \
		./stream/... ./sinks/... ./capture/... ./schemas/registry/... ./ops/e2e

.PHONY: compare-debezium
compare-debezium: install-services ## Our raw topics beside those of a real Debezium, record by record
	SLUICE_INSTALL=1 REQUIRE_SERVICES=1 go test ./ops/debezium -count=1 -v

.PHONY: crash
crash: build install-crash ## kill -9 of each role at random under load, ROUNDS times, then compare every row
	ROUNDS=$(ROUNDS) SEED=$(SEED) REQUIRE_SERVICES=1 go test ./ops/e2e -run '^Test(Capture)?Crash$$' -count=1 -v -timeout 60m

.PHONY: crash-capture
crash-capture: build install-crash ## The same of the capture and of its database; OF=mariadb or OF="postgres mysql" chooses which
	ROUNDS=$(ROUNDS) SEED=$(SEED) REQUIRE_SERVICES=1 go test ./ops/e2e -run '^TestCaptureCrash$$/^($(or $(subst $(space),|,$(strip $(OF))),.*))$$' -count=1 -v -timeout 60m

.PHONY: crash-govern
crash-govern: ## kill -9 of stream processes, rebalances, and a Redis that is emptied; CHANGES=200000, then compare every golden record
	@$(call install,redis)
	CHANGES=$(or $(CHANGES),200000) SEED=$(or $(SEED),1) REQUIRE_SERVICES=1 go test ./ops/e2e -run '^TestGovernCrash$$' -count=1 -v -timeout 30m

.PHONY: crash-mysql
crash-mysql: ## crash-capture of MySQL, with GTIDs and without, and MariaDB
	@$(MAKE) --no-print-directory crash-capture OF="mysql mariadb mysql-without-gtids"

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME
	@grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "== $$dir $$target"; \
			go test "$$dir" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); \
		done; \
	done

##@ Benchmarks

.PHONY: bench
bench: ## The benchmarks that stand beside the code
	go test -run '^$$' -bench . -benchmem $(PKG)

.PHONY: bench-postgres
bench-postgres: build install-postgres ## Drain, snapshot and latency of the Postgres capture, as ratios of one run; ARGS="drain -o json"
	go run ./ops/bench postgres $(or $(ARGS),--rows $(ROWS))

.PHONY: bench-mysql
bench-mysql: build install-mysql ## Drain of the binary logs of MySQL and MariaDB beside go-mysql's own syncer; ARGS="drain -o json"
	@for of in mysql mariadb; do \
		go run ./ops/bench $$of $(or $(ARGS),--rows $(ROWS) --cpuprofile bin/$$of.prof); done

##@ Checks

.PHONY: check
check: $(LINT) $(FUMPT) ## gofumpt, vet, golangci-lint (ops/lint), the import rule
	@out=$$($(FUMPT) -l .); if [ -n "$$out" ]; then \
		echo "not formatted by gofumpt (make format):"; echo "$$out"; exit 1; fi
	go vet ./...
	$(LINT) run --config ops/lint/golangci.yml ./...
	go test ./ops/arch ./ops/alerts

.PHONY: format
format: $(FUMPT) ## Format every Go file
	$(FUMPT) -w .

$(LINT):
	@echo "installing golangci-lint $(GOLANGCI_LINT_VERSION) into .tools (some minutes, once)"
	@mkdir -p $(TOOLS)/bin
	GOFLAGS=-mod=mod GOBIN=$(TOOLS)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(TOOLS)/bin/golangci-lint $@

$(FUMPT):
	@echo "installing gofumpt $(GOFUMPT_VERSION) into .tools"
	@mkdir -p $(TOOLS)/bin
	GOFLAGS=-mod=mod GOBIN=$(TOOLS)/bin go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	@mv $(TOOLS)/bin/gofumpt $@

##@ The machine

.PHONY: install-services
install-services: ## Install the servers that tests need and this machine lacks (Debian, as root)
	@$(call install,postgres redis kafka mysql mariadb)
	@$(call install,postgis)
	@$(call install,sysbench)

.PHONY: install-crash
install-crash:
	@$(call install,postgres mysql mariadb sysbench)

.PHONY: install-mysql
install-mysql:
	@$(call install,mysql mariadb)

# What the demo starts. For the CRM, MySQL is taken where it is there, else
# MariaDB.
.PHONY: install-demo
install-demo:
	@$(call install,postgres $(if $(filter auto,$(CRM)),mysql-or-mariadb,$(CRM)))

.PHONY: install-postgres
install-postgres:
	@$(call install,postgres)

# A machine that cannot install may still run the tests that need no server,
# so only REQUIRE_SERVICES=1 makes this an error.
define install
go run ./ops/local/install $(1) || [ "$${REQUIRE_SERVICES:-}" != 1 ]
endef

.PHONY: clean
clean: ## Remove what was built: bin, tools, test caches of this module
	rm -rf bin tmp .tools coverage*
	find . -name '*.test' -o -name '*.prof' | xargs -r rm -f
