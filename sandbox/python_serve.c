/* python_serve: see python_serve.h. Once the script has run, everything of the interpreter may be
 * changed: only what was taken before is called, and nothing of the script's is let go of, since
 * that would run its code. */
#define PY_SSIZE_T_CLEAN
#include "python_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol.h"
#include "python_answer.h"
#include "python_parts.h"

/* A request that is longer is the harness's. */
#define REQUEST_BYTES (64 * 1024)

PyObject *python_parts[PARTS_COUNT];

int python_serve_prepare(PyObject *given) {
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != PARTS_GIVEN) {
        PyErr_SetString(PyExc_SystemError, "the harness has other parts");
        return -1;
    }
    for (int i = 0; i < PARTS_GIVEN; i++)
        python_parts[i] = Py_NewRef(PyTuple_GET_ITEM(given, i));
    for (int i = 0; i < NSIG; i++)
        python_parts[PART_NUMBER + i] = PyLong_FromLong(i);
    python_parts[PART_SWITCH_INTERVAL] = PyFloat_FromDouble(0.005);
    python_parts[PART_EXEC] = PyUnicode_InternFromString("exec");
    python_parts[PART_FLUSH] = PyUnicode_InternFromString("flush");
    python_parts[PART_EMPTY] = PyUnicode_InternFromString("");
    python_parts[PART_COUNT] = PyUnicode_InternFromString("count");
    python_parts[PART_PYLAB_HELPERS] = PyUnicode_InternFromString("matplotlib._pylab_helpers");
    python_parts[PART_MANAGERS] = PyUnicode_InternFromString("Gcf");
    python_parts[PART_FIGS] = PyUnicode_InternFromString("figs");
    return PyErr_Occurred() ? -1 : 0;
}

bool python_serve_is_prepared(void) {
    return python_parts[PART_PATH];
}

const char *python_serve_rehearsal(void) {
    return PyUnicode_AsUTF8(python_parts[PART_REHEARSAL]);
}

/* ---- before the script ---- */

/* Where line `number` begins, from 1, as the compiler counts lines. */
static const char *find_line(const char *text, int number) {
    while (number > 1 && *text) {
        text += strcspn(text, "\r\n");
        text += text[0] == '\r' && text[1] == '\n';
        text += *text != 0;
        number--;
    }
    return text;
}

static bool starts_with(const char *text, const char *word) {
    return strncmp(text, word, strlen(word)) == 0;
}

/* As shows_main() in parse.py. */
static bool shows_main(PyObject *code, PyObject *text) {
    const char *bytes = PyUnicode_AsUTF8(text);
    PyObject *constants = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; bytes && i < PyTuple_GET_SIZE(constants); i++) {
        PyCodeObject *inner = (PyCodeObject *)PyTuple_GET_ITEM(constants, i);
        if (!PyCode_Check(inner) || !_PyUnicode_EqualToASCIIString(inner->co_name, "main"))
            continue;
        const char *line = find_line(bytes, inner->co_firstlineno);
        if (starts_with(line, "def main") || starts_with(line, "async def main"))
            return true;
    }
    PyErr_Clear();
    return false;
}

static PyObject *compile_script(PyObject *text) {
    PyObject *arguments[] = {text, python_parts[PART_PATH], python_parts[PART_EXEC],
                             python_parts[PART_NUMBER], Py_True};
    return PyObject_Vectorcall(python_parts[PART_COMPILE], arguments, 5, NULL);
}

/* The exception that is set, with its traceback; it is not set any more. */
static PyObject *take_exception(void) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    return value;
}

static bool write_file(const char *path, const char *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = file >= 0 && write(file, bytes, size) == (ssize_t)size;
    if (file >= 0)
        close(file);
    return written;
}

/* Whether that is a script and the word to run it, and nothing else. */
static bool is_plain(const char *bytes, size_t size, const char **ret_script, size_t *ret_size) {
    struct frame_header first, last;
    if (size < sizeof(first) + sizeof(last))
        return false;
    memcpy(&first, bytes, sizeof(first));
    if (first.type != FRAME_SCRIPT || first.size != size - sizeof(first) - sizeof(last))
        return false;
    memcpy(&last, bytes + sizeof(first) + first.size, sizeof(last));
    *ret_script = bytes + sizeof(first);
    *ret_size = first.size;
    return last.type == FRAME_RUN && last.size == 0 && !starts_with(*ret_script, "\xef\xbb\xbf");
}

/* Whether the server has said that there is time; it was taken then. */
static bool took_time(int channel, const char *bytes, ssize_t size, const struct hot_pages *idle) {
    struct frame_header first;
    if (size < (ssize_t)sizeof(first))
        return false;
    memcpy(&first, bytes, sizeof(first));
    if (first.type != FRAME_IDLE || first.size != 0 ||
        recv(channel, &first, sizeof(first), 0) != sizeof(first))
        return false;
    hot_pages_populate_until(idle, channel);
    return true;
}

/* The script's text, when it is in its file. NULL, and nothing is read: the harness does it. Leaves
 * when the server has gone. */
static PyObject *receive_script(int channel, const char *path, const struct hot_pages *idle) {
    static char bytes[REQUEST_BYTES + 1]; /* a NUL behind what is there */
    const char *script;
    size_t script_size;
    ssize_t size;
    do
        size = recv(channel, bytes, REQUEST_BYTES, MSG_PEEK);
    while ((size < 0 && errno == EINTR) || took_time(channel, bytes, size, idle));
    if (size == 0)
        _exit(0);
    if (size < 0 || !is_plain(bytes, (size_t)size, &script, &script_size) ||
        !write_file(path ? path : PyUnicode_AsUTF8(python_parts[PART_PATH]), script, script_size))
        return NULL;
    PyObject *text = PyUnicode_DecodeUTF8(script, (Py_ssize_t)script_size, "replace");
    if (!text)
        PyErr_Clear();
    else if (recv(channel, bytes, (size_t)size, 0) != size)
        _exit(1);
    return text;
}

static bool make_ready(int channel) {
    const struct frame_header ready = {.type = FRAME_READY};
    return fcntl(channel, F_SETFD, FD_CLOEXEC) == 0 &&
           write(channel, &ready, sizeof(ready)) == sizeof(ready);
}

/* ---- the whole ---- */

static bool sent(PyObject *answer) {
    return answer == Py_True;
}

bool python_serve(int channel, const char *script_path, const struct hot_pages *idle) {
    if (!make_ready(channel))
        return false;
    const pid_t pid = getpid();
    PyObject *text = receive_script(channel, script_path, idle);
    if (!text)
        return sent(PyObject_CallFunction(python_parts[PART_SERVE_SCRIPT], "i", channel));
    PyObject *code = compile_script(text);
    if (!code || !shows_main(code, text))
        return sent(PyObject_CallFunction(python_parts[PART_SERVE_SCRIPT], "iOO", channel, text,
                                          code ? code : take_exception()));
    PyObject *run[] = {code, python_parts[PART_MODULE], Py_None};
    PyObject *value = PyObject_Vectorcall(python_parts[PART_RUN_SCRIPT], run, 3, NULL);
    PyObject *failure = value ? NULL : take_exception();
    python_answer_settle();
    PyObject *result = value && getpid() == pid ? python_answer_text(value) : NULL;
    if (result)
        return python_answer_send(channel, result);
    PyErr_Clear();
    python_answer_settle();
    return sent(PyObject_CallFunction(python_parts[PART_SERVE_ANSWER], "iiOOO", channel, (int)pid,
                                      text, value ? value : Py_None, failure ? failure : Py_None));
}

void python_serve_rehearse(void) {
    PyObject *module = PyModule_New("script"), *text = python_parts[PART_REHEARSAL];
    PyObject *code = module ? compile_script(text) : NULL;
    if (code && shows_main(code, text)) {
        PyObject *run[] = {code, module, Py_None};
        PyObject *value = PyObject_Vectorcall(python_parts[PART_RUN_SCRIPT], run, 3, NULL);
        if (value)
            python_answer_rehearse(value);
        Py_XDECREF(value);
    }
    Py_XDECREF(code);
    Py_XDECREF(module);
    PyErr_Clear();
}
