# `./check` installs what these need, and runs them all.

export ZMS_TEST_NODE_MODULES := justfile_directory() / "target/tools/node/node_modules"
export ZMS_TEST_PYTHON := justfile_directory() / "target/tools/python/bin/python"
python := ZMS_TEST_PYTHON
# Of what is checked: the gate builds one for all
profile := env("ZMS_PROFILE", "dev")
triple := arch() + "-unknown-linux-gnu"

# List the recipes
default:
    @just --list

# Everything that must hold before a commit
check:
    ./check

# Formatting, as stable rustfmt sees it
fmt:
    cargo fmt --all --check

# Scripts
shell:
    shellcheck check quickstart scripts/tools bench/setup .ci/run \
        scripts/package scripts/package-try scripts/first-minute scripts/fuzz packaging/install.sh examples/docker/entrypoint.sh

# The core and the primitives pull in no runtime, no driver, no HTTP
pure:
    scripts/pure

# Licences, sources and banned crates. Advisories need a network that is not always there: run
# `cargo deny check advisories` where it is
deny:
    scripts/cargo-deny --all-features check bans licenses sources

# Clippy, with warnings as errors
lint:
    cargo clippy --workspace --all-targets --locked --profile {{profile}} -- -D warnings
    cargo clippy -p zms --no-default-features --locked --profile {{profile}} -- -D warnings
    # What is linked into them is C++, and not needed here.
    CUSTOM_LIBFUZZER_PATH=target/libnone.a cargo clippy --manifest-path fuzz/Cargo.toml --locked --target-dir target --profile {{profile}} -- -D warnings -A clippy::disallowed-methods

# All tests, with long ones bounded; many of them wait for others' programs
test:
    RUST_TEST_THREADS=$((2 * $(nproc))) timeout --foreground 45m cargo test --workspace --locked --lib --bins --tests --profile {{profile}}

# The independent reader opens every vector
spec:
    {{python}} spec/reader/check_vectors.py

# Documentation builds without warnings
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet --profile {{profile}}

# The main job, from nothing, with the release binary
main:
    ./quickstart

# Packages of the release binary that `main` builds, each installed from its file; the examples; the
# first minute; a server and its description
package:
    scripts/package
    scripts/package-try
    {{python}} scripts/examples-try
    {{python}} scripts/openapi-try
    scripts/first-minute

# Nothing above may leave a trace in the tree
clean:
    test "$(git status --porcelain)" = "${ZMS_TREE_BEFORE-}"

# The release binary and what measures it, static
release:
    just static zms --bin zms
    just static zms-store-sqlite --example audit_cost
    just static zms-client --example grow
    just static zms-client --example commit
    just static zms-server --example load
    just static zms-store-postgres --example replica_load

# One program of the release, linked statically
[private]
static package kind name:
    cargo rustc --release --locked -p {{package}} {{kind}} {{name}} --target {{triple}} -- \
        -C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs

# Long runs in full: every random case, every kill point; most wait for a disk or another program. One
# that fails does not end the others
extended:
    ZMS_TEST_CASES=10000 ZMS_TEST_FULL=1 RUST_TEST_THREADS=$((3 * $(nproc))) \
        cargo test --workspace --locked --lib --bins --tests --profile extended --no-fail-fast
    just stores
    just fuzz

# Each fuzz target for so many seconds, from the seeds that lie there and what was found before
fuzz seconds="60":
    scripts/fuzz {{seconds}}

# Every case of the command line on each store, and on several servers over one database
stores:
    rm -rf target/tmp/cases
    for store in file server postgres; do ZMS_TEST_STORE=$store cargo test --locked -p zms --test transcripts --profile extended || exit 1; done
    for replicas in 2 4; do ZMS_TEST_STORE=postgres ZMS_TEST_REPLICAS=$replicas cargo test --locked -p zms --test transcripts --profile extended || exit 1; done
    scripts/cases

# Time and memory beside peers
bench: release
    bench/setup
    bench/run
    bench/scale
    {{python}} bench/serve
    bench/stream
    bench/gateway
    bench/postgres
