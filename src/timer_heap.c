/*
 * timer_heap: a pairing heap. A node's children are a list by sibling; previous is the left
 * neighbour in that list, or the parent for its first child, or NULL for the root.
 */
#include "timer_heap.h"

#include <stddef.h>

static bool before(const struct loop_timer *a, const struct loop_timer *b) {
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->sequence < b->sequence;
}

/* Two roots become one; either may be NULL. */
static struct loop_timer *meld(struct loop_timer *a, struct loop_timer *b) {
    if (!a || !b)
        return a ? a : b;
    if (before(b, a)) {
        struct loop_timer *swap = a;
        a = b;
        b = swap;
    }
    b->previous = a;
    b->sibling = a->child;
    if (a->child)
        a->child->previous = b;
    a->child = b;
    return a;
}

static struct loop_timer *detach(struct loop_timer *timer) {
    timer->previous = timer->sibling = NULL;
    return timer;
}

/* Pairs from left to right, then one after another from right to left: without recursion, for a
 * list may be as long as there are timers. */
static struct loop_timer *meld_list(struct loop_timer *list) {
    struct loop_timer *pairs = NULL, *root = NULL;
    while (list) {
        struct loop_timer *a = list, *b = a->sibling;
        list = b ? b->sibling : NULL;
        detach(a);
        struct loop_timer *pair = b ? meld(a, detach(b)) : a;
        pair->sibling = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct loop_timer *pair = pairs;
        pairs = pair->sibling;
        root = meld(root, detach(pair));
    }
    return root;
}

void timer_heap_insert(struct loop_timer **root, struct loop_timer *timer) {
    timer->child = timer->sibling = timer->previous = NULL;
    *root = meld(*root, timer);
}

void timer_heap_remove(struct loop_timer **root, struct loop_timer *timer) {
    struct loop_timer *children = meld_list(timer->child);
    timer->child = NULL;
    if (timer == *root) {
        *root = children;
        return;
    }
    if (timer->previous->child == timer)
        timer->previous->child = timer->sibling;
    else
        timer->previous->sibling = timer->sibling;
    if (timer->sibling)
        timer->sibling->previous = timer->previous;
    detach(timer);
    *root = meld(*root, children);
}
