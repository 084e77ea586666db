/* process_stats: what this process uses of the machine, from /proc/self and getrusage(2). */
#ifndef PROCESS_STATS_H
#define PROCESS_STATS_H

#include <stdint.h>

/* Each: -errno where it cannot be known. Does not block. */
int64_t process_resident_bytes(void);
int64_t process_descriptors(void);

int64_t process_cpu_us(void);

/* Since 1970. */
int64_t process_wall_us(void);

#endif
