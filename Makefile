# The commands of this repository. "make help" lists them.
GO        ?= go
BIN       ?= bin
FUZZTIME  ?= 30000x
NETNS     ?= 1
TSHARK    ?= 1
BROWSER   ?= 1
PART      := scripts/part

# Where "make install" puts things, below DESTDIR.
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc

# Race detection needs a C compiler; nothing else here does, and saying so keeps it true.
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## all tests, without the race detector: no C compiler needed
	$(GO) test ./...

.PHONY: build
build: ## build the programs into bin/
	$(GO) build -trimpath -o $(BIN)/ ./cmd/...

.PHONY: man
man: ## write the manual's pages into bin/man
	$(GO) run ./cmd/tenuto man $(BIN)/man

.PHONY: install
install: ## build and install below PREFIX (/usr/local): the program, manual, completions and systemd's units
	GO="$(GO)" packaging/install "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)"

.PHONY: deb
deb: ## build a Debian package into bin/
	@MAKE="$(MAKE)" packaging/deb/build $(BIN)

.PHONY: check
check: ## all that continuous integration asks for (NETNS= leaves out the network namespaces, which need root; TSHARK= what needs tshark; BROWSER= what needs chromium)
	@$(PART) format      scripts/format
	@$(PART) layering    $(GO) test -count=1 ./internal/layering
	@$(PART) vet         $(GO) vet ./...
	@$(PART) staticcheck scripts/staticcheck
	@$(PART) nested      scripts/nested
	@$(PART) cross       scripts/cross
	@$(PART) fuzz        scripts/fuzz $(FUZZTIME)
	@$(PART) race        env CGO_ENABLED=1 TENUTO_SEEDS=10 $(GO) test -race -shuffle=on ./...
	@if [ -n "$(NETNS)" ]; then $(PART) namespaces env TENUTO_NETNS=1 $(GO) test -count=1 ./internal/netns; fi
	@if [ -n "$(TSHARK)" ]; then $(PART) tshark env TENUTO_TSHARK=1 $(GO) test -count=1 ./internal/tshark; fi
	@if [ -n "$(BROWSER)" ]; then $(PART) browser env TENUTO_CHROMIUM=1 $(GO) -C examples test -count=1 -run TestBrowser ./avsync; fi
	@$(PART) tests       env TENUTO_SEEDS=1000 $(GO) test ./...

.PHONY: fuzz
fuzz: ## fuzz every target FUZZTIME times (30000x)
	scripts/fuzz $(FUZZTIME)

.PHONY: soak
soak: ## long runs: the search over two session protocol machines, 10,000 seeds, five race runs, ten million inputs for each fuzz target
	@$(PART) search      env TENUTO_SEARCH=2 $(GO) test -count=1 -timeout 2h -run TestSearch -v ./spm
	@$(PART) simulations env TENUTO_SEEDS=10000 $(GO) test -count=1 -timeout 2h -run Simulat ./...
	@$(PART) race        env CGO_ENABLED=1 $(GO) test -race -shuffle=on -count=5 -timeout 2h ./...
	@if [ -n "$(NETNS)" ]; then $(PART) namespaces env TENUTO_NETNS=1 $(GO) test -count=5 -timeout 1h ./internal/netns; fi
	@$(PART) fuzz        scripts/fuzz 10000000x

.PHONY: bench
bench: ## compare with other libraries, side by side; writes docs/benchmarks.md
	cd bench && $(GO) run ./report
