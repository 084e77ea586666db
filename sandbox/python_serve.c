/* python_serve: see python_serve.h. Once the script has run, everything of the interpreter may be
 * changed: only what was taken before is called, and nothing of the script's is let go of, since
 * that would run its code. */
#define PY_SSIZE_T_CLEAN
#include "python_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "protocol.h"

/* A request that is longer is the harness's. */
#define REQUEST_BYTES (64 * 1024)

/* What rehearse.py hands over, in its order; then what is made here. */
enum part {
    PATH,
    MODULE,
    OUTPUT_BYTES,
    REHEARSAL,
    RUN_SCRIPT,
    SERVE_SCRIPT,
    SERVE_ANSWER,
    COMPILE,
    ENCODE_STRING,
    ENCODER,
    SET_RECURSION_LIMIT,
    RECURSION_LIMIT,
    SET_TRACE,
    SET_PROFILE,
    SET_SWITCH_INTERVAL,
    SET_TIMER,
    GET_HANDLER,
    SET_HANDLER,
    IGNORE,
    FIGURES,
    STREAM, /* stdout, its buffer, stderr, its buffer */
    STREAM_LAST = STREAM + 3,
    PARTS_GIVEN,
    NUMBER = PARTS_GIVEN, /* small ones: signals, timers */
    NUMBER_LAST = NUMBER + NSIG - 1,
    SWITCH_INTERVAL,
    EXEC,
    FLUSH,
    EMPTY,
    COUNT,
    PYLAB_HELPERS,
    MANAGERS,
    FIGS,
    PARTS
};

static PyObject *parts[PARTS];
static long long output_bytes;

int python_serve_prepare(PyObject *given) {
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != PARTS_GIVEN) {
        PyErr_SetString(PyExc_SystemError, "the harness has other parts");
        return -1;
    }
    for (int i = 0; i < PARTS_GIVEN; i++)
        parts[i] = Py_NewRef(PyTuple_GET_ITEM(given, i));
    for (int i = 0; i < NSIG; i++)
        parts[NUMBER + i] = PyLong_FromLong(i);
    parts[SWITCH_INTERVAL] = PyFloat_FromDouble(0.005);
    parts[EXEC] = PyUnicode_InternFromString("exec");
    parts[FLUSH] = PyUnicode_InternFromString("flush");
    parts[EMPTY] = PyUnicode_InternFromString("");
    parts[COUNT] = PyUnicode_InternFromString("count");
    parts[PYLAB_HELPERS] = PyUnicode_InternFromString("matplotlib._pylab_helpers");
    parts[MANAGERS] = PyUnicode_InternFromString("Gcf");
    parts[FIGS] = PyUnicode_InternFromString("figs");
    output_bytes = PyLong_AsLongLong(parts[OUTPUT_BYTES]);
    return PyErr_Occurred() ? -1 : 0;
}

bool python_serve_is_prepared(void) {
    return parts[PATH];
}

const char *python_serve_rehearsal(void) {
    return PyUnicode_AsUTF8(parts[REHEARSAL]);
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
    PyObject *arguments[] = {text, parts[PATH], parts[EXEC], parts[NUMBER], Py_True};
    return PyObject_Vectorcall(parts[COMPILE], arguments, 5, NULL);
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

/* The script's text, when it is in its file. NULL, and nothing is read: the harness does it. Leaves
 * when the server has gone. */
static PyObject *receive_script(int channel, const char *path) {
    static char bytes[REQUEST_BYTES + 1]; /* a NUL behind what is there */
    const char *script;
    size_t script_size;
    ssize_t size;
    do
        size = recv(channel, bytes, REQUEST_BYTES, MSG_PEEK);
    while (size < 0 && errno == EINTR);
    if (size == 0)
        _exit(0);
    if (size < 0 || !is_plain(bytes, (size_t)size, &script, &script_size) ||
        !write_file(path ? path : PyUnicode_AsUTF8(parts[PATH]), script, script_size))
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

/* ---- behind the script ---- */

static bool called(PyObject *result) {
    Py_XDECREF(result);
    return result;
}

static bool ignore_signal(int number) {
    PyObject *handler = PyObject_CallOneArg(parts[GET_HANDLER], parts[NUMBER + number]);
    if (!handler)
        return false;
    PyObject *arguments[] = {parts[NUMBER + number], parts[IGNORE]};
    bool is_called = PyCallable_Check(handler);
    Py_DECREF(handler);
    return !is_called || PyObject_Vectorcall(parts[SET_HANDLER], arguments, 2, NULL);
}

static bool stop_timers(void) {
    static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    for (unsigned i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        PyObject *arguments[] = {parts[NUMBER + timers[i]], parts[NUMBER]};
        if (!called(PyObject_Vectorcall(parts[SET_TIMER], arguments, 2, NULL)))
            return false;
    }
    return true;
}

/* As settle() in system.py; false if it could not, with an exception. */
static bool settle(void) {
    PyObject *hook = PySys_GetObject("__unraisablehook__");
    if (!called(PyObject_CallOneArg(parts[SET_RECURSION_LIMIT], parts[RECURSION_LIMIT])) ||
        !called(PyObject_CallOneArg(parts[SET_TRACE], Py_None)) ||
        !called(PyObject_CallOneArg(parts[SET_PROFILE], Py_None)) ||
        !called(PyObject_CallOneArg(parts[SET_SWITCH_INTERVAL], parts[SWITCH_INTERVAL])) || !hook ||
        PySys_SetObject("unraisablehook", hook) < 0 || !stop_timers())
        return false;
    for (int number = 1; number < NSIG; number++)
        if (!ignore_signal(number))
            return false;
    return true;
}

/* Nothing stands around the real streams that had to be flushed before. */
static bool is_stream(const char *name) {
    PyObject *stream = PySys_GetObject(name);
    for (int i = STREAM; i <= STREAM_LAST; i++)
        if (stream == parts[i])
            return true;
    return !stream || stream == Py_None;
}

/* Neither one that was shown nor one that is open; false if that cannot be told. */
static bool has_no_figures(void) {
    PyObject *shown = PyObject_GetAttr(parts[FIGURES], parts[COUNT]);
    bool none = shown == parts[NUMBER];
    PyObject *helpers = PyDict_GetItemWithError(PyImport_GetModuleDict(), parts[PYLAB_HELPERS]);
    if (helpers) {
        PyObject *managers = PyObject_GetAttr(helpers, parts[MANAGERS]);
        PyObject *open = managers ? PyObject_GetAttr(managers, parts[FIGS]) : NULL;
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
        return PyObject_CallOneArg(parts[ENCODE_STRING], value);
    PyObject *arguments[] = {value, parts[NUMBER]};
    PyObject *pieces = PyObject_Vectorcall(parts[ENCODER], arguments, 2, NULL);
    PyObject *text = pieces ? PyUnicode_Join(parts[EMPTY], pieces) : NULL;
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
    for (int i = STREAM; i <= STREAM_LAST; i++)
        if (!called(PyObject_CallMethodNoArgs(parts[i], parts[FLUSH])))
            PyErr_Clear();
    fflush(stdout);
}

static bool send_result(int channel, PyObject *text) {
    struct frame_header header = {.type = FRAME_RESULT,
                                  .size = (uint32_t)PyUnicode_GET_LENGTH(text)};
    struct iovec pieces[] = {{&header, sizeof(header)}, {PyUnicode_1BYTE_DATA(text), header.size}};
    set_blocking(channel);
    for (struct iovec *piece = pieces; piece < pieces + 2;) {
        ssize_t sent = writev(channel, piece, (int)(pieces + 2 - piece));
        if (sent < 0 && errno != EINTR)
            return false;
        for (size_t left = sent > 0 ? (size_t)sent : 0; piece < pieces + 2; piece++) {
            size_t part = left < piece->iov_len ? left : piece->iov_len;
            piece->iov_base = (char *)piece->iov_base + part;
            piece->iov_len -= part;
            left -= part;
            if (piece->iov_len > 0)
                break;
        }
    }
    return true;
}

/* The text of the answer, if all is plain. */
static PyObject *plain_result(PyObject *value) {
    if (!is_stream("stdout") || !is_stream("stderr"))
        return NULL;
    PyObject *text = result_text(value);
    bool plain = text && PyUnicode_IS_ASCII(text) && PyUnicode_GET_LENGTH(text) <= output_bytes &&
                 has_no_figures() && settle();
    return plain ? text : NULL;
}

/* ---- the whole ---- */

static bool sent(PyObject *answer) {
    return answer == Py_True;
}

/* A handler of the script's or its trace function can raise, once or twice. */
static void settle_surely(void) {
    for (int tries = 0; tries < 5 && !settle(); tries++)
        PyErr_Clear();
}

bool python_serve(int channel, const char *script_path) {
    if (!make_ready(channel))
        return false;
    const pid_t pid = getpid();
    PyObject *text = receive_script(channel, script_path);
    if (!text)
        return sent(PyObject_CallFunction(parts[SERVE_SCRIPT], "i", channel));
    PyObject *code = compile_script(text);
    if (!code || !shows_main(code, text))
        return sent(PyObject_CallFunction(parts[SERVE_SCRIPT], "iOO", channel, text,
                                          code ? code : take_exception()));
    PyObject *run[] = {code, parts[MODULE], Py_None};
    PyObject *value = PyObject_Vectorcall(parts[RUN_SCRIPT], run, 3, NULL);
    PyObject *failure = value ? NULL : take_exception();
    settle_surely();
    PyObject *result = value && getpid() == pid ? plain_result(value) : NULL;
    if (result) {
        flush_streams();
        return send_result(channel, result);
    }
    PyErr_Clear();
    settle_surely();
    return sent(PyObject_CallFunction(parts[SERVE_ANSWER], "iiOOO", channel, (int)pid, text,
                                      value ? value : Py_None, failure ? failure : Py_None));
}

void python_serve_rehearse(void) {
    (void)stop_timers(); /* no other step calls a function that is not bound yet: ld.so(8) */
    PyObject *module = PyModule_New("script"), *text = parts[REHEARSAL];
    PyObject *code = module ? compile_script(text) : NULL;
    if (code && shows_main(code, text)) {
        PyObject *run[] = {code, module, Py_None};
        PyObject *value = PyObject_Vectorcall(parts[RUN_SCRIPT], run, 3, NULL);
        PyObject *result = value ? result_text(value) : NULL;
        if (result)
            (void)has_no_figures();
        Py_XDECREF(result);
        Py_XDECREF(value);
    }
    Py_XDECREF(code);
    Py_XDECREF(module);
    PyErr_Clear();
}
