#!/bin/sh
# arm64.sh: builds everything for arm64 and runs the unit tests under qemu-user. Changes nothing of the machine: the
# libraries lie in BUILD/sysroot. Prints one line per test; exit status 1 if one is not as it should be.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build/arm64}
sysroot=$PWD/$build/sysroot
libraries=libmicrohttpd-dev,libcjson-dev,libseccomp-dev,libpython3.11-dev,libcmocka-dev

# What qemu-user cannot do. These tests must fail there: one that passes is to be taken off the list.
cannot='
test_hot_pages test_goes_on_while_nothing_comes: its pagemap is of the pages where it has put the program
test_hot_pages test_reduced: as above
test_hot_pages test_what_was_written_becomes_own: as above
test_large_pages test_what_is_dense_becomes_large: it says yes to advice that it does not know, and does nothing
test_raw_syscall test_clone_shares_memory: it knows fork and threads, nothing between
test_seccomp test_all_threads: it has no seccomp(2); test_seccomp_policy works the filter out instead
test_seccomp test_load_keeps_errno: it has no seccomp(2)
test_seccomp test_rows: it has no seccomp(2)
test_seccomp test_rows_in_parts: it has no seccomp(2); test_seccomp_parts works the filters out instead
test_seccomp test_umask: it has no seccomp(2)
test_watchdog test_real_processes: its own memory counts with that of what it runs
test_zygote_channel test_too_many_descriptors_leave_nothing_open: it leaves open what it drops
'
# And what is not even started there.
not_run='
test_dormant: it takes a snapshot, as the next ones
test_dormant_signals: as above
test_dormant_wake: as above
test_snapshot: it replaces all memory of its process, in which the emulator lives
test_snapshot_image: as above
test_snapshot_plan: as above
test_snapshot_protections: as above
test_read_pages: it closes all memory of its process, in which the emulator lives
test_user_namespace: a process with more than one thread, as the emulator is, can make none
'

make_sysroot() {
    [ "$(cat "$sysroot/libraries" 2>/dev/null)" != "$libraries" ] || return 0
    rm -rf "$sysroot"
    mkdir -p "$build"
    if ! mmdebstrap --quiet --mode=chrootless --arch=arm64 --variant=extract \
        --aptopt='Acquire::Retries "5"' --include="$libraries" bookworm \
        "$sysroot" >"$build/sysroot.log" 2>&1; then
        cat "$build/sysroot.log"
        return 1
    fi
    echo "$libraries" >"$sysroot/libraries"
}

# Runs the program of this path in BUILD.
emulate() {
    program=$1
    shift
    timeout 600 qemu-aarch64-static -L "$sysroot" "$build/$program" "$@"
}

verdict() {
    echo "$1"
    case $1 in not\ ok*) failed=$((failed + 1)) ;; esac
}

# A program that says what it should: WANTED (a pattern) PROGRAM ARGUMENT...
expect() {
    wanted=$1
    shift
    if emulate "$@" 2>&1 | grep -q "$wanted"; then verdict "ok      $*"; else verdict "not ok  $*"; fi
}

# Each test of one program, against the list.
run_unit() {
    unit=$1 log=$build/unit/$1.log
    status=0
    emulate "unit/$unit" >"$log" 2>&1 || status=$?
    grep -q ' test(s) run\.' "$log" || verdict "not ok  $unit ended early, with status $status"
    # shellcheck disable=SC2013
    for test in $(sed -n 's/^\[ RUN      \] //p' "$log"); do
        reason=$(echo "$cannot" | sed -n "s/^$unit $test: //p")
        if grep -qx "\[       OK \] $test" "$log"; then passed=yes; else passed=no; fi
        case $passed${reason:+listed} in
        yes) verdict "ok      $unit $test" ;;
        nolisted) absent=$((absent - 1)) && verdict "cannot  $unit $test: $reason" ;;
        no) verdict "not ok  $unit $test" && cat "$log" ;;
        yeslisted) verdict "not ok  $unit $test passed: take it off the list" ;;
        esac
    done
}

tests/install-packages.sh gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross make pkg-config libjs-codemirror qemu-user-static mmdebstrap
make_sysroot
# Each path that is there hides the machine's own from the tests (-L in qemu-user(1)): an empty /tmp was one.
find "$sysroot" -mindepth 1 -maxdepth 1 ! -name usr ! -name lib ! -name libraries -exec rm -rf {} +
units=$(for file in tests/unit/test_*.c; do basename "$file" .c; done)
export PKG_CONFIG_LIBDIR="$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:$sysroot/usr/share/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$sysroot"
# shellcheck disable=SC2046
"${MAKE:-make}" -s -j"$(nproc)" BUILD="$build" CI=1 CC="aarch64-linux-gnu-gcc --sysroot=$sysroot" \
    AR=aarch64-linux-gnu-ar all $(for unit in $units; do echo "$build/unit/$unit"; done)

failed=0 absent=$(echo "$cannot" | grep -c :)
expect '^code-runner [0-9]' code-runner --version
expect '^usage: code-runner' code-runner --help
for unit in $units; do
    reason=$(echo "$not_run" | sed -n "s/^$unit: //p")
    if [ -n "$reason" ]; then verdict "not run $unit: $reason"; else run_unit "$unit"; fi
done
[ "$absent" = 0 ] || verdict "not ok  $absent of the list of what qemu-user cannot do did not come up"
echo "arm64: $failed failed"
[ "$failed" = 0 ]
