/*
 * run: the state machine of one run: claims a worker, gives it the script, pumps its channel and
 * pipes into capped buffers, keeps the deadline, has it ended, and says once how it went. The
 * answer comes only when nothing of the run lives any more. Knows nothing of HTTP or of the queue.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame_reader.h"
#include "input_stream.h"
#include "loop.h"
#include "outcome.h"
#include "pool.h"
#include "request.h"
#include "run_tap.h"
#include "run_verdict.h"

struct config;

/* outcome is the run's: take out of it what is wanted. The run may be freed inside this call, after
 * run_done. */
typedef void run_done_fn(void *context, struct outcome *outcome);

enum run_state { RUN_CLAIMING, RUN_LIMITING, RUN_RUNNING, RUN_ENDING, RUN_OVER };

/* Members are for run*.c, except that started_us may be read. */
struct run {
    struct loop *loop;
    struct pool *pool;
    struct run_limits limits;
    bool less_memory; /* than the service allows: the worker is told first */
    enum run_state state;
    bool settled;           /* the outcome's verdict stands */
    unsigned began_anew;    /* how many workers were gone before the script began */
    unsigned most_anew;     /* how often another one is taken then */
    int64_t anew_by_us;     /* until when, all together */
    bool start_failed;      /* one that it waited for was gone before it was ready */
    bool unread;            /* the channel's end has said that the script cannot have begun */
    int64_t started_us;     /* when it got its worker (loop_now_us); 0 before */
    struct request request; /* while another worker may have to be given it */
    struct input_stream input;
    struct pool_claim claim;
    struct loop_timer timer;
    struct frame_reader reader;
    size_t received_size; /* bytes of the channel, all frames */
    struct outcome outcome;
    const struct run_tap *tap; /* NULL: nobody listens */
    bool output_paused;
    run_done_fn *done_fn;
    void *done_context;
};

/* Takes what request owns. claim_by_us: the moment (loop_now_us) at which it must have a worker;
 * else it is over with VERDICT_OVERLOADED. Never calls done_fn before it returns. */
void run_start(struct run *run, struct loop *loop, struct pool *pool, const struct config *config,
               struct request *request, int64_t claim_by_us, run_done_fn *done_fn,
               void *done_context);

/* Ends the script; done_fn is called with this verdict, soon and not before this call has returned.
 * Too late if the script has ended by itself. */
void run_stop(struct run *run, enum verdict verdict, const char *text);

/* Tells tap (borrowed; NULL: nobody any more) what the script prints from now on; on_begun at once
 * if it has begun. Never before run_start. */
void run_set_tap(struct run *run, const struct run_tap *tap);

/* Output is wanted again after on_output said no. */
void run_resume_output(struct run *run);

/* Memory that its request holds, which is kept until the script says or prints the first byte. */
size_t run_request_bytes(const struct run *run);

/* Frees its request if its worker has read all of it: no other one will have to be given it. Does
 * not block. unix(7): SIOCOUTQ. */
void run_reclaim(struct run *run);

/* Frees what it holds; if it is not over, its worker is ended and done_fn not called. */
void run_done(struct run *run);

#endif
