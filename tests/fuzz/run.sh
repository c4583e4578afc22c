#!/usr/bin/env bash
# Fuzzes what parses bytes, with libFuzzer and the stable toolchain.
#
#   tests/fuzz/run.sh                      each target: its corpus, and a few thousand inputs made from it
#   tests/fuzz/run.sh v2 -max_total_time=3600      one target, with libFuzzer's own flags
#   tests/fuzz/run.sh v2 -merge=1          adds to the corpus what covers more
#
# A finding is kept as target/fuzz/found/<target>-crash-…; `run.sh <target> <that file>` plays it again.
#
#   CARGO_TARGET_DIR   moves target/
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${CARGO_TARGET_DIR:-$root/target}/fuzz
mkdir -p "$build/found"
build=$(cd "$build" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')

# A target is named, so that cargo gives these flags to what is fuzzed and not to build scripts.
export RUSTFLAGS="-Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares \
  --cfg fuzzing"
(cd "$here" && cargo build --locked --release --target "$host" --target-dir "$build")

targets=()
for file in "$here"/src/bin/*.rs; do targets+=("$(basename "$file" .rs)"); done
flags=(-runs=20000 -max_total_time=60)
if [[ $# -gt 0 ]]; then
  targets=("$1")
  shift
  flags=("$@")
fi

for target in "${targets[@]}"; do
  echo "fuzzing $target: ${flags[*]}"
  # New inputs land beside the build, except where the corpus is asked to grow.
  fresh="$build/corpus/$target" committed="$here/corpus/$target"
  mkdir -p "$fresh"
  folders=("$fresh" "$committed")
  [[ ${flags[0]} != -merge=1 ]] || folders=("$committed" "$fresh")
  [[ ! -f ${flags[0]} ]] || folders=()
  if ! "$build/$host/release/$target" -artifact_prefix="$build/found/$target-" -print_final_stats=1 "${flags[@]}" "${folders[@]}" \
    >"$build/$target.log" 2>&1; then
    tail -n 40 "$build/$target.log"
    echo "fuzzing $target: a finding; all is in $build/$target.log"
    exit 1
  fi
  grep -E 'number_of_executed_units|peak_rss_mb' "$build/$target.log" || true
done
