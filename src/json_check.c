/*
 * json_check: the structure of a JSON text: nesting, commas, keys, and the members of the outermost
 * object. One pass, no recursion, no allocation. Tokens are json_token.c's; nothing is decoded.
 */
#include "json_check.h"

#include <stdint.h>

#include "json_token.h"

/* What the scanner looks for next. */
enum state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* after '[' */
    WANT_KEY,
    WANT_KEY_OR_END, /* after '{' */
    WANT_COMMA_OR_END,
    WANT_NOTHING, /* the outermost value is complete */
    STOPPED       /* fault is set */
};

struct scanner {
    struct json_cursor cursor;
    size_t max_depth, max_values; /* max_values 0: not bounded */
    size_t depth, values;
    uint64_t objects[JSON_MAX_DEPTH / 64]; /* bit n: the bracket at depth n + 1 is '{' */
    struct json_span whole;                /* the outermost value */
    struct json_span key, element; /* the member of the outermost object that is being read */
    json_member_fn *on_member;
    void *context;
};

static enum state stop(struct scanner *scanner, enum json_fault fault) {
    scanner->cursor.fault = fault;
    return STOPPED;
}

static enum state stop_unexpected(struct scanner *scanner) {
    json_token_unexpected(&scanner->cursor);
    return STOPPED;
}

static bool in_object(const struct scanner *scanner) {
    size_t top = scanner->depth - 1;
    return scanner->objects[top / 64] >> (top % 64) & 1;
}

static enum state open_bracket(struct scanner *scanner, bool object) {
    if (scanner->depth == scanner->max_depth)
        return stop(scanner, JSON_TOO_DEEP);
    size_t top = scanner->depth++;
    uint64_t bit = (uint64_t)1 << (top % 64);
    if (object)
        scanner->objects[top / 64] |= bit;
    else
        scanner->objects[top / 64] &= ~bit;
    scanner->cursor.at++;
    return object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
}

/* Ends a span at `at` and gives it what strings held since the flags were taken last. */
static void take_flags(struct scanner *scanner, struct json_span *span) {
    span->size = scanner->cursor.at - span->start;
    span->has_nul = scanner->cursor.nul;
    span->has_lone_surrogate = scanner->cursor.lone_surrogate;
    scanner->whole.has_nul |= scanner->cursor.nul;
    scanner->whole.has_lone_surrogate |= scanner->cursor.lone_surrogate;
    scanner->cursor.nul = scanner->cursor.lone_surrogate = false;
}

static enum state value_complete(struct scanner *scanner) {
    if (scanner->depth == 0) {
        struct json_span rest = {0};
        take_flags(scanner, &rest);
        scanner->whole.size = scanner->cursor.at - scanner->whole.start;
        return WANT_NOTHING;
    }
    if (scanner->depth == 1) {
        const struct json_span *key = in_object(scanner) ? &scanner->key : NULL;
        take_flags(scanner, &scanner->element);
        if (scanner->on_member)
            scanner->on_member(scanner->context, key, &scanner->element);
    }
    return WANT_COMMA_OR_END;
}

static enum state close_bracket(struct scanner *scanner) {
    scanner->cursor.at++;
    scanner->depth--;
    return value_complete(scanner);
}

/* The type of the value that starts with this byte; -1 if none does. */
static int type_of(int byte) {
    switch (byte) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return byte == '-' || (byte >= '0' && byte <= '9') ? JSON_NUMBER : -1;
    }
}

static enum state scan_value(struct scanner *scanner, int byte) {
    int type = type_of(byte);
    if (type < 0)
        return stop_unexpected(scanner);
    if (scanner->max_values && scanner->values == scanner->max_values)
        return stop(scanner, JSON_TOO_MANY);
    scanner->values++;
    if (scanner->depth < 2) {
        struct json_span *span = scanner->depth ? &scanner->element : &scanner->whole;
        span->start = scanner->cursor.at;
        span->type = (enum json_type)type;
    }
    if (type == JSON_OBJECT || type == JSON_ARRAY)
        return open_bracket(scanner, type == JSON_OBJECT);
    bool whole = type == JSON_STRING ? json_token_string(&scanner->cursor)
                                     : json_token_bare(&scanner->cursor, (enum json_type)type);
    return whole ? value_complete(scanner) : STOPPED;
}

/* A key and the colon behind it. */
static enum state scan_key(struct scanner *scanner, int byte) {
    if (byte != '"')
        return stop_unexpected(scanner);
    size_t start = scanner->cursor.at;
    if (!json_token_string(&scanner->cursor))
        return STOPPED;
    if (scanner->depth == 1) {
        scanner->key = (struct json_span){.start = start, .type = JSON_STRING};
        take_flags(scanner, &scanner->key);
    }
    if (json_token_next(&scanner->cursor) != ':')
        return stop_unexpected(scanner);
    scanner->cursor.at++;
    return WANT_VALUE;
}

static enum state scan_next(struct scanner *scanner, enum state state) {
    int byte = json_token_next(&scanner->cursor);
    switch (state) {
    case WANT_VALUE_OR_END:
        return byte == ']' ? close_bracket(scanner) : scan_value(scanner, byte);
    case WANT_VALUE:
        return scan_value(scanner, byte);
    case WANT_KEY_OR_END:
        return byte == '}' ? close_bracket(scanner) : scan_key(scanner, byte);
    case WANT_KEY:
        return scan_key(scanner, byte);
    case WANT_COMMA_OR_END:
        if (byte == (in_object(scanner) ? '}' : ']'))
            return close_bracket(scanner);
        if (byte != ',')
            return stop_unexpected(scanner);
        scanner->cursor.at++;
        return in_object(scanner) ? WANT_KEY : WANT_VALUE;
    case WANT_NOTHING:
    case STOPPED:
        break;
    }
    return STOPPED;
}

struct json_report json_check(const char *text, size_t size, const struct json_limits *limits,
                              json_member_fn *on_member, void *context) {
    struct scanner scanner = {
        .cursor = {.text = text, .size = size},
        .max_depth = limits->depth < JSON_MAX_DEPTH ? limits->depth : JSON_MAX_DEPTH,
        .max_values = limits->values,
        .on_member = on_member,
        .context = context,
    };
    enum state state = WANT_VALUE;
    if (json_token_next(&scanner.cursor) < 0)
        state = stop(&scanner, JSON_EMPTY);
    while (state != WANT_NOTHING && state != STOPPED)
        state = scan_next(&scanner, state);
    if (state == WANT_NOTHING && json_token_next(&scanner.cursor) >= 0)
        stop(&scanner, JSON_TRAILING);

    struct json_report report = {.fault = scanner.cursor.fault, .offset = scanner.cursor.at};
    if (report.fault == JSON_OK)
        report.value = scanner.whole;
    return report;
}

const char *json_fault_text(enum json_fault fault) {
    static const char *const texts[] = {
        [JSON_OK] = "is JSON",
        [JSON_EMPTY] = "is empty",
        [JSON_SYNTAX] = "is not valid JSON",
        [JSON_UNFINISHED] = "ends in the middle of a JSON value",
        [JSON_TRAILING] = "has more text after the JSON value",
        [JSON_BAD_UTF8] = "is not valid UTF-8",
        [JSON_TOO_DEEP] = "is nested too deeply",
        [JSON_TOO_MANY] = "holds too many values",
    };
    size_t count = sizeof(texts) / sizeof(texts[0]);
    return (size_t)fault < count ? texts[fault] : "is not valid JSON";
}
