/*
 * python_arenas: CPython takes memory for small objects in arenas of 1 MiB. While libraries are
 * loaded these would lie between them; here they lie side by side, which is one mapping instead of
 * dozens, and leaves the libraries side by side as well (dormant.h).
 */
#ifndef PYTHON_ARENAS_H
#define PYTHON_ARENAS_H

/* Before the interpreter is initialised; its arenas, also those of forks, are from here. */
void python_arenas_begin(void);

#endif
