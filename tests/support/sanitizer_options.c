/*
 * sanitizer_options: what the sanitizers' runtimes are told in a binary of `make asan`. Here and
 * not in the environment, since the roles do not inherit that.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    /* A role is undumpable, and so the search for leaks at its end cannot stop its threads: leaks
     * are found by the unit tests. */
    return "detect_leaks=0";
}
