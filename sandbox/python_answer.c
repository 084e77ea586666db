/* python_answer: see python_answer.h. */
#define PY_SSIZE_T_CLEAN
#include "python_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "protocol.h"
#include "python_parts.h"

static bool called(PyObject *result) {
    Py_XDECREF(result);
    return result;
}

static bool ignore_signal(int number) {
    PyObject *handler =
        PyObject_CallOneArg(python_parts[PART_GET_HANDLER], python_parts[PART_NUMBER + number]);
    if (!handler)
        return false;
    PyObject *arguments[] = {python_parts[PART_NUMBER + number], python_parts[PART_IGNORE]};
    bool is_called = PyCallable_Check(handler);
    Py_DECREF(handler);
    return !is_called || PyObject_Vectorcall(python_parts[PART_SET_HANDLER], arguments, 2, NULL);
}

static bool stop_timers(void) {
    static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    for (unsigned i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        PyObject *arguments[] = {python_parts[PART_NUMBER + timers[i]], python_parts[PART_NUMBER]};
        if (!called(PyObject_Vectorcall(python_parts[PART_SET_TIMER], arguments, 2, NULL)))
            return false;
    }
    return true;
}

/* As settle() in system.py; false if it could not, with an exception. */
static bool settle(void) {
    PyObject *hook = PySys_GetObject("__unraisablehook__");
    if (!called(PyObject_CallOneArg(python_parts[PART_SET_RECURSION_LIMIT],
                                    python_parts[PART_RECURSION_LIMIT])) ||
        !called(PyObject_CallOneArg(python_parts[PART_SET_TRACE], Py_None)) ||
        !called(PyObject_CallOneArg(python_parts[PART_SET_PROFILE], Py_None)) ||
        !called(PyObject_CallOneArg(python_parts[PART_SET_SWITCH_INTERVAL],
                                    python_parts[PART_SWITCH_INTERVAL])) ||
        !hook || PySys_SetObject("unraisablehook", hook) < 0 || !stop_timers())
        return false;
    for (int number = 1; number < NSIG; number++)
        if (!ignore_signal(number))
            return false;
    return true;
}

/* Nothing stands around the real streams that had to be flushed before. */
static bool is_stream(const char *name) {
    PyObject *stream = PySys_GetObject(name);
    for (int i = PART_STREAM; i <= PART_STREAM_LAST; i++)
        if (stream == python_parts[i])
            return true;
    return !stream || stream == Py_None;
}

/* Neither one that was shown nor one that is open; false if that cannot be told. */
static bool has_no_figures(void) {
    PyObject *shown = PyObject_GetAttr(python_parts[PART_FIGURES], python_parts[PART_COUNT]);
    bool none = shown == python_parts[PART_NUMBER];
    PyObject *helpers =
        PyDict_GetItemWithError(PyImport_GetModuleDict(), python_parts[PART_PYLAB_HELPERS]);
    if (helpers) {
        PyObject *managers = PyObject_GetAttr(helpers, python_parts[PART_MANAGERS]);
        PyObject *open = managers ? PyObject_GetAttr(managers, python_parts[PART_FIGS]) : NULL;
        none = none && open && PyObject_Size(open) == 0;
        Py_XDECREF(open);
        Py_XDECREF(managers);
    }
    Py_XDECREF(shown);
    return none;
}

/* As result_text() in results.py; NULL with an exception. */
static PyObject *result_text(PyObject *value) {
    if (PyUnicode_Check(value))
        return PyObject_CallOneArg(python_parts[PART_ENCODE_STRING], value);
    PyObject *arguments[] = {value, python_parts[PART_NUMBER]};
    PyObject *pieces = PyObject_Vectorcall(python_parts[PART_ENCODER], arguments, 2, NULL);
    PyObject *text = pieces ? PyUnicode_Join(python_parts[PART_EMPTY], pieces) : NULL;
    Py_XDECREF(pieces);
    return text;
}

static void set_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void flush_streams(void) {
    set_blocking(1);
    set_blocking(2);
    for (int i = PART_STREAM; i <= PART_STREAM_LAST; i++)
        if (!called(PyObject_CallMethodNoArgs(python_parts[i], python_parts[PART_FLUSH])))
            PyErr_Clear();
    fflush(stdout);
}

static bool send_result(int channel, PyObject *text) {
    const size_t text_size = (size_t)PyUnicode_GET_LENGTH(text);
    const struct frame_header header = {.type = FRAME_RESULT, .size = (uint32_t)text_size};
    const char *head = (const char *)&header, *body = (const char *)PyUnicode_1BYTE_DATA(text);
    set_blocking(channel);
    for (size_t done = 0, size = sizeof(header) + text_size; done < size;) {
        const size_t of_head = done < sizeof(header) ? done : sizeof(header);
        const size_t of_body = done - of_head;
        const struct iovec pieces[] = {{(char *)head + of_head, sizeof(header) - of_head},
                                       {(char *)body + of_body, text_size - of_body}};
        ssize_t sent = writev(channel, pieces, 2);
        if (sent < 0 && errno != EINTR)
            return false;
        done += sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

PyObject *python_answer_text(PyObject *value) {
    if (!is_stream("stdout") || !is_stream("stderr"))
        return NULL;
    PyObject *text = result_text(value);
    bool plain = text && PyUnicode_IS_ASCII(text) &&
                 PyUnicode_GET_LENGTH(text) <= PyLong_AsSsize_t(python_parts[PART_OUTPUT_BYTES]) &&
                 has_no_figures() && settle();
    return plain ? text : NULL;
}

/* A handler of the script's or its trace function can raise, once or twice. */
void python_answer_settle(void) {
    for (int tries = 0; tries < 5 && !settle(); tries++)
        PyErr_Clear();
}

bool python_answer_send(int channel, PyObject *text) {
    flush_streams();
    return send_result(channel, text);
}

void python_answer_rehearse(PyObject *value) {
    Py_XDECREF(result_text(value));
    (void)has_no_figures();
    (void)stop_timers();
}
