/*
 * bench-client: sends one request again and again and prints what each took. One thread, no
 * allocation while it measures, so that it is not what is measured. Keeps its connections alive
 * where the server does; else connecting is part of the request. Instead of a request it can start
 * a command and wait for it. Every answer is compared with the expected one, byte by byte.
 *
 * A lane is a connection with at most one request on its way (or one command).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LANES_MAX = 64, ANSWER_MAX = 1 << 16, TIMING_MAX = 512 };

struct lane {
    double since_us;
    size_t size;
    int fd; /* -1: none */
    pid_t pid;
    bool busy;
    char answer[ANSWER_MAX + 1];
};

static struct lane lanes[LANES_MAX];
static char request[1 << 17], expected[ANSWER_MAX + 1];
static size_t request_size, expected_size;
static char **command; /* NULL: HTTP */
static int port;
static unsigned long done_count, wrong_count;

extern char **environ;

static void fail(const char *what) {
    fprintf(stderr, "bench-client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t read_file(const char *path, char *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path);
    size_t got = fread(bytes, 1, size, file);
    fclose(file);
    return got;
}

static void lane_connect(struct lane *lane) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    lane->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (lane->fd < 0 || connect(lane->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("connect");
    setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void lane_spawn(struct lane *lane) {
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0)
        fail("pipe2");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    errno = posix_spawnp(&lane->pid, command[0], &actions, NULL, command, environ);
    if (errno)
        fail(command[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    lane->fd = ends[0];
}

static void lane_start(struct lane *lane, double since_us) {
    lane->busy = true;
    lane->size = 0;
    lane->since_us = since_us;
    if (command) {
        lane_spawn(lane);
        return;
    }
    if (lane->fd < 0)
        lane_connect(lane);
    if (send(lane->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        fail("send");
}

/* The value of a header in the answer's head, NULL if there is none. */
static const char *find_header(const struct lane *lane, const char *name) {
    const char *found = strcasestr(lane->answer, name), *end = strstr(lane->answer, "\r\n\r\n");
    return found && found < end ? found + strlen(name) : NULL;
}

static void lane_finish(struct lane *lane, const char *body, size_t body_size) {
    double took_us = now_us() - lane->since_us;
    int status = 0;
    bool ok = body_size == expected_size && memcmp(body, expected, body_size) == 0;
    const char *timing = command ? NULL : find_header(lane, "\r\nServer-Timing: ");
    int timing_size = timing ? (int)strcspn(timing, "\r") : 0;
    if (command) {
        waitpid(lane->pid, &status, 0);
        took_us = now_us() - lane->since_us;
        ok = ok && status == 0;
    } else {
        ok = ok && strncmp(lane->answer, "HTTP/1.1 200", 12) == 0;
    }
    if (!ok && wrong_count++ == 0)
        fprintf(stderr, "bench-client: not the expected answer: %s\n", lane->answer);
    printf("%.1f %.*s\n", took_us, timing_size < TIMING_MAX ? timing_size : TIMING_MAX,
           timing ? timing : "");
    if (command || find_header(lane, "\r\nConnection: close")) {
        close(lane->fd);
        lane->fd = -1;
    }
    lane->busy = false;
    done_count++;
}

static void lane_read(struct lane *lane) {
    ssize_t got = read(lane->fd, lane->answer + lane->size, ANSWER_MAX - lane->size);
    if (got < 0 || (got == 0 && (!command || lane->size == ANSWER_MAX)))
        fail("answer");
    lane->size += (size_t)got;
    lane->answer[lane->size] = 0;
    if (command) {
        if (got == 0)
            lane_finish(lane, lane->answer, lane->size);
        return;
    }
    char *end = strstr(lane->answer, "\r\n\r\n");
    const char *length = end ? find_header(lane, "\r\nContent-Length: ") : NULL;
    if (end && !length)
        fail("an answer without Content-Length");
    if (end && lane->size >= (size_t)(end + 4 - lane->answer) + strtoul(length, NULL, 10))
        lane_finish(lane, end + 4, lane->size - (size_t)(end + 4 - lane->answer));
}

/* Waits for an answer on any lane, at most until until_us (0: as long as it takes). */
static void wait_lanes(int lane_count, double until_us) {
    struct pollfd polled[LANES_MAX];
    double left_us = until_us > 0 ? until_us - now_us() : 0;
    left_us = left_us < 0 ? 0 : left_us;
    struct timespec left = {(time_t)(left_us / 1e6), (long)fmod(left_us * 1e3, 1e9)};
    for (int i = 0; i < lane_count; i++)
        polled[i] = (struct pollfd){.fd = lanes[i].busy ? lanes[i].fd : -1, .events = POLLIN};
    if (ppoll(polled, (nfds_t)lane_count, until_us > 0 ? &left : NULL, NULL) < 0)
        fail("ppoll");
    for (int i = 0; i < lane_count; i++)
        if (polled[i].revents)
            lane_read(&lanes[i]);
}

struct load {
    int lane_count;
    unsigned long least, most; /* requests: at least, even after the time; at most */
    double seconds, period_us; /* period 0: closed loop, the next request when one is answered */
    bool random;               /* gaps are exponential, not even */
};

static struct lane *find_idle(int lane_count) {
    for (int i = 0; i < lane_count; i++)
        if (!lanes[i].busy)
            return &lanes[i];
    return NULL;
}

static void run(const struct load *load) {
    double begin_us = now_us(), due_us = begin_us;
    unsigned long started = 0;
    for (;;) {
        double at_us = now_us();
        bool more = started < load->most &&
                    (started < load->least || at_us - begin_us < load->seconds * 1e6);
        struct lane *idle = find_idle(load->lane_count);
        if (!more && started == done_count)
            return;
        if (more && idle && (load->period_us == 0 || at_us >= due_us)) {
            /* One that had to wait for a lane has waited since it was due. One at a time is a
             * client that waits for its answer: it is never late. */
            bool late = load->period_us > 0 && load->lane_count > 1;
            if (load->lane_count == 1 && at_us > due_us + load->period_us)
                due_us = at_us;
            lane_start(idle, late ? due_us : at_us);
            started++;
            due_us += load->period_us * (load->random ? -log(1 - drand48()) : 1);
            continue;
        }
        wait_lanes(load->lane_count, more && idle ? due_us : 0);
    }
}

/* False if they make no sense. */
static bool parse_options(int argc, char **argv, struct load *load) {
    static const struct option options[] = {{"port", 1, NULL, 'p'},    {"request", 1, NULL, 'r'},
                                            {"expect", 1, NULL, 'e'},  {"lanes", 1, NULL, 'l'},
                                            {"least", 1, NULL, 'm'},   {"most", 1, NULL, 'n'},
                                            {"seconds", 1, NULL, 's'}, {"period", 1, NULL, 'u'},
                                            {"random", 0, NULL, 'x'},  {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            port = (int)strtol(optarg, NULL, 10);
            break;
        case 'r':
            request_size = read_file(optarg, request, sizeof(request));
            break;
        case 'e':
            expected_size = read_file(optarg, expected, ANSWER_MAX);
            break;
        case 'l':
            load->lane_count = (int)strtol(optarg, NULL, 10);
            break;
        case 'm':
            load->least = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            load->most = strtoul(optarg, NULL, 10);
            break;
        case 's':
            load->seconds = strtod(optarg, NULL);
            break;
        case 'u':
            load->period_us = strtod(optarg, NULL);
            break;
        case 'x':
            load->random = true;
            break;
        default:
            return false;
        }
    }
    command = optind < argc ? argv + optind : NULL;
    return load->lane_count >= 1 && load->lane_count <= LANES_MAX && (command || port > 0);
}

static double own_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Prints a line for each request, "MICROSECONDS SERVER-TIMING", and at the end
 * "end MICROSECONDS REQUESTS WRONG OWN-PROCESSOR-MICROSECONDS". */
int main(int argc, char **argv) {
    static char output[1 << 16];
    struct load load = {.lane_count = 1, .least = 1, .most = 1000000, .seconds = 1};
    if (!parse_options(argc, argv, &load)) {
        fprintf(stderr, "usage: bench-client --port=N --request=FILE --expect=FILE [--lanes=N] "
                        "[--least=N] [--most=N] [--seconds=S] [--period=MICROSECONDS] [--random]\n"
                        "       bench-client --expect=FILE [...] -- COMMAND...\n");
        return 2;
    }
    for (int i = 0; i < LANES_MAX; i++)
        lanes[i].fd = -1;
    setvbuf(stdout, output, _IOFBF, sizeof(output));
    prctl(PR_SET_TIMERSLACK, 1UL);
    double begin_us = now_us();
    run(&load);
    printf("end %.1f %lu %lu %.1f\n", now_us() - begin_us, done_count, wrong_count, own_us());
    return 0;
}
