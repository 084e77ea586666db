/*
 * inputs: what a request gives its script beside the source: arguments, standard input, files, and
 * which files it wants back. Decoded and bounded here. Pure but for memory.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include <stddef.h>

#include "json_check.h"
#include "request_error.h"

#define INPUT_ARGS_BYTES ((size_t)1 << 20)
#define INPUT_FILES_MOST 256u
#define INPUT_PATTERNS_MOST 32u

struct input_file {
    char *bytes;      /* owned: the name, NUL, what is in it */
    size_t name_size; /* without the NUL */
    size_t size;      /* of all of it */
};

/* Zero-filled: none. */
struct inputs {
    char *args; /* owned; JSON text, as it came, of an object or array; NULL: none */
    size_t args_size;
    char *stdin_bytes; /* owned; UTF-8, NUL included; NULL: none or empty */
    size_t stdin_size;
    struct input_file *files; /* owned; names that file_name allows, none in another's way */
    size_t file_count;
    char *patterns; /* owned; joined by NUL; NULL: none */
    size_t patterns_size;
};

struct input_limits {
    size_t total_bytes; /* of the files together; of standard input */
    size_t file_bytes;  /* of each file, and of standard input, which becomes one */
};

/* Where the fields are in a body that json_check passed; NULL: not there. */
struct input_fields {
    const struct json_span *args, *stdin_text, *files, *return_files;
};

/* Fills *ret_inputs (release with inputs_done) and returns 0; or -EINVAL with *ret_error filled, or
 * -ENOMEM; then *ret_inputs is zeroed. */
int inputs_parse(const char *body, const struct input_fields *fields,
                 const struct input_limits *limits, struct inputs *ret_inputs,
                 struct request_error *ret_error);

/* Memory that they hold. */
size_t inputs_held_bytes(const struct inputs *inputs);

void inputs_done(struct inputs *inputs);

#endif
