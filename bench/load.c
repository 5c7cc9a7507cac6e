/* The load generator: sends one prepared request again and again, checks every answer, tells what it measured.
 *
 *     load --port P --request FILE --model NAME --expect chat|anthropic|translated [--whole]
 *          --connections N (--seconds S [--warm S] [--rate R] | --count N [--ramp S]) [--drain S]
 *
 * One thread, epoll. Closed loop, or with --rate an open loop whose latencies count from the moment a request was due.
 * With --count each connection sends its share, the first ones spread over --ramp seconds.
 * Prints "measuring" and "measured" as the window opens and closes, then one line of JSON.
 * All times in the JSON are in microseconds unless they say otherwise.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 512, READ_BYTES = 1 << 18, HEAD_BYTES = 16384 };
enum state { CLOSED, IDLE, SENDING, HEAD, BODY };
enum framing { LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, OVER };

struct samples {
    uint32_t *at;
    size_t len, room;
};

struct client {
    int fd;
    enum state state;
    enum framing framing;
    uint64_t left;              /* of the body, or of the chunk */
    size_t sent;
    char head[HEAD_BYTES];      /* the response head, then the chunk's size line, while unfinished */
    size_t head_len;
    int64_t due_ns, first_delta_ns, last_delta_ns;
    int deltas, requests;
    bool counted;               /* began inside the window */
    bool asks_to_write;         /* waits for room, or for the connection */
    struct check check;
};

static struct {
    int port, connections, count;
    double seconds, warm, rate, ramp, drain;
    struct bytes request;
    struct expected want;
} plan = {.connections = 1, .drain = 5};

static struct {
    uint64_t requests, deltas, errors, mismatches, unfinished, behind, all_requests;
    char first_fault[256];
    struct samples first_delta, total, gap, late;
} seen;

static struct client *clients;
static int epoll, timer, busy, begun, started;
static int64_t opens_ns, closes_ns, begins_ns;
static bool measuring, stopping;

static void sample(struct samples *to, int64_t ns) {
    if (to->len == to->room) to->at = grow(to->at, (to->room = to->room * 2 + 4096) * sizeof *to->at);
    to->at[to->len++] = ns < 0 ? 0 : ns / 1000;
}

static void note_fault(uint64_t *kind, const char *what, const struct client *client) {
    ++*kind;
    if (!*seen.first_fault)
        snprintf(seen.first_fault, sizeof seen.first_fault, "%s (request %d of its connection, %d deltas seen)", what,
                 client->requests, client->check.deltas);
}

static void hang_up(struct client *client) {
    close(client->fd);
    client->state = CLOSED;
}

static void open_connection(struct client *client) {
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(plan.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) fail("socket");
    /* a refusal shows when the request is sent, which waits until the connection stands */
    connect(client->fd, (struct sockaddr *)&there, sizeof there);
    client->asks_to_write = false;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &(struct epoll_event){EPOLLIN, {.ptr = client}});
    client->state = IDLE;
}

static void finish(struct client *client, const char *error);

static void send_more(struct client *client) {
    ssize_t sent = send(client->fd, plan.request.at + client->sent, plan.request.len - client->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return finish(client, "connection lost while sending");
    client->sent += sent > 0 ? sent : 0;
    bool all = client->sent == plan.request.len;
    if (all) client->state = HEAD;
    if (client->asks_to_write == !all) return;
    client->asks_to_write = !all;
    epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &(struct epoll_event){all ? EPOLLIN : EPOLLIN | EPOLLOUT, {.ptr = client}});
}

static void begin_request(struct client *client, int64_t due_ns) {
    if (client->state == CLOSED) open_connection(client);
    client->state = SENDING;
    client->sent = client->head_len = 0;
    client->deltas = 0;
    client->due_ns = due_ns;
    client->counted = measuring;
    client->requests++;
    check_again(&client->check);
    busy++;
    begun++;
    send_more(client);
}

static bool more_wanted(void) { return !stopping && !plan.rate && (!plan.count || begun < plan.count); }

/* The request is over, well or with an error; the connection goes on if it can. */
static void finish(struct client *client, const char *error) {
    int64_t now = now_ns();
    const char *fault = error ? NULL : see_end(&client->check, &plan.want);
    busy--;
    if (error) note_fault(&seen.errors, error, client);
    if (fault) note_fault(&seen.mismatches, fault, client);
    if (!error && !fault) seen.all_requests++;
    if (!error && !fault && measuring) {
        seen.requests++;
        if (client->counted) sample(&seen.total, now - client->due_ns);
    }
    if (plan.want.shape.pace_ms && client->deltas > 1) {
        int64_t late = client->last_delta_ns - client->first_delta_ns - (client->deltas - 1) * plan.want.shape.pace_ms * 1000000LL;
        sample(&seen.late, late);
        if (late > 100000000) seen.behind++;
    }
    client->state = IDLE;
    if (error || fault) hang_up(client);
    /* a gateway that fails at once would be asked millions of times */
    if (more_wanted() && seen.errors + seen.mismatches < 1000) begin_request(client, now);
}

static void note_deltas(struct client *client, int64_t now) {
    int fresh = client->check.deltas - client->deltas;
    if (!fresh) return;
    if (!client->deltas) {
        client->first_delta_ns = now;
        if (client->counted) sample(&seen.first_delta, now - client->due_ns);
    } else if (plan.want.shape.pace_ms && measuring) {
        sample(&seen.gap, now - client->last_delta_ns);
    }
    client->last_delta_ns = now;
    client->deltas += fresh;
    if (measuring) seen.deltas += fresh;
}

/* Reads the head from these bytes; returns the bytes used, having set the state to BODY once it is complete. */
static size_t take_head(struct client *client, const char *at, size_t len) {
    size_t room = HEAD_BYTES - 1 - client->head_len, taken = len < room ? len : room, before = client->head_len;
    memcpy(client->head + before, at, taken);
    client->head_len += taken;
    client->head[client->head_len] = 0;
    char *end = strstr(client->head, "\r\n\r\n");
    if (!end) return taken;
    size_t used = end + 4 - client->head - before;
    end[2] = 0;
    const char *length = strcasestr(client->head, "\r\ncontent-length:");
    client->state = BODY;
    client->framing = length ? LENGTH : CHUNK_SIZE;
    client->left = length ? strtoull(length + 17, NULL, 10) : 0;
    if (strncmp(client->head, "HTTP/1.1 200", 12)) {
        char status[64];
        snprintf(status, sizeof status, "status%.*s", 4, client->head + 8);
        finish(client, status);
        return len;
    }
    if (!length && !strcasestr(client->head, "\r\ntransfer-encoding: chunked")) {
        finish(client, "answer neither chunked nor of known length");
        return len;
    }
    client->head_len = 0;
    return used;
}

/* One step through the body's framing; returns the bytes used. */
static size_t take_body(struct client *client, const char *at, size_t len) {
    if (client->framing == LENGTH || client->framing == CHUNK) {
        size_t used = len < client->left ? len : client->left;
        see_body(&client->check, &plan.want, at, used);
        client->left -= used;
        if (!client->left) client->framing = client->framing == LENGTH ? OVER : CHUNK_END;
        return used;
    }
    const char *line_end = memchr(at, '\n', len);
    size_t used = line_end ? (size_t)(line_end + 1 - at) : len;
    if (client->head_len + used >= HEAD_BYTES) return client->check.fault = "endless chunk line", used;
    memcpy(client->head + client->head_len, at, used);
    client->head_len += used;
    if (!line_end) return used;
    client->head[client->head_len] = 0;
    bool blank = client->head_len <= 2;
    client->head_len = 0;
    if (client->framing == CHUNK_END) client->framing = CHUNK_SIZE;
    else if (client->framing == TRAILER) client->framing = blank ? OVER : TRAILER;
    else client->framing = (client->left = strtoull(client->head, NULL, 16)) ? CHUNK : TRAILER;
    return used;
}

static void readable(struct client *client) {
    static char chunk[READ_BYTES];
    ssize_t got = recv(client->fd, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (client->state == IDLE) return hang_up(client);
    if (got <= 0) return finish(client, "connection closed before the answer ended");
    for (ssize_t at = 0; at < got;) {
        if (client->state != HEAD && client->state != BODY) return finish(client, "bytes outside an answer");
        at += (client->state == HEAD ? take_head : take_body)(client, chunk + at, got - at);
        if (client->state == BODY && client->framing == OVER) {
            note_deltas(client, now_ns());
            if (at < got) client->check.fault = "bytes behind the answer";
            return finish(client, NULL);
        }
        if (client->state != HEAD && client->state != BODY) return;
    }
    note_deltas(client, now_ns());
}

static void start_what_is_due(int64_t now) {
    if (stopping) return;
    if (plan.rate) {
        int64_t due;
        while ((due = begins_ns + (int64_t)(begun / plan.rate * 1e9)) <= now) {
            struct client *client = clients;
            while (client < clients + plan.connections && client->state > IDLE) client++;
            if (client == clients + plan.connections) return;   /* all are waiting: the request stays due */
            begin_request(client, due);
        }
        return;
    }
    while (started < plan.connections && more_wanted()) {
        int64_t due = begins_ns + (int64_t)(plan.ramp * 1e9 * started / plan.connections);
        if (due > now) return;
        begin_request(&clients[started++], now);
    }
}

/* Sleeps until something arrives, the next request is due, or a few milliseconds have passed. */
static int wait_for_events(struct epoll_event *events, int64_t now) {
    bool scheduled = !stopping && (plan.rate || (plan.ramp && started < plan.connections));
    if (!scheduled) return epoll_wait(epoll, events, EVENTS, 5);
    int64_t due = begins_ns + (int64_t)((plan.rate ? begun / plan.rate : plan.ramp * started / plan.connections) * 1e9);
    int64_t wake_ns = due <= now || due > now + 5000000 ? now + 1000000 : due;
    struct itimerspec when = {.it_value = {wake_ns / 1000000000, wake_ns % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    return epoll_wait(epoll, events, EVENTS, -1);
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void tell(const char *name, struct samples *of) {
    qsort(of->at, of->len, sizeof *of->at, by_size);
    printf(",\"%s\":{\"n\":%zu", name, of->len);
    if (of->len)
        printf(",\"p50\":%u,\"p99\":%u,\"most\":%u", of->at[of->len / 2], of->at[of->len * 99 / 100], of->at[of->len - 1]);
    printf("}");
}

static void mark(const char *word) {
    puts(word);
    fflush(stdout);
}

static void report(void) {
    double seconds = (closes_ns - opens_ns) / 1e9;
    printf("{\"seconds\":%.4f,\"requests\":%lu,\"deltas\":%lu,\"all_requests\":%lu,\"errors\":%lu,\"mismatches\":%lu,\"unfinished\":%lu,"
           "\"behind\":%lu,\"first_fault\":\"%s\"", seconds, seen.requests, seen.deltas, seen.all_requests, seen.errors,
           seen.mismatches, seen.unfinished, seen.behind, seen.first_fault);
    tell("first_delta", &seen.first_delta);
    tell("total", &seen.total);
    tell("gap", &seen.gap);
    tell("late", &seen.late);
    puts("}");
}

static void run(void) {
    begins_ns = now_ns();
    opens_ns = begins_ns + (int64_t)(plan.warm * 1e9);
    /* with --count the window ends when all is answered; three times the paced span and half a minute is "never" */
    double paced_s = plan.want.shape.pace_ms * plan.want.shape.deltas / 1e3 * plan.count / plan.connections;
    closes_ns = opens_ns + (int64_t)((plan.count ? plan.ramp + 3 * paced_s + 30 : plan.seconds) * 1e9);
    int64_t gives_up_ns = INT64_MAX;
    while (!stopping || busy) {
        int64_t now = now_ns();
        if (!measuring && !stopping && now >= opens_ns) {
            measuring = true;
            closes_ns += now - opens_ns;
            opens_ns = now;
            mark("measuring");
        }
        start_what_is_due(now);
        bool done = now >= closes_ns || (plan.count && begun >= plan.count && !busy);
        if (!stopping && (done || seen.errors + seen.mismatches >= 1000)) {
            measuring = false;
            stopping = true;
            closes_ns = now_ns();
            gives_up_ns = closes_ns + (int64_t)(plan.drain * 1e9);
            mark("measured");
        }
        if (now >= gives_up_ns) break;
        struct epoll_event events[EVENTS];
        int ready = wait_for_events(events, now);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if ((void *)client == &timer || client->state == CLOSED) continue;
            if (events[i].events & EPOLLIN || client->state != SENDING) readable(client);
            else send_more(client);
        }
    }
    seen.unfinished = busy;
}

static void read_options(int count, char **words) {
    static const struct option options[] = {
        {"port", 1, 0, 'p'}, {"request", 1, 0, 'f'}, {"model", 1, 0, 'm'}, {"expect", 1, 0, 'e'}, {"whole", 0, 0, 'w'},
        {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"warm", 1, 0, 'a'}, {"rate", 1, 0, 'r'}, {"count", 1, 0, 'n'},
        {"ramp", 1, 0, 'u'}, {"drain", 1, 0, 'd'}, {0}};
    const char *file = "", *model = "", *kind = "";
    bool whole = false;
    for (int letter; (letter = getopt_long(count, words, "", options, NULL)) != -1;) switch (letter) {
        case 'p': plan.port = atoi(optarg); break;
        case 'f': file = optarg; break;
        case 'm': model = optarg; break;
        case 'e': kind = optarg; break;
        case 'w': whole = true; break;
        case 'c': plan.connections = atoi(optarg); break;
        case 's': plan.seconds = atof(optarg); break;
        case 'a': plan.warm = atof(optarg); break;
        case 'r': plan.rate = atof(optarg); break;
        case 'n': plan.count = atoi(optarg); break;
        case 'u': plan.ramp = atof(optarg); break;
        case 'd': plan.drain = atof(optarg); break;
        default: exit(2);
    }
    struct shape shape;
    if (!shape_of(model, strlen(model), &shape)) fprintf(stderr, "load: no such model: %s\n", model), exit(2);
    plan.want = expect(&shape, strcmp(kind, "chat") ? ANTHROPIC : CHAT, !strcmp(kind, "translated"), whole);
    FILE *from = fopen(file, "rb");
    if (!from) fail(file);
    char chunk[65536];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, from));) put(&plan.request, chunk, got);
    fclose(from);
}

int main(int count, char **words) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    read_options(count, words);
    clients = calloc(plan.connections, sizeof *clients);
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &(struct epoll_event){EPOLLIN, {.ptr = &timer}});
    run();
    report();
    return 0;
}
