/*
 * log_format: the two forms. In text: time, level, and words or name=value. In JSON: the names that
 * Cloud Logging reads (LogEntry, "Structured logging"), and ours beside them.
 */
#include "log_format.h"

#include <stdio.h>

#include "log_text.h"

/* Encoded bytes at most; with all that is fixed they are far below a line. */
#define MESSAGE_BYTES 2048
#define METHOD_BYTES 32
#define PATH_BYTES 512
#define SHORT_PATH_BYTES 128
#define AGENT_BYTES 256
#define WORD_BYTES 128

static const struct {
    const char *text, *severity;
} levels[] = {
    [LOG_INFO] = {"info", "INFO"},
    [LOG_WARNING] = {"warning", "WARNING"},
    [LOG_ERROR] = {"error", "ERROR"},
};

enum log_level log_request_level(int status) {
    return status == 503 ? LOG_WARNING : status >= 500 ? LOG_ERROR : LOG_INFO;
}

/* RFC 3339 in UTC with milliseconds; gmtime_r(3). */
static void add_time(struct log_text *text, const struct timespec *now) {
    struct tm parts = {0};
    char seconds[32], rest[8];
    gmtime_r(&now->tv_sec, &parts);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(rest, sizeof(rest), ".%03uZ", (unsigned)(now->tv_nsec / 1000000) % 1000);
    log_text_add(text, seconds);
    log_text_add(text, rest);
}

/* The line's beginning; the last byte is kept for its newline. */
static struct log_text begin(char *line, enum log_format format, const struct timespec *now,
                             enum log_level level) {
    struct log_text text = {.bytes = line, .size = LOG_LINE_BYTES - 1};
    if (format == LOG_FORMAT_TEXT) {
        add_time(&text, now);
        log_text_add(&text, " ");
        log_text_add(&text, levels[level].text);
        log_text_add(&text, " ");
    } else {
        log_text_add(&text, "{\"severity\":\"");
        log_text_add(&text, levels[level].severity);
        log_text_add(&text, "\",\"time\":\"");
        add_time(&text, now);
        log_text_add(&text, "\",\"message\":\"");
    }
    return text;
}

static size_t end(struct log_text *text) {
    text->bytes[text->used++] = '\n';
    return text->used;
}

/* opening is all that stands before the value; a quote is what ends one. */
static void add_word(struct log_text *text, const char *opening, const char *value, size_t most) {
    if (!value)
        return;
    log_text_add(text, opening);
    log_text_add_escaped(text, value, most);
    log_text_add(text, "\"");
}

static void add_number(struct log_text *text, const char *opening, uint64_t number,
                       const char *closing) {
    log_text_add(text, opening);
    log_text_add_number(text, number);
    log_text_add(text, closing);
}

/* Microseconds, shown as milliseconds. */
static void add_ms(struct log_text *text, const char *opening, int64_t us) {
    if (us < 0)
        return;
    log_text_add(text, opening);
    log_text_add_thousandths(text, (uint64_t)us);
}

size_t log_format_message(char ret_line[LOG_LINE_BYTES], enum log_format format,
                          const struct timespec *now, enum log_level level, const char *message) {
    struct log_text text = begin(ret_line, format, now, level);
    log_text_add_escaped(&text, message, MESSAGE_BYTES);
    if (format == LOG_FORMAT_JSON)
        log_text_add(&text, "\"}");
    return end(&text);
}

static int known_status(const struct log_request *request) {
    return request->known_status ? request->known_status : request->status;
}

/* ---- a request in text ---- */

static size_t request_text(struct log_text *text, const struct log_request *request) {
    add_word(text, "request method=\"", request->method, METHOD_BYTES);
    add_word(text, " path=\"", request->path, PATH_BYTES);
    add_number(text, " status=", (uint64_t)request->status, "");
    add_word(text, " outcome=\"", request->outcome, WORD_BYTES);
    add_ms(text, " total_ms=", request->total_us);
    add_ms(text, " queue_ms=", request->queue_us);
    add_ms(text, " run_ms=", request->run_us);
    if (request->peak_memory_bytes > 0)
        add_number(text, " peak_memory_bytes=", request->peak_memory_bytes, "");
    add_number(text, " request_bytes=", request->request_bytes, "");
    add_number(text, " response_bytes=", request->response_bytes, "");
    add_word(text, " client=\"", request->client, WORD_BYTES);
    add_word(text, " request_id=\"", request->id, WORD_BYTES);
    add_word(text, " trace=\"", request->trace, WORD_BYTES);
    add_word(text, " agent=\"", request->agent, AGENT_BYTES);
    return end(text);
}

/* ---- a request in JSON ---- */

/* Sizes are text there, since they are 64-bit numbers in a JSON of doubles: LogEntry,
 * HttpRequest. */
static void add_http_request(struct log_text *text, const struct log_request *request) {
    add_word(text, ",\"httpRequest\":{\"requestMethod\":\"", request->method, METHOD_BYTES);
    add_word(text, ",\"requestUrl\":\"", request->path, PATH_BYTES);
    add_number(text, ",\"status\":", (uint64_t)request->status, "");
    add_number(text, ",\"requestSize\":\"", request->request_bytes, "\"");
    add_number(text, ",\"responseSize\":\"", request->response_bytes, "\"");
    uint64_t total_us = request->total_us > 0 ? (uint64_t)request->total_us : 0;
    char seconds[40];
    snprintf(seconds, sizeof(seconds), "%llu.%06llus", (unsigned long long)(total_us / 1000000),
             (unsigned long long)(total_us % 1000000));
    add_word(text, ",\"latency\":\"", seconds, WORD_BYTES);
    add_word(text, ",\"remoteIp\":\"", request->client, WORD_BYTES);
    add_word(text, ",\"userAgent\":\"", request->agent, AGENT_BYTES);
    log_text_add(text, "}");
}

static void add_trace(struct log_text *text, const struct log_request *request) {
    if (!request->trace)
        return;
    log_text_add(text, ",\"logging.googleapis.com/trace\":\"");
    if (request->project) {
        log_text_add(text, "projects/");
        log_text_add_escaped(text, request->project, WORD_BYTES);
        log_text_add(text, "/traces/");
    }
    add_word(text, "", request->trace, WORD_BYTES);
    add_word(text, ",\"logging.googleapis.com/spanId\":\"", request->span, WORD_BYTES);
}

static size_t request_json(struct log_text *text, const struct log_request *request) {
    log_text_add_escaped(text, request->method, METHOD_BYTES);
    log_text_add(text, " ");
    log_text_add_escaped(text, request->path, SHORT_PATH_BYTES);
    add_number(text, " ", (uint64_t)request->status, "\"");
    add_http_request(text, request);
    add_trace(text, request);
    add_word(text, ",\"request_id\":\"", request->id, WORD_BYTES);
    add_word(text, ",\"outcome\":\"", request->outcome, WORD_BYTES);
    add_ms(text, ",\"total_ms\":", request->total_us);
    add_ms(text, ",\"queue_ms\":", request->queue_us);
    add_ms(text, ",\"run_ms\":", request->run_us);
    if (request->peak_memory_bytes > 0)
        add_number(text, ",\"peak_memory_bytes\":", request->peak_memory_bytes, "");
    log_text_add(text, "}");
    return end(text);
}

size_t log_format_request(char ret_line[LOG_LINE_BYTES], enum log_format format,
                          const struct timespec *now, const struct log_request *request) {
    struct log_text text = begin(ret_line, format, now, log_request_level(known_status(request)));
    return format == LOG_FORMAT_JSON ? request_json(&text, request) : request_text(&text, request);
}
