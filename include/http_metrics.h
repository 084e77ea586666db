/* http_metrics: what GET /metrics says. Private to http*.c. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "buf.h"

struct http;

#define HTTP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all metrics to buf. 0 or -errno. Asks no other process. */
int http_metrics_text(const struct http *http, struct buf *buf);

#endif
