/*
 * linger: the end of a worker whose script has left child processes. When it is gone, its ends of
 * pipes and sockets are closed, and what waits for that in the children would be printed into an
 * answer or not, as it comes: joblib's tracker then warns of what its parent did not give back, a
 * multiprocessing child prints a traceback. So it stays until all are killed together
 * (pid_namespaces(7)), which the server asks for as soon as it has read the answer.
 */
#ifndef LINGER_H
#define LINGER_H

/* When the answer is sent. Returns at once without children of its own (orphans are the init's),
 * else after two seconds: then nobody has read the answer. Blocks. */
void linger_with_children(void);

#endif
