/*
 * python_allocators: what a fork allocates shall lie on few pages. An interpreter that has loaded
 * much has free places everywhere, and each place that a fork takes is a page that it has to copy.
 */
#ifndef PYTHON_ALLOCATORS_H
#define PYTHON_ALLOCATORS_H

/* In the zygote, when nothing more is allocated in it: takes all small free places for good, so
 * that what comes after begins on fresh pages that lie together. */
void python_allocators_settle(void);

#endif
