/* python_fork: see python_fork.h. What is found is written to in each fork without a call of
 * Python's, so it is made here: objects that nothing else refers to. */
#include "python_fork.h"

#include "fork_state.h"

#define SECRET_BYTES 32

static int find_twisters(PyObject *preload, struct fork_state *state) {
    unsigned long long words[2], index[2];
    PyObject *addresses = PyObject_CallMethod(preload, "random_states", NULL);
    if (!addresses ||
        !PyArg_ParseTuple(addresses, "KKKK", &words[0], &index[0], &words[1], &index[1]))
        return -1;
    for (int i = 0; i < 2; i++)
        state->twisters[i] = (struct twister){.words = (uint32_t *)(uintptr_t)words[i],
                                              .index = (int *)(uintptr_t)index[i]};
    Py_DECREF(addresses);
    return 0;
}

/* threading.main_thread().native_id: a number of one digit, as every thread id is one. */
static int find_native_id(struct fork_state *state) {
    _Static_assert(PyLong_SHIFT == 30 && sizeof(digit) == sizeof(uint32_t), "digits of int");
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *main = threading ? PyObject_CallMethod(threading, "main_thread", NULL) : NULL;
    PyObject *id = PyLong_FromLong((1L << PyLong_SHIFT) - 1);
    int r = main && id ? PyObject_SetAttrString(main, "_native_id", id) : -1;
    if (r == 0)
        state->native_id = ((PyLongObject *)id)->ob_digit;
    Py_XDECREF(id);
    Py_XDECREF(main);
    Py_XDECREF(threading);
    return r;
}

/* multiprocessing.current_process().authkey, nobody having asked for its hash. */
static int find_secret(PyObject *preload, struct fork_state *state) {
    PyObject *key = PyObject_CallMethod(preload, "renew_authkey", "i", SECRET_BYTES);
    if (!key)
        return -1;
    state->secret = (unsigned char *)PyBytes_AS_STRING(key);
    state->secret_size = SECRET_BYTES;
    Py_DECREF(key);
    return 0;
}

int python_fork_find(PyObject *preload, struct fork_state *state) {
    if (find_twisters(preload, state) < 0 || find_native_id(state) < 0)
        return -1;
    return find_secret(preload, state);
}
