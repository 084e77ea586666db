/*
 * answer_body: the keys that an outcome becomes in an answer, as segments. Pure.
 */
#ifndef ANSWER_BODY_H
#define ANSWER_BODY_H

#include <stdbool.h>

#include "outcome.h"
#include "segments.h"

/* How many segments it takes at the most. */
unsigned answer_body_segments(const struct outcome *outcome);

/* The object of a run's answer. figures: with them, where there are some. */
void answer_body_add(struct segments *segments, const struct outcome *outcome, bool figures);

/* The object of an error without a run; word needs no escapes. */
void answer_body_add_error(struct segments *segments, const struct buf *message, const char *word);

/* The text of an error, cut to a few KB, as the inside of a JSON string. */
void answer_body_add_message(struct segments *segments, const struct buf *message);

/* Whether there is a stderr to show, and what it is, as the inside of a JSON string. */
bool answer_body_has_stderr(const struct outcome *outcome);
void answer_body_add_stderr(struct segments *segments, const struct outcome *outcome);

#endif
