/* metrics_text: writes what it is told; keeps the first error. */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_BYTES 48

static void add(struct metrics_text *text, const char *bytes, size_t size) {
    if (text->error == 0)
        text->error = buf_append(text->buf, bytes, size);
}

static void add_text(struct metrics_text *text, const char *literal) {
    add(text, literal, strlen(literal));
}

/* "0.001", "30", "1.5": exact, without zeroes at the end. */
static void format_fraction(uint64_t value, unsigned divisor, char ret_number[NUMBER_BYTES]) {
    int digits = 0;
    for (unsigned rest = divisor; rest > 1; rest /= 10)
        digits++;
    int length = snprintf(ret_number, NUMBER_BYTES, "%" PRIu64 ".%0*" PRIu64, value / divisor,
                          digits, value % divisor);
    while (length > 0 && ret_number[length - 1] == '0')
        length--;
    length -= length > 0 && ret_number[length - 1] == '.';
    ret_number[length] = 0;
}

static void add_label(struct metrics_text *text, const struct metrics_label *label) {
    add_text(text, label->name);
    add_text(text, "=\"");
    for (const char *at = label->value; *at; at++) {
        if (*at == '\n')
            add_text(text, "\\n");
        else if (*at == '"' || *at == '\\')
            add(text, (char[]){'\\', *at}, 2);
        else
            add(text, at, 1);
    }
    add_text(text, "\"");
}

static void add_sample(struct metrics_text *text, const char *name, const char *suffix,
                       const struct metrics_label *labels, const char *value) {
    add_text(text, name);
    add_text(text, suffix);
    for (const struct metrics_label *label = labels; label && label->name; label++) {
        add_text(text, label == labels ? "{" : ",");
        add_label(text, label);
    }
    add_text(text, labels && labels->name ? "} " : " ");
    add_text(text, value);
    add_text(text, "\n");
}

void metrics_text_family(struct metrics_text *text, const char *name, const char *type,
                         const char *help) {
    const char *const parts[] = {"# HELP ", name, " ", help, "\n",
                                 "# TYPE ", name, " ", type, "\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        add_text(text, parts[i]);
}

void metrics_text_count(struct metrics_text *text, const char *name,
                        const struct metrics_label *labels, uint64_t value) {
    char number[NUMBER_BYTES];
    snprintf(number, sizeof(number), "%" PRIu64, value);
    add_sample(text, name, "", labels, number);
}

void metrics_text_fraction(struct metrics_text *text, const char *name, uint64_t value,
                           unsigned divisor) {
    char number[NUMBER_BYTES];
    format_fraction(value, divisor, number);
    add_sample(text, name, "", NULL, number);
}

void metrics_text_histogram(struct metrics_text *text, const char *name, const char *help,
                            const struct histogram *histogram) {
    const struct histogram_scale *scale = histogram->scale;
    char bound[NUMBER_BYTES], number[NUMBER_BYTES];
    struct metrics_label labels[] = {{"le", bound}, {0}};
    uint64_t count = 0;
    metrics_text_family(text, name, "histogram", help);
    for (unsigned i = 0; i <= scale->count; i++) {
        count += histogram->buckets[i];
        if (i < scale->count)
            format_fraction(scale->bounds[i], scale->divisor, bound);
        else
            strcpy(bound, "+Inf");
        snprintf(number, sizeof(number), "%" PRIu64, count);
        add_sample(text, name, "_bucket", labels, number);
    }
    add_sample(text, name, "_count", NULL, number);
    format_fraction(histogram->sum, scale->divisor, number);
    add_sample(text, name, "_sum", NULL, number);
}
