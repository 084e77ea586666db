/*
 * config_table: the options as data; what is made from them is in config.c (parsing),
 * config_format.c
 * (--help, the command lines of the roles). Private to config*.c and their tests.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum option_kind { OPTION_NUMBER, OPTION_TEXT, OPTION_CHOICE, OPTION_SET, OPTION_SWITCH };

/* Whether a text is what its option takes. 0; or -EINVAL and what is wrong, without the option's
 * name, in error. */
typedef int option_check_fn(const char *text, char *error, size_t error_size);

struct option_row {
    const char *name;        /* flag without the dashes */
    const char *environment; /* NULL: flag only */
    enum option_kind kind;
    size_t offset; /* of the member in struct config */
    size_t size;   /* of a text member */
    uint64_t lowest, highest;
    option_check_fn *check; /* of a text; NULL: any will do */
    const char *fallback;   /* default, as it would be typed; NULL: empty or 0 */
    const char *choices; /* words separated by '|': their index is the value, or the bit of a set */
    const char *help;    /* NULL: internal, not shown */
};

extern const struct option_row option_table[];
extern const size_t option_count;

#endif
