#!/bin/sh
# lint.sh: include rules, formatting, clang-tidy, gcc -fanalyzer, cppcheck. Prints what is wrong; exit status 1 if anything is.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

# rule PATTERN ALLOWED FILES...: files that include PATTERN must be among ALLOWED (a regular expression on the path).
rule() {
    pattern=$1 allowed=$2
    shift 2
    found=$(grep -lE "#include [<\"]$pattern" "$@" 2>/dev/null | grep -vE "$allowed")
    [ -z "$found" ] || { echo "include rule: $pattern is not for: $found" && failed=1; }
}
sources=$(ls src/*.c sandbox/*.c include/*.h sandbox/*.h)
# shellcheck disable=SC2086
{
    rule 'microhttpd' '^src/http[a-z_]*\.c$|^(src|include)/http_[a-z]*\.h$' $sources
    rule '(cjson/)?cJSON' '^src/(request|response)\.c$' $sources
    rule 'seccomp\.h>' '^sandbox/seccomp[a-z_]*\.[ch]$' $sources
    rule 'Python\.h' '^sandbox/python[a-z_]*\.[ch]$' $sources
}
# The two sides share protocol.h, the settings, the roles, the log and who runs first, and nothing else.
for header in sandbox/*.h; do
    rule "$(basename "$header")\"" '^sandbox/' src/*.c include/*.h
done
for header in include/*.h; do
    case $header in include/protocol.h | include/config.h | include/roles.h | include/log.h | include/urgency.h) continue ;; esac
    rule "$(basename "$header")\"" '^src/|^include/' sandbox/*.c sandbox/*.h
done

for file in $(git ls-files 'src/*' 'sandbox/*' 'include/*' 'web/*'); do
    lines=$(wc -l <"$file") most=350
    [ "$lines" -le "$most" ] || { echo "size: $file has $lines lines" && failed=1; }
    case $(basename "$file") in common* | misc* | util*) echo "name: $file" && failed=1 ;; esac
done

# shellcheck disable=SC2046
clang-format --dry-run --Werror $(git ls-files '*.c' '*.h') || failed=1
cflags="-std=gnu17 -D_GNU_SOURCE -iquote include -iquote sandbox $(pkg-config --cflags libmicrohttpd libcjson libseccomp python-3.11-embed)"
# shellcheck disable=SC2086
ls src/*.c sandbox/*.c | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet "$@" -- '"$cflags"' 2>/dev/null' tidy || failed=1
# Not its search for leaks: it loses sight of what is stored in a structure or kept on purpose, and all that it finds here is
# that. clang-tidy and AddressSanitizer look for them.
# shellcheck disable=SC2086
ls src/*.c sandbox/*.c | xargs -P 2 -n 8 sh -c 'for file; do gcc -fanalyzer -Wno-analyzer-malloc-leak -Werror -O1 '"$cflags"' \
    -S -o /dev/null "$file" || exit 1; done' analyzer || failed=1
cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
    --suppress=missingIncludeSystem -Iinclude -Isandbox src sandbox || failed=1
[ $failed = 0 ] && echo "lint: clean"
exit $failed
