/*
 * utf8: finds characters in untrusted bytes. Decodes nothing and changes nothing.
 */
#include "utf8.h"

/* The first continuation byte has a narrower range after some leads: that is what rules out
 * overlong forms (E0, F0), surrogates (ED) and what is over U+10FFFF (F4). */
static unsigned lead_range(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high) {
    *ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

struct utf8_step utf8_step(const char *bytes, size_t size) {
    const unsigned char *at = (const unsigned char *)bytes;
    unsigned char low, high;
    unsigned length = lead_range(at[0], &low, &high);
    if (length == 0)
        return (struct utf8_step){UTF8_BROKEN, 1};
    for (unsigned i = 1; i < length; i++) {
        if (i == size)
            return (struct utf8_step){UTF8_CUT, i};
        if (at[i] < low || at[i] > high)
            return (struct utf8_step){UTF8_BROKEN, i};
        low = 0x80;
        high = 0xbf;
    }
    return (struct utf8_step){UTF8_WHOLE, length};
}

size_t utf8_cut(const char *bytes, size_t size, size_t limit) {
    if (size <= limit)
        return size;
    /* Only a character that starts in the last three bytes can reach over the limit. */
    for (size_t back = 1; back <= 3 && back <= limit; back++) {
        size_t start = limit - back;
        struct utf8_step step = utf8_step(bytes + start, size - start);
        if (step.kind == UTF8_WHOLE && step.size > back)
            return start;
    }
    return limit;
}
