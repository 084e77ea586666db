/*
 * python_warm: embeds CPython in the zygote. Python code that belongs to it: preload.py (once,
 * here) and the harness (in each fork).
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "python_warm.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "embedded.h"
#include "linger.h"
#include "mounts.h"
#include "protocol.h"
#include "python.h"
#include "python_allocators.h"
#include "python_arenas.h"
#include "python_fork.h"
#include "python_serve.h"
#include "sandbox.h"

/* After so many calls CPython has specialised what it runs, and writes no counters into it. */
#define REHEARSALS 12

static PyObject *serve_fork, *rehearse, *rehearse_serving; /* of the harness */
static PyObject *exercise_slowest;                         /* of preload */

/* What the interpreter finds as its standard descriptors is what a worker has: /dev/null and pipes.
 * It looks once, when it starts. Returns a copy of descriptor 2 to be put back. */
static int lend_descriptors(int saved[2]) {
    int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        if ((saved[i] = fcntl(1 + i, F_DUPFD_CLOEXEC, 10)) < 0 || dup2(ends[1], 1 + i) < 0)
            return -errno;
    int r = dup2(null, 0) < 0 ? -errno : 0;
    close(ends[0]);
    close(ends[1]);
    close(null);
    return r;
}

static void take_descriptors_back(int saved[2]) {
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], 1 + i);
        close(saved[i]);
    }
}

static int failed(PyStatus status, char *error, size_t size) {
    snprintf(error, size, "the interpreter does not start: %s",
             status.err_msg ? status.err_msg : "no reason given");
    return -ENOEXEC;
}

static int start_interpreter(const struct config *settings, char *error, size_t size) {
    PyPreConfig before;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1; /* isolated alone would give an ASCII stdout */
    before.configure_locale = 1;
    PyStatus status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status))
        return failed(status, error, size);
    python_arenas_begin();
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.install_signal_handlers = 1; /* also what makes SIGXFSZ an OSError */
    config.write_bytecode = 0;
    status = PyWideStringList_Append(&config.xoptions, L"utf8"); /* as cold workers are started */
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(&config, &config.program_name, settings->python);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return PyStatus_Exception(status) ? failed(status, error, size) : 0;
}

/* The pending exception as one line. */
static int say_exception(const char *what, char *error, size_t size) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *text = value ? PyObject_Repr(value) : NULL;
    snprintf(error, size, "%s: %.180s", what, text ? PyUnicode_AsUTF8(text) : "no reason given");
    PyErr_Clear();
    return -ENOEXEC;
}

/* A module from embedded text, not left in sys.modules. A new reference. */
static PyObject *make_module(const char *name, const char *source) {
    char file[64];
    snprintf(file, sizeof(file), "%s.py", name);
    PyObject *code = Py_CompileString(source, file, Py_file_input);
    PyObject *module = code ? PyImport_ExecCodeModule(name, code) : NULL;
    Py_XDECREF(code);
    if (module && PyDict_DelItemString(PyImport_GetModuleDict(), name) < 0)
        PyErr_Clear();
    return module;
}

/* The harness's last module, which has all that is called from here. A new reference. */
static PyObject *load_harness(void) {
    PyObject *load = make_module(embedded_harness[0].name, embedded_harness[0].source);
    PyObject *sources = PyDict_New(), *harness = NULL;
    for (const struct embedded_text *text = embedded_harness; sources && text->name; text++) {
        PyObject *source = PyUnicode_FromString(text->source);
        if (!source || PyDict_SetItemString(sources, text->name, source) < 0)
            Py_CLEAR(sources);
        Py_XDECREF(source);
    }
    if (load && sources)
        harness = PyObject_CallMethod(load, "load_sources", "O", sources);
    Py_XDECREF(sources);
    Py_XDECREF(load);
    return harness;
}

/* "numpy,pandas" -> ["numpy", "pandas"]; a new reference. */
static PyObject *list_of_names(const char *text) {
    PyObject *whole = PyUnicode_FromString(text), *comma = PyUnicode_FromString(",");
    PyObject *list = strcmp(text, "none") == 0 ? PyList_New(0) : PyUnicode_Split(whole, comma, -1);
    Py_XDECREF(whole);
    Py_XDECREF(comma);
    return list;
}

/* The environment of scripts as a dict; a new reference. */
static PyObject *environment_of(const struct sandbox *sandbox) {
    char *envp[PYTHON_ENVIRONMENT_MOST];
    python_environment(&sandbox->slots[0], envp);
    PyObject *dict = PyDict_New();
    for (char **entry = envp; dict && *entry; entry++) {
        char *equals = strchr(*entry, '=');
        PyObject *name = PyUnicode_FromStringAndSize(*entry, equals - *entry);
        PyObject *value = PyUnicode_FromString(equals + 1);
        if (!name || !value || PyDict_SetItem(dict, name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return dict;
}

static int load_libraries(struct sandbox *sandbox, char *error, size_t size) {
    PyObject *preload = make_module("preload", preload_source);
    PyObject *harness = load_harness();
    PyObject *names = list_of_names(sandbox->config->preload);
    PyObject *environment = environment_of(sandbox);
    serve_fork = harness ? PyObject_GetAttrString(harness, "serve_fork") : NULL;
    rehearse = harness ? PyObject_GetAttrString(harness, "rehearse") : NULL;
    rehearse_serving = harness ? PyObject_GetAttrString(harness, "rehearse_serving") : NULL;
    exercise_slowest = preload ? PyObject_GetAttrString(preload, "exercise_slowest") : NULL;
    if (!preload || !harness || !exercise_slowest || !serve_fork || !rehearse ||
        !rehearse_serving || !names || !environment)
        return say_exception("the interpreter's own code", error, size);
    /* Before matplotlib is imported, if it is. */
    PyObject *done = PyObject_CallMethod(harness, "watch_figures", NULL);
    if (!done)
        return say_exception("figures", error, size);
    Py_DECREF(done);
    done = PyObject_CallMethod(preload, "load_all", "OO", names, environment);
    if (!done)
        return say_exception("--preload", error, size);
    Py_DECREF(done);
    /* In this order: memory that is free goes back, rehearsals leave the rest as scripts will find
     * it, nothing of it is garbage. */
    malloc_trim(0);
    /* Without a private root each slot has a working directory of another name. */
    const char *work = sandbox->plan.private_root ? SANDBOX_SCRATCH "/work" : NULL;
    done = PyObject_CallMethod(harness, "prepare_forks", "z", work);
    if (!done || (done != Py_None && python_serve_prepare(done) < 0))
        return say_exception("a rehearsal", error, size);
    Py_DECREF(done);
    for (int i = 0; work && i < REHEARSALS; i++)
        python_serve_rehearse();
    if (python_fork_find(preload, &sandbox->fork_state) < 0)
        return say_exception("what each worker has of its own", error, size);
    if (!(done = PyObject_CallMethod(preload, "freeze", NULL)))
        return say_exception("a last collection", error, size);
    Py_DECREF(done);
    Py_DECREF(names);
    Py_DECREF(environment);
    Py_DECREF(preload);
    Py_DECREF(harness);
    return 0;
}

/* The environment that libraries read while they are imported: matplotlib's font list is made where
 * scripts will find it. */
static void set_environment(const struct sandbox *sandbox) {
    char *envp[PYTHON_ENVIRONMENT_MOST];
    python_environment(&sandbox->slots[0], envp);
    clearenv();
    for (char **entry = envp; *entry; entry++)
        putenv(*entry);
    setenv("MPLCONFIGDIR", sandbox->places.fonts, 1);
    setenv("XDG_CACHE_HOME", sandbox->places.fonts, 1);
}

int python_warm_load(struct sandbox *sandbox, char *error, size_t error_size) {
    int saved[2] = {-1, -1};
    if (lend_descriptors(saved) < 0) {
        snprintf(error, error_size, "no descriptors: %s", strerror(errno));
        return -errno;
    }
    set_environment(sandbox);
    /* /dev/shm leads there: joblib tries once, at import, whether there are semaphores. */
    if (sandbox->plan.private_root)
        mkdir(SANDBOX_SCRATCH "/shm", 0700);
    int r = start_interpreter(sandbox->config, error, error_size);
    if (r == 0)
        r = load_libraries(sandbox, error, error_size);
    if (sandbox->plan.private_root)
        rmdir(SANDBOX_SCRATCH "/shm");
    take_descriptors_back(saved);
    if (r == 0 && (r = fork_state_find(&sandbox->fork_state)) < 0)
        snprintf(error, error_size, "thread state: %s", strerror(-r));
    python_allocators_settle();
    return r;
}

static void forget_result(PyObject *done) {
    if (!done)
        PyErr_Clear();
    Py_XDECREF(done);
}

/* The script of a rehearsal, as the server sends it. */
static void send_rehearsal(int fd) {
    const char *script = python_serve_rehearsal();
    struct frame_header first = {.type = FRAME_SCRIPT, .size = (uint32_t)strlen(script)};
    struct frame_header last = {.type = FRAME_RUN};
    struct iovec pieces[] = {
        {&first, sizeof(first)}, {(char *)script, first.size}, {&last, sizeof(last)}};
    (void)!writev(fd, pieces, 3);
}

/* The harness makes its standard descriptors blocking: not the zygote's. And what a library says of
 * an exercise is nothing for the log. */
static bool leave_output(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return null >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0;
}

void python_warm_exercise(void *context) {
    (void)context;
    if (leave_output())
        forget_result(PyObject_CallNoArgs(exercise_slowest));
}

void python_warm_rehearse_serving(void *context) {
    (void)context;
    int ends[2];
    if (!leave_output() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    if (python_serve_is_prepared()) {
        send_rehearsal(ends[1]);
        python_serve(ends[0], "/dev/null", NULL);
    } else {
        forget_result(PyObject_CallFunction(rehearse_serving, "ii", ends[0], ends[1]));
    }
}

void python_warm_rehearse(const struct slot *slot) {
    const char *python = slot->sandbox->config->python, *slash = strrchr(python, '/');
    prctl(PR_SET_NAME, slash ? slash + 1 : python, 0, 0, 0);
    if (!slot->ahead)
        return;
    if (python_serve_is_prepared())
        python_serve_rehearse();
    else
        forget_result(PyObject_CallNoArgs(rehearse));
}

_Noreturn void python_warm_serve(const struct slot *slot) {
    if (python_serve_is_prepared()) {
        if (!python_serve(WORKER_CHANNEL_FD, NULL, &slot->sandbox->library_pages))
            _exit(1);
        linger_with_children();
        _exit(0);
    }
    forget_result(PyObject_CallFunction(serve_fork, "is", WORKER_CHANNEL_FD, slot->scratch));
    _exit(1);
}
