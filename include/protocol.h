/*
 * protocol: what crosses the line between the server and the sandbox side. The only header that
 * both include.
 *
 * Two conversations:
 *
 *   server <-> zygote   AF_UNIX SOCK_SEQPACKET, one fixed-size struct a message. ZYGOTE_SPAWN
 * carries exactly three descriptors (SCM_RIGHTS): the worker's end of its channel, its stdout, its
 * stderr. server <-> worker   AF_UNIX SOCK_STREAM, "the channel": frames of {type, size} and then
 * size bytes.
 *
 * Both ends are the same binary on the same machine, so integers are in native order. The worker's
 * side of the channel is in the hands of the script once FRAME_RUN was sent: a reader must cap
 * sizes and check the order.
 *
 * Legal order on a channel:
 *   worker: FRAME_READY (or FRAME_SETUP_FAILED and then end of file)
 *   server: FRAME_IDLE, at most once, and only if the zygote has reported library_bytes
 *   server: FRAME_SCRIPT; FRAME_ARGS, FRAME_STDIN, FRAME_RETURN, each at most once; FRAME_FILE,
 * each of another name; FRAME_RUN worker: FRAME_FIGURE, FRAME_RETURNED, up to their numbers;
 * FRAME_NOTE, at most once; then FRAME_RESULT; or FRAME_ERROR; what follows is ignored
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/* ---- what holds ---- */

/* The layers around a script, as --check, /ready, --require and --without name them. Those up to
 * LAYER_LANDLOCK_SCOPES depend on the environment and may be left out by --without. */
enum sandbox_layer {
    LAYER_NAMESPACES, /* pid, ipc, uts */
    LAYER_NETWORK_NAMESPACE,
    LAYER_PRIVATE_ROOT,
    LAYER_PRIVATE_PROC, /* a /proc without the processes of others, or none */
    LAYER_UNIQUE_UID,
    LAYER_CGROUP,
    LAYER_LANDLOCK,
    LAYER_LANDLOCK_SCOPES,
    LAYER_SECCOMP,
    LAYER_NO_NEW_PRIVILEGES,
    LAYER_WATCHDOG,    /* stands for the cgroup */
    LAYER_KILL_FILTER, /* stands for pid namespace and unique uid */
    LAYER_FILE_MODES,  /* stands for private root and Landlock */
    LAYER_COUNT
};
#define LAYER_WORDS_OPTIONAL                                                                       \
    "namespaces|network-namespace|private-root|private-proc|unique-uid|cgroup|landlock|"           \
    "landlock-scopes"
#define LAYER_WORDS                                                                                \
    LAYER_WORDS_OPTIONAL "|seccomp|no-new-privileges|watchdog|kill-filter|file-modes"

/* Copies the name of a layer, "unknown" for a number out of range; cut to size, ends with NUL. */
void layer_name(unsigned layer, char *ret_name, size_t size);
#define LAYER_NAME_SIZE 24

/* What a zygote has prepared; for /ready. */
struct zygote_report {
    uint32_t layers; /* bits 1 << enum sandbox_layer */
    uint32_t landlock_abi, cgroup_version;
    uint32_t snapshot;      /* 1: its interpreter is cheap to fork */
    uint64_t private_bytes; /* its own anonymous memory; 0: not known */
    uint64_t library_bytes; /* that FRAME_IDLE makes a worker's own; 0: it must not be sent */
};

/* ---- server -> zygote ---- */

enum zygote_command_type {
    ZYGOTE_SPAWN = 1, /* make a worker on a slot that is free; with three descriptors */
    ZYGOTE_KILL = 2,  /* end everything on the slot; ignored if that run is not on it any more */
    /* Lower the memory limit of this run; answered by ZYGOTE_LIMITED, before which the script must
     * not be handed over. Ignored if that run is not on the slot any more. The next run has the
     * full limit again. */
    ZYGOTE_LIMIT = 3,
    ZYGOTE_PING = 4, /* whether it still takes commands; answered by ZYGOTE_PONG */
};

enum spawn_flags {
    SPAWN_AHEAD = 1, /* nobody waits for this worker yet: it may take its time to get faster */
};

struct zygote_command {
    uint32_t type;
    uint32_t slot;         /* 0 .. slots - 1 */
    uint32_t flags;        /* enum spawn_flags; of ZYGOTE_SPAWN */
    uint64_t memory_bytes; /* of ZYGOTE_LIMIT: at most the service's */
    uint64_t
        run; /* chosen by the server, never used twice; tells a slot's worker from the one before */
};

/* ---- zygote -> server ---- */

enum zygote_event_type {
    /* After ZYGOTE_KILL: every process of the run has been sent its SIGKILL, and will not come back
     * to its own code; ZYGOTE_ENDED follows when the kernel has cleared it away. Not sent where the
     * processes cannot be listed. */
    ZYGOTE_KILLED = 3,
    ZYGOTE_PONG = 5,
    ZYGOTE_LIMITED = 4, /* the limit holds (error 0), or could not be set */
    ZYGOTE_UP = 1, /* the sandbox is prepared, commands are taken from now on; sent once, first */
    ZYGOTE_ENDED =
        2, /* nothing of this run exists any more, its slot is free; once for each ZYGOTE_SPAWN */
};

enum zygote_event_flags {
    ENDED_OUT_OF_MEMORY =
        1, /* the kernel (or the watchdog) killed something of this run for its memory */
    ENDED_NOT_STARTED = 2,  /* the worker could not even be forked: see stage and error */
    ENDED_STATUS_KNOWN = 4, /* wait_status is that of the worker's main process */
    ENDED_PROCESSES = 8,    /* the watchdog ended it for its number of processes and threads */
    ENDED_SCRATCH = 16,     /* ... for what it had in files */
};

struct zygote_event {
    uint32_t type;
    uint32_t slot;
    uint64_t run;
    uint32_t flags;
    int32_t wait_status;        /* as from waitpid(2); valid with ENDED_STATUS_KNOWN */
    int32_t stage;              /* enum sandbox_stage; valid with ENDED_NOT_STARTED */
    int32_t error;              /* errno, positive */
    uint64_t peak_memory_bytes; /* 0 where it cannot be known */
    uint64_t cpu_us; /* processor time of the run, user and system; 0 where it cannot be known */
    uint64_t scratch_limit_bytes; /* valid with ENDED_SCRATCH */
    struct zygote_report report;  /* of ZYGOTE_UP */
};

/* ---- the channel ---- */

enum frame_type {
    /* server -> worker */
    FRAME_SCRIPT = 1, /* Python source, UTF-8, no NUL */
    FRAME_ARGS = 3,   /* JSON text: arguments of main(), an object or array */
    FRAME_STDIN = 4,  /* what the script reads from descriptor 0 */
    FRAME_FILE = 5,   /* for the working directory: name (see file_name.h), NUL, what is in it */
    FRAME_RETURN = 6, /* patterns of the files that are to come back, joined by NUL */
    FRAME_RUN = 2,    /* empty; all inputs are there: go. The deadline counts from here */
    FRAME_IDLE = 7,   /* empty; nobody is in a hurry: make the libraries' pages your own */
    /* worker -> server */
    FRAME_READY = 16,        /* empty; isolated and waiting for a script */
    FRAME_SETUP_FAILED = 17, /* struct setup_failure; never after FRAME_READY */
    FRAME_TRACE = 20,        /* struct stage_trace; with --trace only, once, before FRAME_READY */
    FRAME_FIGURE = 21,       /* a PNG */
    FRAME_RETURNED = 22,     /* a file that was asked for: as in FRAME_FILE */
    FRAME_NOTE = 23,         /* text for the end of `stderr`: what of these was left out */
    FRAME_RESULT = 18,       /* JSON text: what main() returned */
    FRAME_ERROR =
        19, /* three UTF-8 texts joined by NUL: outcome word, message, traceback (may be empty) */
};

/* Most that a worker may send; their bytes have the limit of the output, each kind by itself. */
#define FIGURES_MOST 20u
#define RETURNED_MOST 100u
#define NOTE_BYTES ((size_t)16 << 10)

struct frame_header {
    uint32_t type;
    uint32_t size; /* of the payload, bytes; without this header */
};

/* Where a sandbox could not be set up. Reported to clients by name only (stage_name). */
enum sandbox_stage {
    STAGE_NONE = 0,
    STAGE_SPAWN,      /* forking the worker or its init */
    STAGE_SESSION,    /* process group or session, standard descriptors */
    STAGE_LIMITS,     /* rlimits */
    STAGE_CGROUP,     /* joining the slot's cgroup */
    STAGE_NAMESPACES, /* setns, unshare */
    STAGE_MOUNTS,     /* scratch space, /proc */
    STAGE_IDENTITY,   /* bounding set, groups, gid, uid, capabilities, dumpable */
    STAGE_DESCRIPTORS,
    STAGE_LANDLOCK,
    STAGE_SECCOMP,
    STAGE_INTERPRETER, /* exec of python3, or the harness before it was ready */
    STAGE_COUNT
};

/* How long each stage of a worker's start took. */
struct stage_trace {
    uint32_t us[STAGE_COUNT]; /* 0: did not happen */
};

struct setup_failure {
    uint32_t stage; /* enum sandbox_stage */
    int32_t error;  /* errno, positive */
};

/* One word for a stage; "unknown" for a number out of range. Static storage. */
const char *stage_name(unsigned stage);

/* Descriptor number of the channel in a worker; 0, 1, 2 are stdin, stdout, stderr. */
#define WORKER_CHANNEL_FD 3

#endif
