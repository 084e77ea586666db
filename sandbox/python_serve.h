/*
 * python_serve: what harness/serve.py does, for what nearly every request is: a script without
 * inputs that compiles, whose main() returns a value that json can write, and that leaves no
 * figure. It does the same in the same order, without the hundred pages that the harness's own
 * objects lie on. Whatever is not plain goes on in the harness, from where it is.
 */
#ifndef PYTHON_SERVE_H
#define PYTHON_SERVE_H

#include <stdbool.h>

#include <Python.h>

#include "hot_pages.h"

/* parts: what rehearse.py has put together; taken. 0, or -1 with an exception. */
int python_serve_prepare(PyObject *parts);

/* Whether there was such a call. */
bool python_serve_is_prepared(void);

/* In a fork: one script, from FRAME_READY on the channel to the answer. True if that was sent. The
 * process must end then, one way or the other. script_path: where the script is written to; NULL:
 * where the harness wants it. idle: what to populate after FRAME_IDLE, until a script comes. */
bool python_serve(int channel, const char *script_path, const struct hot_pages *idle);

/* The same without a channel and a file, with a tiny script of which nothing can be seen
 * afterwards. */
void python_serve_rehearse(void);

/* The tiny script, UTF-8. */
const char *python_serve_rehearsal(void);

#endif
