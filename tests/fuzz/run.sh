#!/bin/sh
# run.sh SECONDS TARGET: runs one fuzz target from its seed corpus. What it finds is kept beside it in TARGET.corpus; an
# input that fails in TARGET.crash-*, and xargs is told to stop (255).
set -u
seconds=$1 target=$2 name=${2##*/}
mkdir -p "$target.corpus"
if "$target" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$target." "$target.corpus" \
    "tests/fuzz/corpus/$name" >"$target.log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$target.log") inputs, none fails"
else
    tail -n 40 "$target.log"
    echo "$name: fails, see $target.log"
    exit 255
fi
