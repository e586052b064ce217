# One door: what a person or a pipeline does here is a target.
GO ?= go
LDFLAGS := -s -w -X github.com/envdeck/envdeck/internal/cli.version=$(VERSION)
# The vendors' OpenAPI documents, where somebody has them: the simulator's answers are held against them.
export ENVDECK_SPECS ?= $(abspath $(wildcard ../shared/specs))
# Some tests wait for a browser or a server: one package more than there are cores
# runs at a time.
TOGETHER := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1 )))
# The race detector watches this code and its libraries, but not the C of
# SQLite that a program turned into Go, nor the rounds of argon2: nobody looks
# for races there, and watching them doubles the time of the tests.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc golang.org/x/crypto/argon2
RACE := -race -p $(TOGETHER) $(foreach p,$(UNWATCHED),'-gcflags=$(p)=-race=false -d=checkptr=0')
LINT := $(GO) tool -modfile=tools/go.mod golangci-lint

.PHONY: help run test test-setup lint fmt bench build crash canary fuzz vuln screenshots vendors prisma seed runitor

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ## the demo: everything on the simulator
	$(GO) run ./cmd/envdeck demo

build: ## the static binary, in dist/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/envdeck ./cmd/envdeck

test-setup: ## installs what the tests need where it can, and says what is missing
	@./tools/test-setup

# t.TempDir prefers GOTMPDIR to TMPDIR.
test: test-setup ## every test, with the race detector
	@memory=$$(./tools/test-tmp); [ -z "$$memory" ] || { export TMPDIR=$$memory; unset GOTMPDIR; }; \
	if [ "$$CI" = true ]; then ./tools/ci-test $(RACE) -timeout 25m ./...; else $(GO) test $(RACE) -timeout 25m ./...; fi

lint: ## formatting, vet and the linters of .golangci.yml
	@test -z "$$(git ls-files '*.go' | xargs $(GO) tool gofumpt -l)" || { git ls-files '*.go' | xargs $(GO) tool gofumpt -l; echo "run make fmt"; exit 1; }
	$(GO) vet ./...
	$(LINT) run ./...

fmt: ## formats every Go file
	git ls-files '*.go' | xargs $(GO) tool gofumpt -w

bench: ## the figures of docs/speed.md, all in one run
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... 
	RELEASE_ROUNDS=50 $(GO) test -count=1 -v -run 'TestClickToServed|TestThirdFailedProbeToCall' ./internal/release
	$(GO) run ./internal/bench

canary: ## the search for secrets in everything that comes out, under every fault there is
	ENVDECK_CANARY=all $(GO) test -count=1 -v -timeout 30m -run TestT1T3 ./internal/app

screenshots: ## pictures of every story, in dist/screenshots
	@mkdir -p dist/screenshots
	ENVDECK_SHOTS=$(CURDIR)/dist/screenshots $(GO) test -count=1 -tags shots -run TestShots ./internal/web

crash: ## kills the process 50 times under pings and at every step of a release, and 10,000 seeds of random trouble (hours; KILL_ROUNDS, RELEASE_CRASH_ROUNDS, RELEASE_SEEDS)
	KILL_ROUNDS=$${KILL_ROUNDS:-50} $(GO) test -count=1 -v -timeout 1h -run TestNothingAcknowledgedIsLost ./internal/ping
	RELEASE_CRASH_ROUNDS=$${RELEASE_CRASH_ROUNDS:-50} RELEASE_CRASH_ALL=1 $(GO) test -timeout 24h -parallel 8 -run 'TestKilledAndTakenUpAgain|TestEveryBoundaryIsSurvived' ./internal/release
	RELEASE_SEEDS=$${RELEASE_SEEDS:-10000} $(GO) test -timeout 24h -run TestRandomTrouble ./internal/release
	RELEASE_ROUNDS=$${RELEASE_ROUNDS:-50} $(GO) test -count=1 -v -timeout 1h -run 'TestClickToServed|TestThirdFailedProbeToCall|TestADatabaseIsKept' ./internal/release

fuzz: ## every fuzz target for a while
	@for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' internal | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$pkg/*_test.go | cut -c6-); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} ./$$pkg || exit 1; done; done

# Where the tools go: more than a gigabyte, kept for the next run. RUN=TestWrangler for a part.
VENDORS ?= $(or $(TMPDIR),/tmp)/envdeck-vendors
vendors: build ## the vendors' own tools and SDKs, unmodified, against the simulator (npm; five minutes)
	./tools/vendors/install $(VENDORS)
	ENVDECK=$(CURDIR)/dist/envdeck ENVDECK_VENDORS=$(VENDORS) $(GO) test -C tools/vendors -count=1 -v -timeout 30m $(if $(RUN),-run '$(RUN)') .

# Where Prisma goes, kept for the next run.
PRISMA ?= $(or $(TMPDIR),/tmp)/envdeck-prisma
prisma: ## Prisma's own command against a real Postgres: our count of its migrations beside its own (npm)
	@mkdir -p $(PRISMA) && cp internal/ledger/testdata/prisma/package.json $(PRISMA)
	npm install --prefix $(PRISMA) --silent --no-audit --no-fund
	ENVDECK_PRISMA=$(PRISMA) $(GO) test -count=1 -v -tags prisma -run TestPrismaItself ./internal/ledger

# The text that has the wrapper which apps were given, where somebody has it; and where the tools go, kept for the next run.
ENVDECK_SEED ?= $(abspath $(wildcard ../shared/seed.md))
SEED ?= $(or $(TMPDIR),/tmp)/envdeck-seed
seed: ## an app's own wrapper of cron routes, unmodified, through Upstash's client and a real Redis onto the page (npm, redis-server; ENVDECK_SEED)
	@mkdir -p $(SEED) && cp internal/app/testdata/seed/package.json $(SEED)
	npm install --prefix $(SEED) --silent --no-audit --no-fund
	ENVDECK_SEED=$(ENVDECK_SEED) ENVDECK_SEED_TOOLS=$(SEED) $(GO) test -count=1 -v -tags seed -run TestTheSeedsOwnWrapper ./internal/app

runitor: ## runitor's own binary against our pings: RUNITOR=/path/of/it
	ENVDECK_RUNITOR=$(abspath $(RUNITOR)) $(GO) test -count=1 -v -tags runitor -run TestRunitorItself ./internal/ping

vuln: ## known vulnerabilities; VULNDB=file:///… for a local copy of the database
	$(GO) tool govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...
