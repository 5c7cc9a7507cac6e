/* What the stand-in sends and the load generator expects: one description, so the two cannot drift.
 *
 * A shape is read from the model's name, the one member that survives every gateway:
 *     bench-text-64x20-e1-p0[-anything]     64 deltas of 20 bytes, 1 event per write, no pause
 *     bench-tool-64x20-e1-p0                half text, then two tool calls of a quarter each
 *     bench-text-100x20-e1-p50              a delta every 50 ms
 * A script is the whole answer as bytes, cut into the writes that carry it.
 */
#ifndef BENCH_SHAPE_H
#define BENCH_SHAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum dialect { CHAT, ANTHROPIC };
enum { TOOL_CALLS = 2, MODEL_BYTES = 96, DELTA_BYTES_MOST = 256, DELTA_BYTES_LEAST = 16 };

struct shape {
    int deltas, delta_bytes, events_per_write, pace_ms;
    bool tools;
    char model[MODEL_BYTES];
};

struct bytes {
    char *at;
    size_t len, room;
};

struct script {
    struct bytes payload;   /* without chunked framing */
    size_t *write_ends;     /* payload offset behind each write */
    int writes;
    size_t *delta_ends;     /* payload offset behind each delta's event */
};

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline void fail(const char *what) {
    perror(what);
    exit(2);
}

static inline void *grow(void *at, size_t size) {
    void *grown = realloc(at, size);
    if (!grown) fail("memory");
    return grown;
}

static inline void put(struct bytes *to, const char *from, size_t len) {
    if (to->len + len > to->room) {
        to->room = (to->len + len) * 2;
        to->at = grow(to->at, to->room);
    }
    memcpy(to->at + to->len, from, len);
    to->len += len;
}

static inline void put_text(struct bytes *to, const char *text) { put(to, text, strlen(text)); }

/* The inside of a JSON string; text beyond ASCII stays raw UTF-8. */
static inline void put_escaped(struct bytes *to, const char *from, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (from[i] == '\n') put(to, "\\n", 2);
        else if (from[i] == '"' || from[i] == '\\') put(to, (char[]){'\\', from[i]}, 2);
        else put(to, from + i, 1);
    }
}

static inline bool shape_of(const char *name, size_t len, struct shape *shape) {
    char kind[5] = "";
    if (len >= MODEL_BYTES) return false;
    memcpy(shape->model, name, len);
    shape->model[len] = 0;
    int found = sscanf(shape->model, "bench-%4[a-z]-%dx%d-e%d-p%d", kind, &shape->deltas, &shape->delta_bytes,
                       &shape->events_per_write, &shape->pace_ms);
    shape->tools = !strcmp(kind, "tool");
    return found == 5 && (shape->tools || !strcmp(kind, "text")) && shape->deltas >= 4 && shape->events_per_write >= 1 &&
           shape->delta_bytes >= DELTA_BYTES_LEAST && shape->delta_bytes <= DELTA_BYTES_MOST;
}

/* Delta number i, exactly delta_bytes long: its number (so a lost, doubled or swapped one shows), then filler with
 * line ends, quotes, backslashes and a two-byte letter here and there. */
static inline void put_delta(struct bytes *to, const struct shape *shape, int i) {
    static const char filler[] = "the quick brown fox jumps over one lazy dog and then some more of the same ";
    char out[DELTA_BYTES_MOST + 16];
    int n = snprintf(out, sizeof out, "%d ", i);
    while (n < shape->delta_bytes) {
        out[n] = filler[(i * 7 + n) % (sizeof filler - 1)];
        n++;
    }
    if (i % 4 == 3) out[n - 1] = '\n';
    if (i % 8 == 5) out[n - 2] = '"';
    if (i % 16 == 6) out[n - 3] = '\\';
    if (i % 8 == 2) memcpy(out + n - 6, "\xd0\xb6", 2);
    put(to, out, shape->delta_bytes);
}

/* Which part (0 text, 1.. tool calls) delta i belongs to. */
static inline int part_of(const struct shape *shape, int i) {
    if (!shape->tools || i < shape->deltas / 2) return 0;
    return i < shape->deltas * 3 / 4 ? 1 : 2;
}

static inline int parts_of(const struct shape *shape) { return shape->tools ? 1 + TOOL_CALLS : 1; }

static inline const char *tool_name(int part) { return part == 1 ? "Write" : "Bash"; }

/* What delta i adds to its part: text, or a fragment of the arguments' JSON {"content":"…"}. */
static inline void put_fragment(struct bytes *to, const struct shape *shape, int i) {
    int part = part_of(shape, i);
    if (part == 0) {
        put_delta(to, shape, i);
        return;
    }
    struct bytes text = {0};
    put_delta(&text, shape, i);
    if (i == 0 || part_of(shape, i - 1) != part) put_text(to, "{\"content\":\"");
    put_escaped(to, text.at, text.len);
    if (i + 1 == shape->deltas || part_of(shape, i + 1) != part) put_text(to, "\"}");
    free(text.at);
}

/* A part's whole content: the text, or the arguments. */
static inline void put_part(struct bytes *to, const struct shape *shape, int part) {
    for (int i = 0; i < shape->deltas; i++)
        if (part_of(shape, i) == part) put_fragment(to, shape, i);
}

static inline void put_name(struct bytes *to, const char *format, const char *name) {
    char out[512];
    put(to, out, snprintf(out, sizeof out, format, name));
}

static inline void put_number(struct bytes *to, const char *format, int number) {
    char out[512];
    put(to, out, snprintf(out, sizeof out, format, number));
}

static inline void put_chat_head(struct bytes *to, const struct shape *shape) {
    put_name(to, "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1763600000,"
                   "\"model\":\"%s\",\"system_fingerprint\":\"fp_bench\",\"choices\":[", shape->model);
}

static inline void put_chat_opening(struct bytes *to, const struct shape *shape) {
    put_chat_head(to, shape);
    put_text(to, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
}

static inline void put_chat_delta(struct bytes *to, const struct shape *shape, int i) {
    struct bytes fragment = {0};
    int part = part_of(shape, i);
    put_fragment(&fragment, shape, i);
    put_chat_head(to, shape);
    if (part == 0) {
        put_text(to, "{\"index\":0,\"delta\":{\"content\":\"");
        put_escaped(to, fragment.at, fragment.len);
        put_text(to, "\"},\"finish_reason\":null}]}\n\n");
    } else {
        bool first = part_of(shape, i - 1) != part;
        put_number(to, "{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%d,", part - 1);
        if (first) put_number(to, "\"id\":\"call_bench_%d\",\"type\":\"function\",", part);
        put_text(to, "\"function\":{");
        if (first) put_name(to, "\"name\":\"%s\",", tool_name(part));
        put_text(to, "\"arguments\":\"");
        put_escaped(to, fragment.at, fragment.len);
        put_text(to, "\"}}]},\"finish_reason\":null}]}\n\n");
    }
    free(fragment.at);
}

static inline void put_chat_closing(struct bytes *to, const struct shape *shape) {
    put_chat_head(to, shape);
    put_name(to, "{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}\n\n", shape->tools ? "tool_calls" : "stop");
    put_chat_head(to, shape);
    put_number(to, "],\"usage\":{\"prompt_tokens\":321,\"completion_tokens\":%d,", shape->deltas);
    put_number(to, "\"total_tokens\":%d}}\n\n", 321 + shape->deltas);
    put_text(to, "data: [DONE]\n\n");
}

static inline void put_anthropic_opening(struct bytes *to, const struct shape *shape) {
    put_name(to, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench\",\"type\":\"message\","
                   "\"role\":\"assistant\",\"model\":\"%s\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                   "\"usage\":{\"input_tokens\":321,\"output_tokens\":1}}}\n\n", shape->model);
    put_text(to, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                 "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
}

static inline void put_anthropic_delta(struct bytes *to, const struct shape *shape, int i) {
    struct bytes text = {0};
    put_delta(&text, shape, i);
    put_text(to, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                 "\"delta\":{\"type\":\"text_delta\",\"text\":\"");
    put_escaped(to, text.at, text.len);
    put_text(to, "\"}}\n\n");
    free(text.at);
}

static inline void put_anthropic_closing(struct bytes *to, const struct shape *shape) {
    put_text(to, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
    put_number(to, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                   "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}\n\n", shape->deltas);
    put_text(to, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static inline void script_write_ends_here(struct script *script) {
    script->write_ends[script->writes++] = script->payload.len;
}

static inline struct script stream_script(const struct shape *shape, enum dialect dialect) {
    struct script script = {0};
    script.write_ends = grow(NULL, (shape->deltas + 2) * sizeof(size_t));
    script.delta_ends = grow(NULL, shape->deltas * sizeof(size_t));
    (dialect == CHAT ? put_chat_opening : put_anthropic_opening)(&script.payload, shape);
    script_write_ends_here(&script);
    for (int i = 0; i < shape->deltas; i++) {
        (dialect == CHAT ? put_chat_delta : put_anthropic_delta)(&script.payload, shape, i);
        script.delta_ends[i] = script.payload.len;
        if ((i + 1) % shape->events_per_write == 0 || i + 1 == shape->deltas) script_write_ends_here(&script);
    }
    (dialect == CHAT ? put_chat_closing : put_anthropic_closing)(&script.payload, shape);
    script_write_ends_here(&script);
    return script;
}

/* The same text as one whole (not streamed) reply, in one write. */
static inline struct script whole_script(const struct shape *shape, enum dialect dialect) {
    struct script script = {0};
    struct bytes text = {0}, *to = &script.payload;
    put_part(&text, shape, 0);
    script.write_ends = grow(NULL, sizeof(size_t));
    script.delta_ends = grow(NULL, sizeof(size_t));
    if (dialect == CHAT) {
        put_name(to, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1763600000,\"model\":\"%s\","
                       "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"", shape->model);
        put_escaped(to, text.at, text.len);
        put_number(to, "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":321,\"completion_tokens\":%d,",
                   shape->deltas);
        put_number(to, "\"total_tokens\":%d}}", 321 + shape->deltas);
    } else {
        put_name(to, "{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%s\","
                       "\"content\":[{\"type\":\"text\",\"text\":\"", shape->model);
        put_escaped(to, text.at, text.len);
        put_number(to, "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
                       "\"usage\":{\"input_tokens\":321,\"output_tokens\":%d}}", shape->deltas);
    }
    script_write_ends_here(&script);
    free(text.at);
    return script;
}

#endif
