/*
 * python_parts: what python_serve.c and python_answer.c have of the loaded interpreter: taken
 * before any script runs, never let go of. A script can change every name that leads to them, and
 * not these.
 */
#ifndef PYTHON_PARTS_H
#define PYTHON_PARTS_H

#include <signal.h>

#include <Python.h>

/* What rehearse.py hands over, in its order; then what is made here. */
enum python_part {
    PART_PATH,
    PART_MODULE,
    PART_OUTPUT_BYTES,
    PART_REHEARSAL,
    PART_RUN_SCRIPT,
    PART_SERVE_SCRIPT,
    PART_SERVE_ANSWER,
    PART_COMPILE,
    PART_ENCODE_STRING,
    PART_ENCODER,
    PART_SET_RECURSION_LIMIT,
    PART_RECURSION_LIMIT,
    PART_SET_TRACE,
    PART_SET_PROFILE,
    PART_SET_SWITCH_INTERVAL,
    PART_SET_TIMER,
    PART_GET_HANDLER,
    PART_SET_HANDLER,
    PART_IGNORE,
    PART_FIGURES,
    PART_STREAM, /* stdout, its buffer, stderr, its buffer */
    PART_STREAM_LAST = PART_STREAM + 3,
    PARTS_GIVEN,
    PART_NUMBER = PARTS_GIVEN, /* small ones: signals, timers */
    PART_NUMBER_LAST = PART_NUMBER + NSIG - 1,
    PART_SWITCH_INTERVAL,
    PART_EXEC,
    PART_FLUSH,
    PART_EMPTY,
    PART_COUNT,
    PART_PYLAB_HELPERS,
    PART_MANAGERS,
    PART_FIGS,
    PARTS_COUNT
};

extern PyObject *python_parts[PARTS_COUNT];

#endif
