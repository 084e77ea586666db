/* watchdog: reads every process once, then follows parents in a table. Static memory, for one
 * thread; must not allocate. */
#include "watchdog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define PLACES (2 * WATCHDOG_PROCESSES)
#define PATH_BYTES 32          /* "PID/status" */
#define UNSEEN_KB (1ULL << 32) /* more than any limit */

enum { RUN_UNKNOWN = -1, RUN_NONE = -2 }; /* else an index of runs */

struct process {
    pid_t pid, parent;
    int run;
    unsigned tasks;
    uint64_t memory_kb;
    bool rss_only;
};

static struct process processes[WATCHDOG_PROCESSES];
static unsigned process_count;
static uint16_t places[PLACES]; /* hashed by pid: index in processes + 1; 0: free */

struct status {
    char state;
    pid_t parent;
    bool has_rss, has_rss_anon;
    uint64_t rss_kb, rss_anon_kb, swap_kb;
    unsigned threads;
};

struct listing {
    int fd;
    ssize_t used, size;
    _Alignas(struct dirent64) char bytes[4096];
};

static bool starts_with(const char *line, const char *prefix, uint64_t *ret_number) {
    size_t length = strlen(prefix);
    if (strncmp(line, prefix, length) != 0)
        return false;
    uint64_t number = 0;
    for (line += length; *line == ' ' || *line == '\t'; line++)
        ;
    for (; *line >= '0' && *line <= '9'; line++)
        number = number * 10 + (uint64_t)(*line - '0');
    *ret_number = number;
    return true;
}

/* The name comes first, a script chooses it, and not every kernel (gVisor) escapes a newline in it:
 * so lines that it forges stand before the true ones. The last State and PPid count, and PPid,
 * which stands before all about memory, puts away what was read until then. */
static void take_line(struct status *status, const char *line) {
    uint64_t number;
    if (starts_with(line, "State:", &number)) {
        status->state = line[strspn(line + 6, " \t") + 6];
    } else if (starts_with(line, "PPid:", &number)) {
        *status = (struct status){.state = status->state, .parent = (pid_t)number};
    } else if (starts_with(line, "VmRSS:", &number)) {
        status->rss_kb = number;
        status->has_rss = true;
    } else if (starts_with(line, "RssAnon:", &number)) {
        status->rss_anon_kb = number;
        status->has_rss_anon = true;
    } else if (starts_with(line, "VmSwap:", &number)) {
        status->swap_kb = number;
    } else if (starts_with(line, "Threads:", &number)) {
        status->threads = (unsigned)number;
    }
}

/* Takes the whole lines out of text and leaves the rest at its start; its size. *skip: within a
 * line that is longer than text (Groups can be). */
static size_t take_lines(struct status *status, char *text, size_t size, size_t most, bool *skip) {
    char *line = text, *end;
    while ((end = memchr(line, '\n', size)) != NULL) {
        *end = '\0';
        if (!*skip)
            take_line(status, line);
        *skip = false;
        size -= (size_t)(end + 1 - line);
        line = end + 1;
    }
    memmove(text, line, size);
    if (size < most)
        return size;
    *skip = true;
    return 0;
}

static int read_status(int dir, const char *path, struct status *ret_status) {
    char text[2048];
    size_t size = 0;
    ssize_t got;
    bool skip = false;
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct status status = {0};
    while ((got = read(fd, text + size, sizeof(text) - size)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            size = take_lines(&status, text, size + (size_t)got, sizeof(text), &skip);
    int error = errno;
    close(fd);
    if (got < 0)
        return -error;
    *ret_status = status;
    return 0;
}

static int listing_open(struct listing *listing, int dir, const char *path) {
    *listing = (struct listing){.fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return listing->fd < 0 ? -errno : 0;
}

/* The next entry that is a number; 0 at the end, or -errno. */
static pid_t listing_next(struct listing *listing) {
    for (;;) {
        if (listing->used == listing->size) {
            listing->used = 0;
            listing->size = getdents64(listing->fd, listing->bytes, sizeof(listing->bytes));
            if (listing->size <= 0) {
                int r = listing->size < 0 ? -errno : 0;
                listing->size = 0;
                return r;
            }
        }
        const struct dirent64 *entry = (const void *)(listing->bytes + listing->used);
        listing->used += entry->d_reclen;
        uint64_t number;
        if (entry->d_name[0] > '0' && entry->d_name[0] <= '9' &&
            starts_with(entry->d_name, "", &number) && number <= INT_MAX)
            return (pid_t)number;
    }
}

static const char *pid_path(char path[PATH_BYTES], pid_t pid, const char *name) {
    size_t start = PATH_BYTES - 1 - strlen(name);
    char *at = &path[start];
    memcpy(at, name, strlen(name) + 1);
    for (; pid > 0; pid /= 10)
        *--at = (char)('0' + pid % 10);
    return at;
}

static bool has_left_threads(const struct status *status) {
    return status->state == 'Z' && status->threads > 1;
}

/* A process whose first thread has left, while others go on, shows itself as a zombie without
 * memory: a living thread has the figures. 0, or -errno if there are no threads to look at. */
static int read_living_thread(int proc_fd, pid_t pid, struct status *status) {
    char path[PATH_BYTES];
    struct listing listing;
    struct status found = {0};
    int r = listing_open(&listing, proc_fd, pid_path(path, pid, "/task"));
    if (r < 0)
        return r;
    for (pid_t thread; (thread = listing_next(&listing)) > 0;) {
        if (read_status(listing.fd, pid_path(path, thread, "/status"), &found) < 0 ||
            !found.has_rss)
            continue;
        found.threads = status->threads - 1;
        *status = found;
        break;
    }
    close(listing.fd);
    return 0;
}

static int read_process(int proc_fd, struct process *process) {
    char path[PATH_BYTES];
    struct status status = {0};
    int r = read_status(proc_fd, pid_path(path, process->pid, "/status"), &status);
    if (r < 0)
        return r;
    /* Old gVisor shows no threads. If it has not just ended, nobody can say what it holds. */
    if (has_left_threads(&status) && read_living_thread(proc_fd, process->pid, &status) < 0 &&
        read_status(proc_fd, pid_path(path, process->pid, "/status"), &status) == 0 &&
        has_left_threads(&status))
        status = (struct status){
            .parent = status.parent, .threads = status.threads - 1, .rss_kb = UNSEEN_KB};
    process->parent = status.parent;
    process->tasks = 0;
    process->memory_kb = 0;
    if (status.state == 'Z' || status.state == 'X')
        return 0;
    process->tasks = status.threads;
    /* What has no room in memory is held all the same. */
    process->memory_kb =
        status.swap_kb + (status.has_rss_anon ? status.rss_anon_kb : status.rss_kb);
    process->rss_only = !status.has_rss_anon;
    return 0;
}

/* Where pid stands, or the free place where it belongs. */
static uint16_t *find_place(pid_t pid) {
    unsigned at = (unsigned)pid % PLACES;
    while (places[at] != 0 && processes[places[at] - 1].pid != pid)
        at = (at + 1) % PLACES;
    return &places[at];
}

static struct process *find_process(pid_t pid) {
    uint16_t place = *find_place(pid);
    return place == 0 ? NULL : &processes[place - 1];
}

static bool is_ours_to_fail(int error) {
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static int read_processes(int proc_fd) {
    struct listing listing;
    int r = listing_open(&listing, proc_fd, ".");
    if (r < 0)
        return r;
    process_count = 0;
    memset(places, 0, sizeof(places));
    for (pid_t pid; r == 0 && (pid = listing_next(&listing)) != 0;) {
        struct process process = {.pid = pid, .run = RUN_UNKNOWN};
        r = pid < 0 ? pid : read_process(proc_fd, &process);
        uint16_t *place = pid < 0 ? NULL : find_place(pid);
        if (r < 0) {
            /* What cannot be read has ended, or hides from us and is none of ours. */
            r = pid < 0 || is_ours_to_fail(r) ? r : 0;
        } else if (*place == 0 && process_count == WATCHDOG_PROCESSES) {
            r = -ENOSPC;
        } else if (*place == 0) {
            processes[process_count++] = process;
            *place = (uint16_t)process_count;
        }
    }
    close(listing.fd);
    return r;
}

/* A parent can end before its turn to be read: its children have another one by now. */
static void read_orphans(int proc_fd) {
    for (unsigned i = 0; i < process_count; i++) {
        struct process *process = &processes[i];
        if (process->parent > 0 && find_process(process->parent) == NULL &&
            read_process(proc_fd, process) < 0)
            process->parent = 0;
    }
}

/* Marks the process and all on its way up, so that nobody walks a way twice. */
static void find_run(struct process *process) {
    struct process *top = process;
    for (unsigned steps = 0; top->run == RUN_UNKNOWN && steps < process_count; steps++) {
        struct process *parent = find_process(top->parent);
        if (parent == NULL)
            break;
        top = parent;
    }
    int run = top->run == RUN_UNKNOWN ? RUN_NONE : top->run;
    for (; process != NULL && process->run == RUN_UNKNOWN; process = find_process(process->parent))
        process->run = run;
}

int watchdog_look(int proc_fd, struct watched *runs, unsigned count) {
    int r = read_processes(proc_fd);
    if (r < 0)
        return r;
    read_orphans(proc_fd);
    for (unsigned i = 0; i < count; i++) {
        runs[i].memory_bytes = 0;
        runs[i].tasks = 0;
        struct process *init = runs[i].init > 0 ? find_process(runs[i].init) : NULL;
        if (init != NULL)
            init->run = (int)i;
    }
    for (unsigned i = 0; i < process_count; i++) {
        find_run(&processes[i]);
        int run = processes[i].run;
        if (run < 0 || processes[i].pid == runs[run].init)
            continue;
        uint64_t bytes = processes[i].memory_kb * 1024;
        uint64_t image = processes[i].rss_only ? runs[run].image_bytes : 0;
        runs[run].memory_bytes += bytes > image ? bytes - image : 0;
        runs[run].tasks += processes[i].tasks;
    }
    return 0;
}
