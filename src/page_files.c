/* page_files: one table. A file's size and tag are filled in when it is first asked for. */
#include "page_files.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define PLAIN "text/plain; charset=utf-8"

/* Of each: where it is asked for, its type, its name in embedded.S. */
#define FILES(EACH)                                                                                \
    EACH("/", HTML, index_html)                                                                    \
    EACH("/assets/page.css", CSS, page_css)                                                        \
    EACH("/assets/code.css", CSS, code_css)                                                        \
    EACH("/assets/page.js", SCRIPT, page_js)                                                       \
    EACH("/assets/editor.js", SCRIPT, editor_js)                                                   \
    EACH("/assets/events.js", SCRIPT, events_js)                                                   \
    EACH("/assets/examples.js", SCRIPT, examples_js)                                               \
    EACH("/assets/json.js", SCRIPT, json_js)                                                       \
    EACH("/assets/menu.js", SCRIPT, menu_js)                                                       \
    EACH("/assets/output.js", SCRIPT, output_js)                                                   \
    EACH("/assets/share.js", SCRIPT, share_js)                                                     \
    EACH("/assets/tree.js", SCRIPT, tree_js)                                                       \
    EACH("/assets/codemirror.js", SCRIPT, codemirror_js)                                           \
    EACH("/assets/codemirror.css", CSS, codemirror_css)                                            \
    EACH("/assets/codemirror-python.js", SCRIPT, codemirror_python_js)                             \
    EACH("/assets/codemirror-license.txt", PLAIN, codemirror_license)

#define DECLARE(url, kind, name)                                                                   \
    extern const char page_##name[];                                                               \
    extern const uint64_t page_##name##_size;
FILES(DECLARE)

#define ROW(url, kind, name) {&page_##name##_size, {(url), (kind), page_##name, 0, ""}},

static struct {
    const uint64_t *size;
    struct page_file file;
} rows[] = {FILES(ROW)};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* FNV-1a: tells versions apart; nobody gains anything by a collision. */
static uint64_t hash(const char *bytes, size_t size) {
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        value = (value ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

const struct page_file *page_file_find(const char *path) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct page_file *file = &rows[i].file;
        if (strcmp(path, file->path) != 0)
            continue;
        if (!*file->etag) {
            file->size = (size_t)*rows[i].size;
            snprintf(file->etag, sizeof(file->etag), "\"%016" PRIx64 "\"",
                     hash(file->bytes, file->size));
        }
        return file;
    }
    return NULL;
}
