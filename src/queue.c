/* queue: two lists of tickets, and the moves from waiting to running. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

#include "config.h"
#include "run.h"

#define SECOND_US 1000000LL
#define RETRY_AFTER_MAX_S 60
#define RUNS_AVERAGED 8
#define REFUSAL_BYTES 256

struct ticket {
    struct queue *queue;
    bool running;
    int64_t submitted_us;
    queue_answer_fn *fn; /* NULL: cancelled */
    void *context;
    const struct run_tap *tap; /* NULL: none */
    struct request request;    /* while it waits */
    size_t held_bytes;         /* by the request, when it was submitted */
    struct run run;            /* while it runs */
    struct ticket *next, *previous;
};

struct ticket_list {
    struct ticket *first, *last;
    unsigned count;
    size_t held_bytes;
};

struct queue {
    struct loop *loop;
    struct pool *pool;
    const struct config *config;
    struct ticket_list waiting, running;
    struct loop_timer wait_timer; /* of the first that waits */
    bool draining;
    int64_t typical_run_us; /* moving average */
};

static void dispatch(struct queue *queue);

static void list_append(struct ticket_list *list, struct ticket *ticket) {
    ticket->next = NULL;
    ticket->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = ticket;
    list->last = ticket;
    list->held_bytes += ticket->held_bytes;
    list->count++;
}

static void list_unlink(struct ticket_list *list, struct ticket *ticket) {
    if (ticket->previous)
        ticket->previous->next = ticket->next;
    else
        list->first = ticket->next;
    if (ticket->next)
        ticket->next->previous = ticket->previous;
    else
        list->last = ticket->previous;
    list->held_bytes -= ticket->held_bytes;
    list->count--;
}

static void ticket_free(struct ticket *ticket) {
    if (ticket->running)
        run_done(&ticket->run);
    request_done(&ticket->request);
    free(ticket);
}

/* ---- refusing ---- */

/* As those before, but none is shorter than it has been already. */
static int64_t expected_run_us(const struct queue *queue) {
    int64_t sum_us = 0, now_us = loop_now_us();
    for (const struct ticket *ticket = queue->running.first; ticket; ticket = ticket->next) {
        int64_t so_far_us = ticket->run.started_us ? now_us - ticket->run.started_us : 0;
        sum_us += so_far_us > queue->typical_run_us ? so_far_us : queue->typical_run_us;
    }
    return queue->running.count > 0 ? sum_us / (int64_t)queue->running.count
                                    : queue->typical_run_us;
}

/* When a place is likely to be free: what is ahead, at the usual pace. Where this instance is about
 * to end, another one has a place at once. */
unsigned queue_retry_after_s(const struct queue *queue) {
    int64_t ahead = queue->draining ? 0 : (int64_t)queue->waiting.count + 1;
    int64_t wait_us = ahead * expected_run_us(queue) / (int64_t)queue->config->slots;
    int64_t wait_s = (wait_us + SECOND_US - 1) / SECOND_US;
    if (wait_s < 1)
        return 1;
    return wait_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (unsigned)wait_s;
}

static void refuse(const struct queue *queue, const char *text, int64_t waited_us,
                   queue_answer_fn *fn, void *context) {
    struct outcome outcome;
    outcome_init(&outcome, 0, REFUSAL_BYTES);
    outcome_set(&outcome, VERDICT_OVERLOADED, "%s", text);
    outcome.queue_us = waited_us;
    outcome.retry_after_s = queue_retry_after_s(queue);
    fn(context, &outcome);
    outcome_done(&outcome);
}

static void refuse_waiting(struct queue *queue, struct ticket *ticket, const char *text) {
    list_unlink(&queue->waiting, ticket);
    queue_answer_fn *fn = ticket->fn;
    void *context = ticket->context;
    int64_t waited_us = loop_now_us() - ticket->submitted_us;
    ticket_free(ticket);
    refuse(queue, text, waited_us, fn, context);
}

struct queue_state queue_state(const struct queue *queue) {
    struct queue_state state = {.running = queue->running.count,
                                .waiting = queue->waiting.count,
                                .slots = (unsigned)queue->config->slots,
                                .pool_ready = pool_ready_count(queue->pool),
                                .pool_counts = pool_counts(queue->pool),
                                .report = pool_report(queue->pool)};
    bool at_once = state.running < state.slots && state.waiting == 0;
    if (queue->draining)
        state.reason = "The service is shutting down";
    else if (!pool_is_up(queue->pool))
        state.reason = "The sandbox is being prepared";
    else if (!at_once && state.waiting >= queue->config->queue)
        state.reason = "All slots are busy and the queue is full";
    state.accepting = !state.reason;
    return state;
}

/* ---- waiting ---- */

/* For a slot, and then for a worker on it: whoever waits sees one wait. */
static int64_t wait_until_us(const struct ticket *ticket) {
    return ticket->submitted_us + (int64_t)ticket->queue->config->queue_wait_s * SECOND_US;
}

static void wait_expired(void *context);

static void watch_first(struct queue *queue) {
    struct ticket *first = queue->waiting.first;
    if (!first) {
        loop_timer_stop(queue->loop, &queue->wait_timer);
        return;
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first of a list has none before it */
    int64_t left_us = wait_until_us(first) - loop_now_us();
    loop_timer_start(queue->loop, &queue->wait_timer, left_us, wait_expired, queue);
}

static void wait_expired(void *context) {
    struct queue *queue = context;
    refuse_waiting(queue, queue->waiting.first, "Waited too long for a free slot");
    watch_first(queue);
}

/* ---- running ---- */

/* Those that were cancelled say nothing of how long a script takes. */
static void count_run(struct queue *queue, int64_t run_us) {
    if (queue->typical_run_us == 0)
        queue->typical_run_us = run_us;
    else
        queue->typical_run_us += (run_us - queue->typical_run_us) / RUNS_AVERAGED;
}

static void on_run_done(void *context, struct outcome *outcome) {
    struct ticket *ticket = context;
    struct queue *queue = ticket->queue;
    list_unlink(&queue->running, ticket);
    if (ticket->fn && outcome->run_us > 0)
        count_run(queue, outcome->run_us);
    int64_t started_us = ticket->run.started_us;
    outcome->queue_us = (started_us ? started_us : loop_now_us()) - ticket->submitted_us;
    if (outcome->verdict == VERDICT_OVERLOADED)
        outcome->retry_after_s = queue_retry_after_s(queue);
    if (ticket->fn)
        ticket->fn(ticket->context, outcome);
    ticket_free(ticket);
    dispatch(queue);
}

static void start_ticket(struct queue *queue, struct ticket *ticket) {
    list_append(&queue->running, ticket);
    ticket->running = true;
    run_start(&ticket->run, queue->loop, queue->pool, queue->config, &ticket->request,
              wait_until_us(ticket), on_run_done, ticket);
    run_set_tap(&ticket->run, ticket->tap);
}

static void dispatch(struct queue *queue) {
    if (!queue->waiting.first)
        return;
    while (queue->waiting.first && queue->running.count < queue->config->slots &&
           pool_is_up(queue->pool)) {
        struct ticket *ticket = queue->waiting.first;
        list_unlink(&queue->waiting, ticket);
        start_ticket(queue, ticket);
    }
    watch_first(queue);
}

static void on_pool_change(void *context) {
    dispatch(context);
}

/* ---- the interface ---- */

int queue_new(struct loop *loop, struct pool *pool, const struct config *config,
              struct queue **ret_queue) {
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    queue->loop = loop;
    queue->pool = pool;
    queue->config = config;
    pool_on_change(pool, on_pool_change, queue);
    *ret_queue = queue;
    return 0;
}

static void free_list(struct ticket_list *list) {
    while (list->first) {
        struct ticket *ticket = list->first;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first of a list has none before it */
        list_unlink(list, ticket);
        ticket_free(ticket);
    }
}

void queue_free(struct queue *queue) {
    if (!queue)
        return;
    pool_on_change(queue->pool, NULL, NULL);
    loop_timer_stop(queue->loop, &queue->wait_timer);
    free_list(&queue->waiting);
    free_list(&queue->running);
    free(queue);
}

int queue_submit(struct queue *queue, struct request *request, queue_answer_fn *fn, void *context,
                 struct ticket **ret_ticket) {
    struct queue_state state = queue_state(queue);
    bool must_wait = state.waiting > 0 || state.running >= state.slots || !pool_is_up(queue->pool);
    if (queue->draining || (must_wait && state.waiting >= queue->config->queue)) {
        request_done(request);
        *ret_ticket = NULL;
        refuse(queue, state.reason, 0, fn, context);
        return 0;
    }
    struct ticket *ticket = calloc(1, sizeof(*ticket));
    if (!ticket)
        return -ENOMEM;
    ticket->queue = queue;
    ticket->submitted_us = loop_now_us();
    ticket->fn = fn;
    ticket->context = context;
    ticket->request = *request;
    ticket->held_bytes = request_held_bytes(request);
    *request = (struct request){0};
    *ret_ticket = ticket;
    if (must_wait) {
        list_append(&queue->waiting, ticket);
        if (queue->waiting.count == 1)
            watch_first(queue);
    } else {
        start_ticket(queue, ticket);
    }
    return 0;
}

void queue_set_tap(struct ticket *ticket, const struct run_tap *tap) {
    ticket->tap = tap;
    if (ticket->running)
        run_set_tap(&ticket->run, tap);
}

void queue_resume_output(struct ticket *ticket) {
    if (ticket->running)
        run_resume_output(&ticket->run);
}

size_t queue_held_bytes(const struct queue *queue) {
    size_t size = queue->waiting.held_bytes;
    /* What runs gives its memory back with its first byte, or when that is wanted. */
    for (const struct ticket *ticket = queue->running.first; ticket; ticket = ticket->next)
        size += run_request_bytes(&ticket->run);
    return size;
}

void queue_reclaim(struct queue *queue) {
    for (struct ticket *ticket = queue->running.first; ticket; ticket = ticket->next)
        run_reclaim(&ticket->run);
}

void queue_cancel(struct ticket *ticket) {
    struct queue *queue = ticket->queue;
    ticket->fn = NULL;
    if (ticket->running) {
        run_set_tap(&ticket->run, NULL);
        /* Its place is free only when nothing of it lives any more. */
        run_stop(&ticket->run, VERDICT_KILLED, "The client is gone");
        return;
    }
    list_unlink(&queue->waiting, ticket);
    ticket_free(ticket);
    watch_first(queue);
}

void queue_drain(struct queue *queue) {
    queue->draining = true;
    while (queue->waiting.first)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first of a list has none before it */
        refuse_waiting(queue, queue->waiting.first, "The service is shutting down");
    watch_first(queue);
}

void queue_end(struct queue *queue) {
    queue_drain(queue);
    for (struct ticket *ticket = queue->running.first; ticket; ticket = ticket->next)
        run_stop(&ticket->run, VERDICT_OVERLOADED, "The service is shutting down");
}
