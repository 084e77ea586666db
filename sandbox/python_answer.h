/*
 * python_answer: how a plain script's answer is made and sent, as harness/answer.py does it.
 * Nothing of the script's is let go of, since that would run its code.
 */
#ifndef PYTHON_ANSWER_H
#define PYTHON_ANSWER_H

#include <stdbool.h>

#include <Python.h>

/* Takes back what a script can leave switched on, as settle() in system.py. */
void python_answer_settle(void);

/* What main() returned, as JSON: a new reference. NULL, perhaps with an exception: something about
 * it is not plain (no JSON, too long, a figure, a stream around the real one), and the harness has
 * to look. The script has run, and what it left switched on is taken back. */
PyObject *python_answer_text(PyObject *value);

/* Flushes what was printed and sends the text. True if it could. Blocks while nobody reads. */
bool python_answer_send(int channel, PyObject *text);

/* All of it that leaves nothing to be seen. */
void python_answer_rehearse(PyObject *value);

#endif
