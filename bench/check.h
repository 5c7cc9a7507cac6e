/* Checks an answer as it arrives, against what the stand-in is known to send.
 *
 * Untranslated answers must be equal byte for byte. Translated ones must be Anthropic's events in their order, each
 * well-formed, with every part's text or arguments equal to the byte, the right stop reason and the right usage.
 * The first fault is kept and nothing after it is looked at.
 */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "shape.h"

struct expected {
    struct shape shape;
    bool translated, whole;
    struct script script;       /* untranslated: the bytes */
    struct bytes parts[1 + TOOL_CALLS];
};

struct span {
    const char *at, *end;
};

struct check {
    const char *fault;          /* NULL while all is well */
    size_t position;            /* untranslated: in the payload; translated: in the open part */
    int deltas, next_part;
    bool started, open, closing, stopped;
    char prefix[256], suffix[32];   /* what surrounded the last delta's text; equal surroundings need no second look */
    size_t prefix_len, suffix_len;
    struct bytes held;          /* an unfinished event, or a whole reply */
};

static inline const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

/* Behind the string whose opening quote is here; NULL if it does not end. */
static inline const char *skip_string(const char *at, const char *end) {
    for (at++; at < end; at++) {
        if (*at == '"') return at + 1;
        if (*at == '\\') at++;
    }
    return NULL;
}

/* Behind the JSON value that begins here; NULL if it is broken. */
static inline const char *skip_json(const char *at, const char *end) {
    if ((at = skip_space(at, end)) == end) return NULL;
    if (*at == '"') return skip_string(at, end);
    if (*at != '{' && *at != '[') {
        const char *from = at;
        while (at < end && strchr("+-.0123456789Eaeflnrstu", *at)) at++;
        return at > from ? at : NULL;
    }
    bool object = *at == '{';
    char close = object ? '}' : ']';
    at = skip_space(at + 1, end);
    if (at < end && *at == close) return at + 1;
    for (;;) {
        if (object) {
            if (at == end || *at != '"' || !(at = skip_string(at, end))) return NULL;
            if ((at = skip_space(at, end)) == end || *at++ != ':') return NULL;
        }
        if (!(at = skip_json(at, end)) || (at = skip_space(at, end)) == end) return NULL;
        if (*at == close) return at + 1;
        if (*at != ',') return NULL;
        at = skip_space(at + 1, end);
    }
}

/* The value of an object's member; an empty span if there is none. The object must be well-formed. */
static inline struct span member(struct span object, const char *name) {
    const char *at = skip_space(object.at, object.end), *end = object.end;
    size_t len = strlen(name);
    if (!at || at == end || *at != '{') return (struct span){0};
    for (at = skip_space(at + 1, end); at < end && *at == '"'; at = skip_space(at + 1, end)) {
        const char *behind = skip_string(at, end);
        bool found = (size_t)(behind - at) == len + 2 && !memcmp(at + 1, name, len);
        at = skip_space(skip_space(behind, end) + 1, end);
        behind = skip_json(at, end);
        if (found) return (struct span){at, behind};
        if ((at = skip_space(behind, end)) == end || *at != ',') break;
    }
    return (struct span){0};
}

static inline bool says(struct span value, const char *text) {
    size_t len = strlen(text);
    return value.at && (size_t)(value.end - value.at) == len && !memcmp(value.at, text, len);
}

static inline int number(struct span value) { return value.at ? atoi(value.at) : -1; }

static inline unsigned hex4(const char *at) {
    char digits[5] = {at[0], at[1], at[2], at[3], 0};
    return strtoul(digits, NULL, 16);
}

/* One escape as UTF-8; returns the bytes read, 0 if it is broken. */
static inline int unescape(const char *at, const char *end, char *out, int *out_len) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (end - at < 2) return 0;
    const char *simple = at[1] ? strchr(from, at[1]) : NULL;
    if (simple) {
        *out = to[simple - from];
        return *out_len = 1, 2;
    }
    if (at[1] != 'u' || end - at < 6) return 0;
    unsigned code = hex4(at + 2);
    int read = 6;
    if (code >> 10 == 0x36 && end - at >= 12) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (hex4(at + 8) & 0x3ff);
        read = 12;
    }
    *out_len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = *out_len; i-- > 1; code >>= 6) out[i] = 0x80 | (code & 0x3f);
    out[0] = *out_len == 1 ? code : (0xf0 << (4 - *out_len)) | code;
    return read;
}

/* Compares the inside of a JSON string with the open part's next bytes, and moves on in it. */
static inline bool text_follows(struct check *check, const struct bytes *part, struct span inside) {
    size_t position = check->position;
    for (const char *at = inside.at; at < inside.end;) {
        char out[4] = {*at};
        int out_len = 1, read = *at == '\\' ? unescape(at, inside.end, out, &out_len) : 1;
        if (!read || position + out_len > part->len || memcmp(part->at + position, out, out_len)) return false;
        position += out_len;
        at += read;
    }
    if (position > check->position) check->deltas++;
    check->position = position;
    return true;
}

static inline struct span inside_string(struct span value) { return (struct span){value.at + 1, value.end - 1}; }

static inline const char *see_part_start(struct check *check, const struct expected *want, struct span data) {
    struct span block = member(data, "content_block"), name = member(block, "name");
    int part = check->next_part++;
    if (!check->started || check->open || check->closing) return "content_block_start out of order";
    if (number(member(data, "index")) != part || part >= parts_of(&want->shape)) return "content_block_start: wrong index";
    check->open = true;
    check->position = 0;
    if (part == 0) return says(member(block, "type"), "\"text\"") && says(member(block, "text"), "\"\"") ? NULL : "not an empty text block";
    if (!says(member(block, "type"), "\"tool_use\"") || !says(member(block, "input"), "{}")) return "not an empty tool_use block";
    struct span id = member(block, "id");
    if (!id.at || id.end - id.at < 3) return "tool_use without id";
    struct span inside = name.at ? inside_string(name) : name;
    const char *wanted = tool_name(part);
    return inside.at && (size_t)(inside.end - inside.at) == strlen(wanted) && !memcmp(inside.at, wanted, strlen(wanted)) ? NULL : "wrong tool name";
}

/* Keeps what surrounds this delta's text, so that the next like it is read at once. */
static inline void learn_surroundings(struct check *check, struct span frame, struct span inside) {
    check->prefix_len = inside.at - frame.at;
    check->suffix_len = frame.end - inside.end;
    if (check->prefix_len > sizeof check->prefix || check->suffix_len > sizeof check->suffix) check->prefix_len = 0;
    memcpy(check->prefix, frame.at, check->prefix_len);
    if (check->prefix_len) memcpy(check->suffix, inside.end, check->suffix_len);
}

static inline const char *see_delta(struct check *check, const struct expected *want, struct span data, struct span frame) {
    int part = check->next_part - 1;
    struct span delta = member(data, "delta");
    struct span text = member(delta, part ? "partial_json" : "text");
    if (!check->open) return "content_block_delta outside a block";
    if (number(member(data, "index")) != part) return "content_block_delta: wrong index";
    if (!says(member(delta, "type"), part ? "\"input_json_delta\"" : "\"text_delta\"")) return "content_block_delta: wrong type";
    if (!text.at || *text.at != '"') return "content_block_delta without its text";
    if (!text_follows(check, &want->parts[part], inside_string(text))) return "content_block_delta: wrong text";
    learn_surroundings(check, frame, inside_string(text));
    return NULL;
}

static inline const char *see_part_stop(struct check *check, const struct expected *want, struct span data) {
    int part = check->next_part - 1;
    if (!check->open || number(member(data, "index")) != part) return "content_block_stop out of order";
    if (check->position != want->parts[part].len) return "content_block_stop: text is missing";
    check->open = false;
    check->prefix_len = 0;
    return NULL;
}

static inline const char *see_message_delta(struct check *check, const struct expected *want, struct span data) {
    if (!check->started || check->open || check->closing) return "message_delta out of order";
    if (check->next_part != parts_of(&want->shape)) return "message_delta: a block is missing";
    check->closing = true;
    struct span reason = member(member(data, "delta"), "stop_reason");
    if (!says(reason, want->shape.tools ? "\"tool_use\"" : "\"end_turn\"")) return "wrong stop_reason";
    return number(member(member(data, "usage"), "output_tokens")) == want->shape.deltas ? NULL : "wrong output_tokens";
}

static inline const char *see_start(struct check *check, const struct expected *want, struct span data) {
    struct span message = member(data, "message"), model = member(message, "model");
    if (check->started) return "second message_start";
    check->started = true;
    if (!says(member(message, "role"), "\"assistant\"") || !says(member(message, "content"), "[]")) return "odd message_start";
    if (!model.at || (size_t)(model.end - model.at) != strlen(want->shape.model) + 2 ||
        memcmp(model.at + 1, want->shape.model, model.end - model.at - 2)) return "message_start: wrong model";
    return NULL;
}

static inline const char *see_event(struct check *check, const struct expected *want, struct span name, struct span data, struct span frame) {
    if (skip_json(data.at, data.end) != data.end) return "broken JSON";
    struct span type = member(data, "type");
    if (!type.at || type.end - type.at != name.end - name.at + 2 || memcmp(type.at + 1, name.at, name.end - name.at))
        return "event name and type differ";
    if (check->stopped) return "an event after message_stop";
    if (says(type, "\"ping\"")) return check->started ? NULL : "ping before message_start";
    if (says(type, "\"message_start\"")) return see_start(check, want, data);
    if (says(type, "\"content_block_start\"")) return see_part_start(check, want, data);
    if (says(type, "\"content_block_delta\"")) return see_delta(check, want, data, frame);
    if (says(type, "\"content_block_stop\"")) return see_part_stop(check, want, data);
    if (says(type, "\"message_delta\"")) return see_message_delta(check, want, data);
    if (!says(type, "\"message_stop\"")) return "unknown event";
    check->stopped = true;
    return check->closing ? NULL : "message_stop before message_delta";
}

/* One SSE frame, its blank line included. */
static inline const char *see_frame(struct check *check, const struct expected *want, struct span frame) {
    struct span name = {0}, data = {0};
    for (const char *at = frame.at, *line_end; at < frame.end; at = line_end + 1) {
        line_end = memchr(at, '\n', frame.end - at);
        const char *end = line_end > at && line_end[-1] == '\r' ? line_end - 1 : line_end;
        if (end == at || *at == ':') continue;
        if (end - at > 7 && !memcmp(at, "event: ", 7)) name = (struct span){at + 7, end};
        else if (end - at > 6 && !memcmp(at, "data: ", 6) && !data.at) data = (struct span){at + 6, end};
        else return "odd line in a frame";
    }
    if (!name.at && !data.at) return NULL;
    return name.at && data.at ? see_event(check, want, name, data, frame) : "frame without event or data";
}

/* The length of a delta's frame that looks like the last one, checked; 0 if it does not, or is not complete. */
static inline size_t see_like_the_last(struct check *check, const struct expected *want, struct span bytes) {
    size_t len = bytes.end - bytes.at;
    if (!check->prefix_len || len < check->prefix_len + check->suffix_len || memcmp(bytes.at, check->prefix, check->prefix_len)) return 0;
    struct span inside = {bytes.at + check->prefix_len, skip_string(bytes.at + check->prefix_len - 1, bytes.end)};
    if (!inside.end || (size_t)(bytes.end - --inside.end) < check->suffix_len) return 0;
    if (memcmp(inside.end, check->suffix, check->suffix_len)) return 0;
    if (!text_follows(check, &want->parts[check->next_part - 1], inside)) check->fault = "content_block_delta: wrong text";
    return inside.end + check->suffix_len - bytes.at;
}

/* Looks at all complete frames; returns the bytes used. */
static inline size_t see_frames(struct check *check, const struct expected *want, const char *at, size_t len) {
    const char *from = at, *end = at + len;
    while (at < end && !check->fault) {
        size_t used = see_like_the_last(check, want, (struct span){at, end});
        if (!used) {
            const char *blank = memmem(at, end - at, "\n\n", 2), *blank_crlf = blank ? NULL : memmem(at, end - at, "\n\r\n", 3);
            if (!blank && !blank_crlf) break;
            used = (blank ? blank + 2 : blank_crlf + 3) - at;
            check->fault = see_frame(check, want, (struct span){at, at + used});
        }
        at += used;
    }
    return at - from;
}

static inline void see_verbatim(struct check *check, const struct expected *want, const char *at, size_t len) {
    const struct script *script = &want->script;
    if (check->position + len > script->payload.len || memcmp(script->payload.at + check->position, at, len)) {
        check->fault = "bytes differ";
        return;
    }
    check->position += len;
    while (!want->whole && check->deltas < want->shape.deltas && check->position >= script->delta_ends[check->deltas]) check->deltas++;
}

/* Takes any slice of the body. */
static inline void see_body(struct check *check, const struct expected *want, const char *at, size_t len) {
    if (check->fault) return;
    if (!want->translated) return see_verbatim(check, want, at, len);
    if (check->held.len || want->whole) {
        put(&check->held, at, len);
        if (want->whole) return;
        size_t used = see_frames(check, want, check->held.at, check->held.len);
        memmove(check->held.at, check->held.at + used, check->held.len -= used);
        return;
    }
    size_t used = see_frames(check, want, at, len);
    if (!check->fault && used < len) put(&check->held, at + used, len - used);
}

static inline const char *see_whole(struct check *check, const struct expected *want) {
    struct span reply = {check->held.at, check->held.at + check->held.len};
    if (skip_json(reply.at, reply.end) != reply.end) return "broken JSON";
    struct span content = member(reply, "content");
    if (!says(member(reply, "type"), "\"message\"") || !content.at || *content.at != '[') return "not a message";
    struct span block = {content.at + 1, skip_json(content.at + 1, content.end)};
    if (!block.end || skip_space(block.end, content.end) + 1 != content.end) return "not one block";
    struct span text = member(block, "text");
    if (!text.at || !text_follows(check, &want->parts[0], inside_string(text)) || check->position != want->parts[0].len) return "wrong text";
    if (!says(member(reply, "stop_reason"), "\"end_turn\"")) return "wrong stop_reason";
    return number(member(member(reply, "usage"), "output_tokens")) == want->shape.deltas ? NULL : "wrong output_tokens";
}

/* Called when the body is over: NULL, or what is wrong with it. */
static inline const char *see_end(struct check *check, const struct expected *want) {
    if (check->fault) return check->fault;
    if (!want->translated) return check->position == want->script.payload.len ? NULL : "body is short";
    if (want->whole) return see_whole(check, want);
    if (check->held.len) return "bytes behind the last frame";
    return check->stopped ? NULL : "no message_stop";
}

static inline void check_again(struct check *check) {
    struct bytes held = check->held;
    held.len = 0;
    *check = (struct check){.held = held};
}

static inline struct expected expect(const struct shape *shape, enum dialect dialect, bool translated, bool whole) {
    struct expected want = {.shape = *shape, .translated = translated, .whole = whole};
    want.script = (whole ? whole_script : stream_script)(shape, dialect);
    for (int part = 0; part < parts_of(shape); part++) put_part(&want.parts[part], shape, part);
    return want;
}

#endif
