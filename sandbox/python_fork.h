/* python_fork: where in the loaded interpreter lies what each fork of it must have of its own. */
#ifndef PYTHON_FORK_H
#define PYTHON_FORK_H

#include <Python.h>

struct fork_state;

/* preload: the module. Fills in what of *state is Python's. 0, or -1 with an exception. */
int python_fork_find(PyObject *preload, struct fork_state *state);

#endif
