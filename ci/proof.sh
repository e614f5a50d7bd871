#!/usr/bin/env bash
# The deeper runs of what `make test` runs shortly, and mutants. `proof.sh NAME...` runs those parts alone.
# The cost of each stands beside it, on two cores.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The model and the breaker, 500 times as many scenarios: ten minutes, and two to build.
props() { PROPTEST_CASES=1500000 cargo_test_optimized -p fusewire --test props; }

# Every interleaving up to a higher bound of preemptions: an hour.
loom() { ci/loom.sh deep; }

# Thirty times as many random schedules: half an hour.
shuttle() { ci/shuttle.sh deep; }

# A process killed at a random instruction, a hundred times as often: half an hour.
kill_test() { FUSEWIRE_KILL_ROUNDS=${KILL_ROUNDS:-2000} cargo_test_optimized -p fusewire --all-features --test kill; }

# An hour with coverage feedback.
fuzz() { ci/fuzz.sh 3600; }

# Half an hour with the address sanitizer as well, where there is a nightly toolchain.
fuzz_asan() {
    if cargo +nightly --version >/dev/null 2>&1; then
        FUZZ_ENGINE=asan ci/fuzz.sh 1800
    else
        say "skipped: the address sanitizer needs a nightly toolchain"
    fi
}

# Licences and bans as ever, and the advisories, whose database comes from the net: a minute.
deny() { ci/deny.sh advisories; }

# Every mutant of the rules: an hour and a half.
mutants() { ci/mutants.sh; }

parts=(props loom shuttle kill_test fuzz fuzz_asan deny mutants)
[ "$#" -gt 0 ] || set -- "${parts[@]}"
for part in "$@"; do
    [[ " ${parts[*]} " == *" $part "* ]] || die "no part $part; there are ${parts[*]}"
done

ci/setup.sh test
for part in "$@"; do
    say "" "==== $part"
    began=$SECONDS
    "$part"
    say "==== $part: $((SECONDS - began)) s"
done
