/*
 * yield: a zygote that loads while another one serves takes seconds of a processor, which the
 * scripts then lack. So it is less important (nice) until it is ready, where it may become as
 * important as before again: that needs CAP_SYS_NICE, which a root in a container has not got by
 * default. setpriority(2), capabilities(7).
 */
#ifndef YIELD_H
#define YIELD_H

/* Does nothing where it could not be taken back. Forks once, and waits for that. */
void yield_begin(void);

/* Nothing if nothing was done. 0 or -errno. */
int yield_end(void);

#endif
