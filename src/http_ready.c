/* http_ready: writes the object; every text in it is ours. */
#include "http_ready.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol.h"

/* Appends; what does not fit is cut, which the size makes impossible. */
static void add(char *json, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *json, const char *format, ...) {
    size_t used = strlen(json);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(json + used, HTTP_READY_BYTES - used, format, arguments);
    va_end(arguments);
}

static void add_report(char *json, const struct zygote_report *report) {
    const char *comma = "";
    char name[LAYER_NAME_SIZE];
    add(json, ", \"layers\": [");
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        if (!(report->layers & (UINT32_C(1) << layer)))
            continue;
        layer_name(layer, name, sizeof(name));
        add(json, "%s\"%s\"", comma, name);
        comma = ", ";
    }
    add(json, "], \"landlock_abi\": %" PRIu32 ", \"cgroup_version\": %" PRIu32,
        report->landlock_abi, report->cgroup_version);
    add(json, ", \"snapshot\": %s, \"zygote_private_kb\": %" PRIu64,
        report->snapshot ? "true" : "false", report->private_bytes >> 10);
}

void http_ready_json(const struct queue_state *state, char ret_json[HTTP_READY_BYTES]) {
    ret_json[0] = 0;
    add(ret_json, "{\"status\": \"%s\"", state->accepting ? "ready" : "not ready");
    if (!state->accepting)
        add(ret_json, ", \"reason\": \"%s\"", state->reason);
    add(ret_json, ", \"slots\": %u, \"running\": %u, \"waiting\": %u", state->slots, state->running,
        state->waiting);
    if (state->report)
        add_report(ret_json, state->report);
    add(ret_json, "}");
}
