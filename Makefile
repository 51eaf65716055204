SHELL := bash
CLUSTER := cd hack/cluster && ../../bin/cluster
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
# With cgo, or without grpcnotrace, the linker would keep all that might be reached by reflection: 62 MB instead of 38.
# Those of hack/cluster/build.go, too, so that what both need is compiled once. V=-v names each package as it is.
FLAGS := $(V) -trimpath -gcflags=all=-dwarf=false -tags grpcnotrace
BUILD := CGO_ENABLED=0 go build $(FLAGS) -ldflags "-s -w -X main.version=$(VERSION)"
TAGS := e2e,truth,browser
MODULES := collector/seqreceiver hack/cluster hack/collector hack/jaeger hack/kind hack/krew hack/notices hack/perfdash
TOOLS := $(CURDIR)/bin/lint
RACED := ./cmd/... ./pkg/docker ./pkg/httprecord ./pkg/logfile ./pkg/otlp ./pkg/watch ./pkg/trace/internal/...

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## |##@ ' '/^##@/ {print "\n" $$2} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use
.PHONY: build
build: ## Build the plugin: bin/kubectl-seq
	$(BUILD) -o bin/kubectl-seq ./cmd/kubectl-seq

.PHONY: bin/cluster
bin/cluster:
	CGO_ENABLED=0 go -C hack/cluster build $(FLAGS) -o ../../bin/cluster .

.PHONY: collector
collector: ## Build an OpenTelemetry Collector that traces the start of every Pod of a cluster: bin/otelcol-seq
	go -C hack/ocb build -o $(CURDIR)/bin/ go.opentelemetry.io/collector/cmd/builder
	CGO_ENABLED=0 bin/builder --config=collector/builder.yaml --ldflags="-s -w" --gcflags=all=-dwarf=false
	mv bin/otelcol-seq.src/otelcol-seq bin/otelcol-seq

.PHONY: collector-image
collector-image: collector bin/cluster ## Give the development cluster the image otelcol-seq:dev, which collector/deploy runs
	$(CLUSTER) image ../../bin/otelcol-seq otelcol-seq:dev

.PHONY: demo
demo: $(if $(CONTEXT),build) ## Show the start of a Pod, on a cluster of our own or on CONTEXT=name of your kubeconfig
ifdef CONTEXT
	bin/kubectl-seq create-pod seq-demo --image=$(or $(IMAGE),busybox) --rm --context=$(CONTEXT) -- sleep 1000
else
	@hack/demo
endif

.PHONY: up down
up: bin/cluster ## Start the development cluster; K8S=1.34, 1.35 or 1.36 has an older Kubernetes
	$(CLUSTER) up $(if $(K8S),--kubernetes=$(K8S))
down: bin/cluster ## Stop it and remove all it left
	$(CLUSTER) down

##@ Check
.PHONY: test
test: ## Everything, on a real cluster that is started, and stopped again if it was not up before
	hack/test

.PHONY: e2e
e2e: ## What a version of Kubernetes may change, on a cluster of K8S=1.34, 1.35, 1.36 or 1.37
	hack/e2e

.PHONY: unit
unit: ## What needs no cluster; what takes long is sampled, and what has goroutines is looked at for races
	gofmt -l cmd pkg test hack collector | (! grep .)
	go test -timeout=1h -race -short $(RACED)
	go test -timeout=1h -short $$(go list ./... | grep -vxF "$$(go list $(RACED))")

.PHONY: lint
lint: lint-tools ## go vet and staticcheck for all modules and build tags; shellcheck, actionlint; the style of the prose, the sources of explanations
	go vet -tags $(TAGS) ./...
	$(TOOLS)/staticcheck -tags $(TAGS) ./...
	for module in $(MODULES); do (cd $$module && go vet ./... && $(TOOLS)/staticcheck ./...) || exit; done
	shellcheck $$(grep -rlE '^#!.*bash' .ci hack)
	$(TOOLS)/actionlint
	$(TOOLS)/vale --output=line *.md docs/*.md docs/adr/*.md docs/reference/*.md
	hack/explained

.PHONY: explained
explained: ## Find what the explanations were checked in, in the source of every supported version
	hack/explained

.PHONY: licenses
licenses: ## Fail if a licence of what is linked is not allowed; NOTICES=file also writes what they ask to go with a binary
	go -C hack/notices build -o ../../bin/notices .
	bin/notices $(NOTICES)

.PHONY: vulncheck
vulncheck: lint-tools ## Look for known vulnerabilities, in vuln.go.dev or in GOVULNDB=url
	$(TOOLS)/govulncheck $(if $(GOVULNDB),-db $(GOVULNDB)) ./...

.PHONY: lint-tools
lint-tools: ## Build what lint and vulncheck use
	go -C hack/lint build -o $(TOOLS)/ tool
	CGO_CFLAGS=-w go -C hack/vale build -o $(TOOLS)/ tool

.PHONY: docs
docs: ## Write docs/reference, and the tables and output in README.md and docs, anew
	go test ./cmd/kubectl-seq -run TestDocs -count=1 -update

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME (default 1m)
	go test ./pkg/audit -fuzz FuzzParse -fuzztime $(or $(FUZZTIME),1m)
	go test ./pkg/otlp -fuzz FuzzParseJSON -fuzztime $(or $(FUZZTIME),1m)
	go test ./pkg/recording -fuzz FuzzRead -fuzztime $(or $(FUZZTIME),1m)
	go test ./pkg/render -fuzz FuzzPlain -fuzztime $(or $(FUZZTIME),1m)
	go test ./pkg/trace -fuzz FuzzFold -fuzztime $(or $(FUZZTIME),1m)
	go test ./pkg/trace/internal/object -fuzz FuzzMembers -fuzztime $(or $(FUZZTIME),1m)

.PHONY: causes
causes: build ## Make every situation of docs/troubles.md and run what it says to try; UPDATE=1 records them
	hack/causes

##@ Measure
.PHONY: truth
truth: build ## Score what the plugin says against audit log and spans; UPDATE=1 measures likely instants anew
	hack/truth

.PHONY: percentiles
percentiles: build ## The table of docs/percentiles.md, of RUNS=100 starts
	hack/percentiles

.PHONY: bench
bench: ## The figures of docs/figures.md
	hack/bench

##@ Release
.PHONY: release-check
release-check: ## What a release of HEAD would be, built twice and tried
	hack/release-check
