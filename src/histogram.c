/* histogram: the scales, and counting. */
#include "histogram.h"

#define MS(n) ((uint64_t)(n)*1000)
#define MIB(n) ((uint64_t)(n) << 20)

const struct histogram_scale histogram_us = {
    .divisor = 1000000,
    .count = 16,
    .bounds = {MS(1), MS(2), MS(5), MS(10), MS(20), MS(50), MS(100), MS(200), MS(500), MS(1000),
               MS(2000), MS(5000), MS(10000), MS(20000), MS(30000), MS(60000)},
};

const struct histogram_scale histogram_bytes = {
    .divisor = 1,
    .count = 12,
    .bounds = {MIB(8), MIB(16), MIB(32), MIB(64), MIB(96), MIB(128), MIB(192), MIB(256), MIB(300),
               MIB(512), MIB(1024), MIB(4096)},
};

void histogram_observe(struct histogram *histogram, int64_t value) {
    uint64_t amount = value < 0 ? 0 : (uint64_t)value;
    unsigned bucket = 0;
    while (bucket < histogram->scale->count && amount > histogram->scale->bounds[bucket])
        bucket++;
    histogram->buckets[bucket]++;
    histogram->sum += amount;
}

uint64_t histogram_count(const struct histogram *histogram) {
    uint64_t count = 0;
    for (unsigned i = 0; i <= histogram->scale->count; i++)
        count += histogram->buckets[i];
    return count;
}
