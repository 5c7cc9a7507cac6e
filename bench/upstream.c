/* The stand-in upstream: answers Chat Completions and Anthropic Messages with the script that the model's name asks for.
 *
 *     upstream PORT
 *
 * One thread, epoll, HTTP/1.1 keep-alive, chunked. Streams without a pause take turns, one write each, so that every
 * write meets the network on its own. Paced streams keep a schedule set at their start: lateness is never added up.
 * GET /gaps tells the p50 and p99 of the pauses really kept between paced writes since it was last asked, in µs.
 */
#define _GNU_SOURCE
#include "shape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SCRIPTS = 64, EVENTS = 512, READ_BYTES = 1 << 18, GAP_SLOTS = 100000, GAP_SLOT_US = 10 };

struct answer {             /* a script as it leaves: response head and chunk framing in place */
    struct shape shape;
    enum dialect dialect;
    bool whole;
    struct bytes wire;
    size_t *ends;
    int writes;
};

struct peer {
    int fd;
    struct bytes in;
    size_t awaited;         /* bytes of the whole request once its head is known, else 0 */
    struct answer *answer;
    int write;              /* the write that is next or under way */
    size_t sent;
    int64_t due_ns, last_ns;
    bool blocked, gone;
    struct peer *before, *after;   /* the ring of streams that want to write now */
};

static struct answer answers[SCRIPTS];
static int answer_count;
static struct peer ring = {.before = &ring, .after = &ring};
static struct peer **heap;  /* paced streams, the earliest first */
static int heap_count, heap_room;
static uint32_t gap_slots[GAP_SLOTS];
static int epoll, timer;

static void ring_add(struct peer *peer) {
    peer->before = ring.before;
    peer->after = &ring;
    ring.before->after = peer;
    ring.before = peer;
}

static void ring_drop(struct peer *peer) {
    if (!peer->after) return;
    peer->before->after = peer->after;
    peer->after->before = peer->before;
    peer->before = peer->after = NULL;
}

static void heap_add(struct peer *peer) {
    if (heap_count == heap_room) heap = grow(heap, (heap_room = heap_room * 2 + 64) * sizeof *heap);
    int i = heap_count++;
    for (; i && heap[(i - 1) / 2]->due_ns > peer->due_ns; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = peer;
}

static struct peer *heap_take(void) {
    struct peer *first = heap[0], *last = heap[--heap_count];
    int i = 0;
    for (int child; (child = 2 * i + 1) < heap_count; i = child) {
        if (child + 1 < heap_count && heap[child + 1]->due_ns < heap[child]->due_ns) child++;
        if (heap[child]->due_ns >= last->due_ns) break;
        heap[i] = heap[child];
    }
    if (heap_count) heap[i] = last;
    return first;
}

static struct answer *prepare(const struct shape *shape, enum dialect dialect, bool whole) {
    for (struct answer *a = answers; a < answers + answer_count; a++)
        if (a->dialect == dialect && a->whole == whole && !strcmp(a->shape.model, shape->model)) return a;
    if (answer_count == SCRIPTS) return NULL;
    struct answer *answer = &answers[answer_count++];
    struct script script = (whole ? whole_script : stream_script)(shape, dialect);
    *answer = (struct answer){.shape = *shape, .dialect = dialect, .whole = whole, .writes = script.writes};
    answer->ends = grow(NULL, script.writes * sizeof(size_t));
    char head[256];
    put_text(&answer->wire, "HTTP/1.1 200 OK\r\n");
    if (whole) {
        snprintf(head, sizeof head, "content-type: application/json\r\ncontent-length: %zu\r\n\r\n", script.payload.len);
        put_text(&answer->wire, head);
        put(&answer->wire, script.payload.at, script.payload.len);
        answer->ends[0] = answer->wire.len;
        return answer;
    }
    put_text(&answer->wire, "content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
                            "transfer-encoding: chunked\r\n\r\n");
    for (int i = 0; i < script.writes; i++) {
        size_t from = i ? script.write_ends[i - 1] : 0, len = script.write_ends[i] - from;
        snprintf(head, sizeof head, "%zx\r\n", len);
        put_text(&answer->wire, head);
        put(&answer->wire, script.payload.at + from, len);
        put_text(&answer->wire, i + 1 == script.writes ? "\r\n0\r\n\r\n" : "\r\n");
        answer->ends[i] = answer->wire.len;
    }
    return answer;
}

static void leave(struct peer *peer) {
    if (peer->gone) return;
    peer->gone = true;
    close(peer->fd);
    ring_drop(peer);
    bool waits = peer->answer && peer->answer->shape.pace_ms;   /* then the heap still holds it, and frees it */
    free(peer->in.at);
    peer->in = (struct bytes){0};
    if (!waits) free(peer);
}

static void note_gap(struct peer *peer, int64_t now) {
    if (peer->write > 1) {
        int64_t slot = (now - peer->last_ns) / 1000 / GAP_SLOT_US;
        gap_slots[slot < GAP_SLOTS ? slot : GAP_SLOTS - 1]++;
    }
    peer->last_ns = now;
}

/* Sends the write under way; true once it is out. */
static bool send_write(struct peer *peer) {
    struct answer *answer = peer->answer;
    size_t end = answer->ends[peer->write];
    ssize_t sent = send(peer->fd, answer->wire.at + peer->sent, end - peer->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        leave(peer);
        return false;
    }
    if (sent > 0) peer->sent += sent;
    peer->blocked = peer->sent < end;
    if (!peer->blocked) return true;
    ring_drop(peer);
    epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &(struct epoll_event){EPOLLIN | EPOLLOUT, {.ptr = peer}});
    return false;
}

/* Called once a write is out: the next is queued, or the answer is over. */
static void move_on(struct peer *peer) {
    struct answer *answer = peer->answer;
    if (++peer->write == answer->writes) {
        ring_drop(peer);
        peer->answer = NULL;
        return;
    }
    if (answer->shape.pace_ms) {
        peer->due_ns += answer->shape.pace_ms * 1000000LL;
        heap_add(peer);
    } else if (!peer->after) {
        ring_add(peer);
    }
}

static void begin(struct peer *peer, struct answer *answer) {
    peer->answer = answer;
    peer->write = 0;
    peer->sent = 0;
    peer->due_ns = peer->last_ns = now_ns();
    if (send_write(peer)) move_on(peer);
}

static void say(struct peer *peer, const char *status, const char *body) {
    char out[512];
    int n = snprintf(out, sizeof out, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", status,
                     strlen(body), body);
    if (send(peer->fd, out, n, MSG_NOSIGNAL) != n) leave(peer);
}

static void say_gaps(struct peer *peer) {
    uint64_t total = 0, seen = 0, p50 = 0, p99 = 0;
    for (int i = 0; i < GAP_SLOTS; i++) total += gap_slots[i];
    for (uint64_t i = 0; i < GAP_SLOTS && total; i++) {
        if (seen * 2 < total) p50 = i * GAP_SLOT_US;
        if (seen * 100 < total * 99) p99 = i * GAP_SLOT_US;
        seen += gap_slots[i];
    }
    memset(gap_slots, 0, sizeof gap_slots);
    char out[128];
    snprintf(out, sizeof out, "{\"gaps\":%lu,\"p50\":%lu,\"p99\":%lu}", total, p50, p99);
    say(peer, "200 OK", out);
}

static bool asks_to_stream(const char *body, size_t len) {
    const char *at = memmem(body, len, "\"stream\":", 9);
    return at && (size_t)(at - body) + 14 <= len && (!memcmp(at + 9, "true", 4) || !memcmp(at + 9, " true", 5));
}

static void answer_request(struct peer *peer, const char *head, const char *body, size_t body_len) {
    if (!strncmp(head, "GET /gaps", 9)) return say_gaps(peer);
    bool chat = !strncmp(head, "POST /v1/chat/completions", 25);
    if (!chat && strncmp(head, "POST /v1/messages", 17)) return say(peer, "404 Not Found", "{\"error\":{\"message\":\"no such path\"}}");
    const char *model = memmem(body, body_len, "\"bench-", 7), *end;
    struct shape shape;
    if (!model || !(end = memchr(model + 1, '"', body + body_len - model - 1)) || !shape_of(model + 1, end - model - 1, &shape))
        return say(peer, "400 Bad Request", "{\"error\":{\"message\":\"no such model\"}}");
    struct answer *answer = prepare(&shape, chat ? CHAT : ANTHROPIC, !asks_to_stream(body, body_len));
    if (!answer) return say(peer, "503 Service Unavailable", "{\"error\":{\"message\":\"too many shapes\"}}");
    begin(peer, answer);
}

static size_t request_size(const struct bytes *in) {
    char *end = memmem(in->at, in->len, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = end + 4 - in->at;
    *end = 0;               /* the head as a string, for this one look */
    const char *length = strcasestr(in->at, "\r\ncontent-length:");
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
    *end = '\r';
    return head + body;
}

static void readable(struct peer *peer) {
    static char chunk[READ_BYTES];
    ssize_t got = recv(peer->fd, chunk, sizeof chunk, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return leave(peer);
    if (got < 0) return;
    put(&peer->in, chunk, got);
    if (!peer->awaited) peer->awaited = request_size(&peer->in);
    if (!peer->awaited || peer->in.len < peer->awaited || peer->answer) return;
    char *body = (char *)memmem(peer->in.at, peer->in.len, "\r\n\r\n", 4) + 4;
    size_t body_len = peer->in.at + peer->awaited - body;
    peer->in.len = 0;       /* nobody pipelines: what follows the request would be a fault of the gateway */
    peer->awaited = 0;
    answer_request(peer, peer->in.at, body, body_len);
}

static void writable(struct peer *peer) {
    epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &(struct epoll_event){EPOLLIN, {.ptr = peer}});
    if (peer->blocked && send_write(peer)) move_on(peer);
}

static void accept_all(int door) {
    for (int fd; (fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct peer *peer = calloc(1, sizeof *peer);
        if (!peer) fail("memory");
        peer->fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){EPOLLIN, {.ptr = peer}});
    }
}

static void write_what_is_due(void) {
    while (heap_count && heap[0]->due_ns <= now_ns()) {
        struct peer *peer = heap_take();
        if (peer->gone) {
            free(peer);
            continue;
        }
        note_gap(peer, now_ns());
        if (send_write(peer)) move_on(peer);
    }
    static bool armed;
    if (!heap_count && !armed) return;
    armed = heap_count;
    struct itimerspec when = {0};
    if (heap_count) when.it_value = (struct timespec){heap[0]->due_ns / 1000000000, heap[0]->due_ns % 1000000000};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* One write for each stream that is waiting to write; those that begin meanwhile wait for the next turn. */
static void one_turn(void) {
    struct peer *last = ring.before;
    for (struct peer *peer = ring.after, *next; peer != &ring; peer = next) {
        next = peer == last ? &ring : peer->after;
        if (send_write(peer)) move_on(peer);
    }
}

static int listen_on(int port) {
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(door, (struct sockaddr *)&here, sizeof here) || listen(door, 4096)) fail("listen");
    return door;
}

int main(int count, char **words) {
    if (count != 2) return fprintf(stderr, "usage: upstream PORT\n"), 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int door = listen_on(atoi(words[1]));
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(epoll, EPOLL_CTL_ADD, door, &(struct epoll_event){EPOLLIN, {.ptr = &door}});
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &(struct epoll_event){EPOLLIN, {.ptr = &timer}});
    for (struct epoll_event events[EVENTS];;) {
        int ready = epoll_wait(epoll, events, EVENTS, ring.after == &ring ? -1 : 0);
        for (int i = 0; i < ready; i++) {
            struct peer *peer = events[i].data.ptr;
            if ((void *)peer == &door) accept_all(door);
            else if ((void *)peer == &timer) continue;
            else if (events[i].events & EPOLLOUT) writable(peer);
            else readable(peer);
        }
        write_what_is_due();
        one_turn();
    }
}
