/* run_send: the way of a script to its worker. Private to run*.c. */
#ifndef RUN_SEND_H
#define RUN_SEND_H

struct run;

/* Sends what is left of FRAME_SCRIPT and FRAME_RUN, without blocking. 0 when all is sent; -EAGAIN:
 * call again when the channel can be written; another -errno. */
int run_send_script(struct run *run);

#endif
