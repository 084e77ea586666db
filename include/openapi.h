/*
 * openapi: docs/openapi.json, which is served at /openapi.json.
 */
#ifndef OPENAPI_H
#define OPENAPI_H

extern const char openapi_json[]; /* NUL-terminated */

#endif
