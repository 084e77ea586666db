/*
 * http_addresses: how many connections each client's address has. An IPv6 network of 64 bits counts
 * as one address, since that is what one client may be given; an IPv4 address is the same however
 * it is written. Private to http*.c.
 */
#ifndef HTTP_ADDRESSES_H
#define HTTP_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HTTP_ADDRESS_BUCKETS 1024U

struct http_address;

/* Zero-filled is empty. */
struct http_addresses {
    struct http_address *buckets[HTTP_ADDRESS_BUCKETS];
};

/* What an address counts as. */
uint64_t http_address_key(const struct sockaddr *address);

/* One more; false if it has limit already, or memory is out: then nothing is counted. */
bool http_addresses_enter(struct http_addresses *addresses, uint64_t key, unsigned limit);
/* One less; it was counted. */
void http_addresses_leave(struct http_addresses *addresses, uint64_t key);

#endif
