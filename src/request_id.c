/* request_id: checks, and draws random bits. */
#include "request_id.h"

#include <string.h>
#include <sys/random.h>

#define RANDOM_BYTES 16

bool request_id_is_valid(const char *id) {
    size_t size = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return size > 0 && size < REQUEST_ID_BYTES && !id[size];
}

/* getrandom(2) gives up to 256 bytes whole, once the kernel's generator has been seeded. */
void request_id_make(char ret_id[REQUEST_ID_BYTES]) {
    static unsigned char stock[256];
    static size_t used = sizeof(stock);
    if (used == sizeof(stock) &&
        getrandom(stock, sizeof(stock), GRND_NONBLOCK) == (ssize_t)sizeof(stock))
        used = 0;
    /* Without new bits the last ones are used again: an id is to find things by, not a secret. */
    const unsigned char *bits =
        stock + (used < sizeof(stock) ? used : sizeof(stock) - RANDOM_BYTES);
    used += used < sizeof(stock) ? RANDOM_BYTES : 0;
    for (int i = 0; i < RANDOM_BYTES; i++) {
        ret_id[2 * i] = "0123456789abcdef"[bits[i] >> 4];
        ret_id[2 * i + 1] = "0123456789abcdef"[bits[i] & 15];
    }
    ret_id[2 * RANDOM_BYTES] = 0;
}
