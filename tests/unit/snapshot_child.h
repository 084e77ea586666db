/*
 * snapshot_child: tests of which a snapshot is taken. Their body runs in a child, since a snapshot
 * replaces all memory of its process; what is to outlive that lies in the record, which is no part
 * of a snapshot. Include cmocka.h before.
 */
#ifndef SNAPSHOT_CHILD_H
#define SNAPSHOT_CHILD_H

#include <fcntl.h>
#include <stdalign.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "checked_child.h"

#define PAGE ((unsigned long)getpagesize())
#define RECORD_BYTES (256UL << 20)

/* In shared memory, so that the parent sees it too. */
struct record {
    const char *failed; /* the condition, a literal of this program */
    int line;
    alignas(max_align_t) unsigned char bytes[]; /* the test's own, up to RECORD_BYTES in all */
};

static struct record *record;
static int proc_self; /* in the child: the directory, open */

/* How the child ended that had the body run. The record is the caller's to unmap. */
static int status_of_child(void (*body)(void)) {
    int status;
    record = mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    pid_t pid = fork_child();
    if (pid == 0) {
        proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void in_child(void (*body)(void)) {
    int status = status_of_child(body);
    if (record->failed)
        fail_msg("line %d: %s", record->line, record->failed);
    assert_int_equal(status, 0);
    munmap(record, RECORD_BYTES);
}

#endif
