/*
 * request_id: the name of one request in the answer and in the log: the client's, if it is harmless
 * to repeat, else one of ours.
 */
#ifndef REQUEST_ID_H
#define REQUEST_ID_H

#include <stdbool.h>

#define REQUEST_ID_BYTES 129 /* with its NUL */

/* 1 to 128 letters, digits, dots, underscores and dashes. Pure. */
bool request_id_is_valid(const char *id);

/* 128 random bits in hexadecimal; getrandom(2), asked for many at a time. Does not block. Not to be
 * used in a process and a fork of it. */
void request_id_make(char ret_id[REQUEST_ID_BYTES]);

#endif
