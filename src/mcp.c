/*
 * mcp: the strict checker reads the message and marks out its members, and those of its parameters;
 * nothing is made into a tree. An id goes back as the text that it came as.
 */
#include "mcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_check.h"
#include "json_string.h"
#include "json_text.h"
#include "mcp_tool.h"
#include "version.h"

#define TEXT_BYTES ((size_t)16 << 10)
#define ID_BYTES 256u
#define NAME_BYTES 64u /* of names and versions that mean something */

enum { PARSE_ERROR = -32700, INVALID_REQUEST = -32600, NO_METHOD = -32601, BAD_PARAMS = -32602 };

/* A message holds the object of a request two levels down, and few values of its own. */
static const struct json_limits message_limits = {.depth = 66, .values = 101000};

/* The one before, 2025-03-26, wants batches. */
#define REVISION "2025-06-18"

bool mcp_knows_version(const char *version) {
    return !version || strcmp(version, REVISION) == 0;
}

/* ---- members ---- */

#define MEMBERS_MOST 6

struct members {
    const char *text;
    const char *names[MEMBERS_MOST + 1]; /* NULL after the last */
    struct json_span spans[MEMBERS_MOST];
    unsigned counts[MEMBERS_MOST];
};

/* What a string spells, if it is no longer than a name that means something; else "". */
static void spell(const char *text, const struct json_span *span, char name[NAME_BYTES]) {
    char bytes[NAME_BYTES * 6] = "";
    size_t size = 0;
    if (span->type == JSON_STRING && !span->has_nul && !span->has_lone_surrogate &&
        span->size - 2 < sizeof(bytes))
        size = json_string_decode(text + span->start + 1, span->size - 2, bytes);
    if (size >= NAME_BYTES)
        size = 0;
    memcpy(name, bytes, size);
    name[size] = '\0';
}

static void note_member(void *context, const struct json_span *key, const struct json_span *value) {
    struct members *members = context;
    char name[NAME_BYTES];
    if (!key)
        return;
    spell(members->text, key, name);
    for (unsigned i = 0; members->names[i]; i++)
        if (strcmp(name, members->names[i]) == 0) {
            members->spans[i] = *value;
            members->counts[i]++;
        }
}

static bool has_twice(const struct members *members) {
    for (unsigned i = 0; members->names[i]; i++)
        if (members->counts[i] > 1)
            return true;
    return false;
}

/* ---- answers ---- */

static int answer(struct mcp_call *call, int status) {
    call->action = MCP_ANSWER;
    call->status = status;
    buf_init(&call->text, TEXT_BYTES);
    return buf_printf(&call->text, "{\"jsonrpc\": \"2.0\", \"id\": %s, ",
                      call->id ? call->id : "null");
}

/* text may be anything. */
static int answer_error(struct mcp_call *call, int code, const char *text) {
    bool unread = code == PARSE_ERROR || code == INVALID_REQUEST;
    struct json_text encoder;
    char piece[256];
    size_t size;
    int r = answer(call, unread ? 400 : 200);
    if (r == 0)
        r = buf_printf(&call->text, "\"error\": {\"code\": %d, \"message\": \"", code);
    json_text_init(&encoder, text, strlen(text));
    while (r == 0 && (size = json_text_read(&encoder, piece, sizeof(piece))) > 0)
        r = buf_append(&call->text, piece, size);
    return r == 0 ? buf_append_text(&call->text, "\"}}") : r;
}

static int answer_result(struct mcp_call *call, const char *json) {
    int r = answer(call, 200);
    return r == 0 ? buf_printf(&call->text, "\"result\": %s}", json) : r;
}

/* ---- methods ---- */

enum { PARAM_VERSION, PARAM_NAME, PARAM_ARGUMENTS };
static const struct members no_params = {.names = {"protocolVersion", "name", "arguments"}};

/* Another revision than the client's is an offer, which it may take. */
static int initialize(struct mcp_call *call, const struct members *params,
                      const struct mcp_settings *settings) {
    (void)settings;
    if (params->counts[PARAM_VERSION] == 0 || params->spans[PARAM_VERSION].type != JSON_STRING)
        return answer_error(call, BAD_PARAMS, "params.protocolVersion must be a string");
    return answer_result(call,
                         "{\"protocolVersion\": \"" REVISION "\", \"capabilities\": {\"tools\": "
                         "{}}, \"serverInfo\": {\"name\": \"code-runner\", \"title\": "
                         "\"Sandboxed Code Runner\", \"version\": \"" VERSION "\"}}");
}

static int ping(struct mcp_call *call, const struct members *params,
                const struct mcp_settings *settings) {
    (void)params;
    (void)settings;
    return answer_result(call, "{}");
}

static int list_tools(struct mcp_call *call, const struct members *params,
                      const struct mcp_settings *settings) {
    (void)params;
    int r = answer(call, 200);
    if (r == 0)
        r = buf_append_text(&call->text, "\"result\": {\"tools\": [");
    if (r == 0)
        r = mcp_tool_write(&call->text, settings);
    return r == 0 ? buf_append_text(&call->text, "]}}") : r;
}

static int call_tool(struct mcp_call *call, const struct members *params,
                     const struct mcp_settings *settings) {
    char name[NAME_BYTES] = "";
    const char *arguments = "{}";
    size_t size = 2;
    struct request_error error;
    if (params->counts[PARAM_NAME] > 0)
        spell(params->text, &params->spans[PARAM_NAME], name);
    if (strcmp(name, MCP_TOOL_NAME) != 0)
        return answer_error(call, BAD_PARAMS,
                            "Unknown tool: there is only '" MCP_TOOL_NAME "' (params.name)");
    if (params->counts[PARAM_ARGUMENTS] > 0) {
        if (params->spans[PARAM_ARGUMENTS].type != JSON_OBJECT)
            return answer_error(call, BAD_PARAMS, "params.arguments must be an object");
        arguments = params->text + params->spans[PARAM_ARGUMENTS].start;
        size = params->spans[PARAM_ARGUMENTS].size;
    }
    int r = request_parse(arguments, size, &settings->limits, &call->request, &error);
    if (r == -EINVAL)
        return answer_error(call, BAD_PARAMS, error.text);
    call->action = MCP_RUN;
    return r;
}

static const struct method {
    const char *name;
    int (*answer)(struct mcp_call *call, const struct members *params,
                  const struct mcp_settings *settings);
} methods[] = {{"initialize", initialize},
               {"ping", ping},
               {"tools/list", list_tools},
               {"tools/call", call_tool}};
#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

/* ---- a message ---- */

enum { MESSAGE_VERSION, MESSAGE_ID, MESSAGE_METHOD, MESSAGE_PARAMS, MESSAGE_RESULT, MESSAGE_ERROR };

/* -EINVAL: it can be none. */
static int take_id(struct mcp_call *call, const struct members *message) {
    const struct json_span *span = &message->spans[MESSAGE_ID];
    if (message->counts[MESSAGE_ID] == 0)
        return 0;
    if ((span->type != JSON_STRING && span->type != JSON_NUMBER) || span->size > ID_BYTES)
        return -EINVAL;
    call->id = strndup(message->text + span->start, span->size);
    return call->id ? 0 : -ENOMEM;
}

static int do_method(struct mcp_call *call, const struct members *message,
                     const struct mcp_settings *settings) {
    struct members params = no_params;
    char name[NAME_BYTES];
    size_t i = 0;
    spell(message->text, &message->spans[MESSAGE_METHOD], name);
    while (i < METHOD_COUNT && strcmp(methods[i].name, name) != 0)
        i++;
    if (i == METHOD_COUNT) /* whatever its parameters are */
        return answer_error(call, NO_METHOD, "Method not found");
    if (message->counts[MESSAGE_PARAMS] > 0) {
        const struct json_span *span = &message->spans[MESSAGE_PARAMS];
        params.text = message->text + span->start;
        if (span->type != JSON_OBJECT)
            return answer_error(call, BAD_PARAMS, "params must be an object");
        json_check(params.text, span->size, &message_limits, note_member, &params);
    }
    if (has_twice(&params))
        return answer_error(call, BAD_PARAMS, "A member of params appears more than once");
    return methods[i].answer(call, &params, settings);
}

static int do_message(struct mcp_call *call, const struct members *message,
                      const struct mcp_settings *settings) {
    char version[NAME_BYTES] = "";
    if (has_twice(message))
        return answer_error(call, INVALID_REQUEST, "A member appears more than once");
    int r = take_id(call, message);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return answer_error(call, INVALID_REQUEST,
                            "id must be a number, or a string of at most 250 bytes");
    if (message->counts[MESSAGE_VERSION] > 0)
        spell(message->text, &message->spans[MESSAGE_VERSION], version);
    if (strcmp(version, "2.0") != 0)
        return answer_error(call, INVALID_REQUEST, "jsonrpc must be \"2.0\"");
    bool is_answer =
        call->id && message->counts[MESSAGE_RESULT] + message->counts[MESSAGE_ERROR] == 1;
    if (message->counts[MESSAGE_METHOD] == 0 && is_answer) {
        call->action = MCP_NOTED;
        return 0;
    }
    if (message->counts[MESSAGE_METHOD] == 0 || message->spans[MESSAGE_METHOD].type != JSON_STRING)
        return answer_error(call, INVALID_REQUEST, "method must be a string");
    if (!call->id) {
        call->action = MCP_NOTED;
        return 0;
    }
    return do_method(call, message, settings);
}

int mcp_parse(const char *body, size_t size, const struct mcp_settings *settings,
              struct mcp_call *ret_call) {
    struct mcp_call call = {.action = MCP_NOTED};
    struct members message = {.text = body,
                              .names = {"jsonrpc", "id", "method", "params", "result", "error"}};
    struct json_report report = json_check(body, size, &message_limits, note_member, &message);
    int r;
    if (report.fault != JSON_OK) {
        /* Too much of it is JSON all the same, as far as it was read. */
        bool is_json = report.fault == JSON_TOO_DEEP || report.fault == JSON_TOO_MANY;
        struct buf line;
        buf_init(&line, 256);
        r = buf_printf(&line, "Message %s (at byte %zu)", json_fault_text(report.fault),
                       report.offset);
        if (r == 0)
            r = answer_error(&call, is_json ? INVALID_REQUEST : PARSE_ERROR, line.data);
        buf_done(&line);
    } else if (report.value.type == JSON_ARRAY) {
        r = answer_error(&call, INVALID_REQUEST, "Batches are not taken: send one message");
    } else if (report.value.type != JSON_OBJECT) {
        r = answer_error(&call, INVALID_REQUEST, "A message is a JSON object");
    } else {
        r = do_message(&call, &message, settings);
    }
    if (r == 0)
        *ret_call = call;
    else
        mcp_call_done(&call);
    return r == 0 ? 0 : -ENOMEM;
}

void mcp_call_done(struct mcp_call *call) {
    buf_done(&call->text);
    request_done(&call->request);
    free(call->id);
    *call = (struct mcp_call){0};
}
