/*
 * config: every setting, from flags with the environment as fallback. One table in config_table.c,
 * from which parsing, --help, the README's table and the command lines of the roles come. Parsing
 * is pure but for reading what it is given.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* With less, no interpreter can be sure to start, MiB. */
#define CONFIG_LEAST_MEMORY_MB 32
#define CONFIG_POOL_UNSET UINT64_MAX

enum role { ROLE_MONITOR, ROLE_SERVER, ROLE_ZYGOTE };
enum snapshot_mode { SNAPSHOT_AUTO, SNAPSHOT_OFF };
enum start_mode { START_WARM, START_COLD };

struct config {
    int role;                         /* enum role */
    char address[64];                 /* numeric IPv4 or IPv6 address to listen on */
    uint64_t port;                    /* 1 .. 65535 */
    uint64_t slots;                   /* scripts that run at once; 0 only before config_complete */
    uint64_t pool;                    /* workers ahead; CONFIG_POOL_UNSET before config_complete */
    uint64_t queue;                   /* requests that may wait for a slot */
    uint64_t queue_wait_s;            /* longest wait in the queue */
    uint64_t connections;             /* at once; 0: what queue, slots and descriptors allow */
    uint64_t connections_per_address; /* 0: no limit */
    uint64_t head_s, body_s;          /* for a client to send head and body of a request */
    uint64_t idle_s;                  /* of a connection between two requests */
    uint64_t grace_s;                 /* for running scripts after SIGTERM */
    uint64_t timeout_s;               /* wall time of a script */
    uint64_t memory_mb;               /* MiB, of a script with all its processes */
    uint64_t file_mb;                 /* MiB, of one file */
    uint64_t output_mb;               /* MiB, of stdout + stderr; of result, figures, files each */
    uint64_t input_mb;                /* MiB, of a request's files together, and of its stdin */
    uint64_t scratch_mb;              /* MiB, of a script's scratch space */
    uint64_t script_bytes;            /* bytes of source */
    uint64_t processes;               /* processes and threads of a script */
    uint64_t uid_base; /* first of a range of uids: server, then one a slot; 0: chosen at random */
    int start;         /* enum start_mode */
    int snapshot;      /* enum snapshot_mode */
    uint64_t renew_runs;    /* runs after which the zygote is replaced; 0: never */
    uint64_t renew_minutes; /* minutes after which it is; 0: never */
    uint64_t generation;    /* of the zygote; the monitor counts */
    uint64_t requests_mb;   /* MiB, of all requests that are held; 0 only before config_complete */
    uint64_t answers_mb;    /* MiB, of all answers that are being sent; likewise */
    char preload[512];      /* libraries of warm workers, comma-separated; "none" */
    char python[256];       /* interpreter of cold workers, absolute path */
    char token_file[256];   /* of the tokens that open the service; empty: none */
    char cors_origin[512];  /* web origins that may read answers, comma-separated; empty: none */
    uint64_t require;       /* layers without which it does not start: bits 1 << sandbox_layer */
    uint64_t without;       /* layers that are not used, as if they were not there */
    int log;                /* enum log_format, see log_format.h */
    bool log_probes;        /* a line for each probe that was answered 200 too */
    char log_project[64];   /* of Google Cloud, that traces belong to; empty: not known */
    bool trace;             /* stage timings of each worker in Server-Timing */
    bool check;             /* say which layers hold, and exit */
    bool help, version;
};

/* All defaults. */
void config_init(struct config *config);

/* Reads argv[1 .. argc-1] (`--name=value`, `--name value`, or `--name` for a switch) over
 * environment values over defaults. getenv_fn may be NULL: no environment. 0, or -EINVAL with a
 * line for a person in error that names the option. */
int config_parse(struct config *config, int argc, char *const argv[],
                 const char *(*getenv_fn)(const char *name), char *error, size_t error_size);

/* Fills in what depends on the machine: slots from processors and the container's memory, uid_base,
 * what requests and answers may hold; no renewal (both 0) where memory has no room for it. */
void config_complete(struct config *config);

/* Of a complete config: whether all uids that follow from uid_base are users of nobody else. 0; or
 * -EINVAL and a line that names the option in error. */
int config_check_uids(const struct config *config, char *error, size_t error_size);

/* Whether the memory of the container or machine has so many MiB beside the service and its slots.
 * Reads /proc and /sys. */
bool config_has_room(const struct config *config, uint64_t mb);

/* On which this process may run; 1 if that is not known. */
unsigned config_processors(void);

/* Zygotes that follow each other take different uids and cgroups, since the runs of one may still
 * end while the next one begins. */
#define CONFIG_UID_RANGES 4
#define CONFIG_UIDS_PER_SLOT 2 /* of its scripts, and of the init that ends them */

/* How many slots the zygote prepares: running, waiting, and a few that are being cleared away. */
unsigned config_total_slots(const struct config *config);

/* Argument vector for the binary in another role, NULL-terminated, owned by the caller
 * (config_argv_free); NULL if out of memory. */
char **config_argv(const struct config *config, const char *program, enum role role);
void config_argv_free(char **argv);

void config_print_help(FILE *file);

#endif
