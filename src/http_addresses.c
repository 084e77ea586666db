/* http_addresses: chains of counters, one for each address that has a connection. */
#include "http_addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct http_address {
    uint64_t key;
    unsigned count;
    struct http_address *next;
};

static uint64_t key_of_v4(uint32_t address) {
    return (UINT64_C(0xffff) << 32) | ntohl(address); /* no network has such a prefix */
}

uint64_t http_address_key(const struct sockaddr *address) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    uint32_t mapped;
    uint64_t network;
    if (address->sa_family == AF_INET)
        return key_of_v4(v4->sin_addr.s_addr);
    if (address->sa_family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        memcpy(&mapped, &v6->sin6_addr.s6_addr[12], sizeof(mapped));
        return key_of_v4(mapped);
    }
    memcpy(&network, v6->sin6_addr.s6_addr, sizeof(network));
    return network;
}

static struct http_address **find(struct http_addresses *addresses, uint64_t key) {
    /* Fibonacci hashing: the upper bits of the product depend on all of the key. */
    struct http_address **place =
        &addresses
             ->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 54 & (HTTP_ADDRESS_BUCKETS - 1)];
    while (*place && (*place)->key != key)
        place = &(*place)->next;
    return place;
}

bool http_addresses_enter(struct http_addresses *addresses, uint64_t key, unsigned limit) {
    struct http_address **place = find(addresses, key);
    if (!*place) {
        struct http_address *address = calloc(1, sizeof(*address));
        if (!address)
            return false;
        address->key = key;
        *place = address;
    }
    if ((*place)->count >= limit)
        return false;
    (*place)->count++;
    return true;
}

void http_addresses_leave(struct http_addresses *addresses, uint64_t key) {
    struct http_address **place = find(addresses, key), *address = *place;
    if (!address || --address->count > 0)
        return;
    *place = address->next;
    free(address);
}
