/* accept: one pass over the list, the weights of two types. What is not of its form counts as not
 * there. */
#include "accept.h"

#include <string.h>
#include <strings.h>

#define SPACE " \t"

/* "0", "0.5", "1.000" as thousandths; -1 if it is something else. */
static int parse_weight(const char *text, size_t size) {
    if (size == 0 || size > 5 || (text[0] != '0' && text[0] != '1') || (size > 1 && text[1] != '.'))
        return -1;
    int weight = (text[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < size; i++, unit /= 10) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        weight += (text[i] - '0') * unit;
    }
    return weight <= 1000 ? weight : -1;
}

static const char *trim(const char *text, const char *end, size_t *ret_size) {
    text += strspn(text, SPACE);
    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *ret_size = end > text ? (size_t)(end - text) : 0;
    return text;
}

/* Of the parameters from text to end: the first q; 1 without one. */
static int weight_of(const char *text, const char *end) {
    while (text < end) {
        size_t size;
        const char *next = memchr(text, ';', (size_t)(end - text));
        const char *parameter = trim(text, next ? next : end, &size);
        if (size >= 2 && strncasecmp(parameter, "q=", 2) == 0)
            return parse_weight(parameter + 2, size - 2);
        text = next ? next + 1 : end;
    }
    return 1000;
}

static bool is_type(const char *text, size_t size, const char *type) {
    return size == strlen(type) && strncasecmp(text, type, size) == 0;
}

void accept_read(struct accept *accept, const char *value) {
    while (*value) {
        const char *end = value + strcspn(value, ",");
        const char *type_end = value + strcspn(value, ",;");
        size_t size;
        const char *type = trim(value, type_end, &size);
        int weight = weight_of(*type_end == ';' ? type_end + 1 : end, end);
        if (is_type(type, size, "text/event-stream") && weight > accept->events)
            accept->events = weight;
        else if (is_type(type, size, "application/json") && weight > accept->json)
            accept->json = weight;
        value = *end ? end + 1 : end;
    }
}

bool accept_wants_events(const struct accept *accept) {
    return accept->events > 0 && accept->events >= accept->json;
}
