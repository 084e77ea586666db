/*
 * sanitizer_options: what the sanitizers' runtimes are told in a binary of `make asan`. Here and
 * not in the environment, since the roles do not inherit that.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    /* A role is undumpable, and so the search for leaks at its end cannot stop its threads: leaks
     * are found by the unit tests. What is freed is kept for a while, by default 256 MB of it in
     * each role: that is as much as a slot may have, and where memory is bounded it is what ends.
     */
    return "detect_leaks=0:quarantine_size_mb=32";
}
