#ifndef JSON_SCAN_SCALAR_H
#define JSON_SCAN_SCALAR_H

#include "json_scan.h"
#include "limits.h"

/* Inside of json_scan.c: its state, and the half of it that follows strings,
 * numbers and words byte by byte. Functions get [p, end), never empty, and
 * return the first byte they did not use. */

enum scan_state {
    SCAN_VALUE,      /* a value must begin */
    SCAN_FIRST_ITEM, /* after '[' */
    SCAN_FIRST_KEY,  /* after '{' */
    SCAN_KEY,        /* after ',' in an object */
    SCAN_COLON,
    SCAN_AFTER, /* a value has ended */
    SCAN_NUMBER,
    SCAN_WORD,
    SCAN_STRING,
    SCAN_ESCAPE, /* after a backslash */
    SCAN_UNIT,   /* in the digits of \uXXXX */
    SCAN_HIGH,   /* after a high surrogate: a backslash must come ... */
    SCAN_HIGH_U, /* ... and then a 'u' */
    SCAN_UTF8,   /* in a sequence that straddles pieces, or is bad */
    SCAN_BELOW,  /* too deep: brackets are counted, nothing else */
    SCAN_BELOW_STRING,
    SCAN_BELOW_ESCAPE
};

enum scan_mode { SCAN_TOKENS, SCAN_CAPTURE, SCAN_SKIP };

enum scan_number {
    SCAN_MINUS,
    SCAN_ZERO,
    SCAN_WHOLE,
    SCAN_POINT,
    SCAN_FRACTION,
    SCAN_EXP,
    SCAN_EXP_SIGN,
    SCAN_EXP_DIGITS
};

struct json_scan {
    json_token_fn *token;
    json_capture_fn *capture;
    void *arg;

    enum scan_state state;
    int depth;
    uint64_t object[LIMIT_JSON_DEPTH * 2 / 64 + 1]; /* a bit per container */
    size_t below;    /* brackets open beyond what is allowed */
    const char *why; /* the scan is over */
    uint64_t before; /* bytes before this piece; with why: where */

    enum scan_mode mode;
    bool offered;      /* inside a handler that may ask for a mode */
    int around;        /* mode: depth around the value */
    const char *mark;  /* mode: its first byte in this piece */
    const char *fault; /* mode: what spoils the value */

    bool key; /* the string at hand is a key */
    enum scan_number number;
    size_t digits;    /* bytes of the number, digits of \uXXXX */
    const char *word; /* what must still come */
    enum json_token word_token;
    unsigned unit, high;
    char sequence[4]; /* SCAN_UTF8 */
    size_t sequence_len;

    bool cut;
    size_t text_len;
    char text[LIMIT_JSON_KEY]; /* what straddles pieces or has escapes */
};

/* A fault of structure at p, which is returned. */
static inline const char *json_scan_fail(struct json_scan *s, const char *p,
                                         const char *why)
{
    s->why = why;
    return p;
}

/* A fault that costs the captured value only, where there is one. */
static inline void json_scan_spoil(struct json_scan *s, const char *why)
{
    if (s->mode == SCAN_TOKENS) {
        s->why = why;
    } else if (s->fault == NULL) {
        s->fault = why;
    }
}

static inline void json_scan_report(struct json_scan *s, enum json_token token,
                                    struct slice text)
{
    if (s->mode == SCAN_TOKENS) {
        s->token(s->arg, s, token, text, s->depth);
    }
}

/* One of the states from SCAN_NUMBER to SCAN_UTF8. */
const char *json_scan_scalar(struct json_scan *s, const char *p,
                             const char *end);

/* At the first byte of a number: a minus sign or a digit. */
const char *json_scan_begin_number(struct json_scan *s, const char *p);
/* Its end, at p, when [from, p) is what was not kept of it yet. */
const char *json_scan_end_number(struct json_scan *s, const char *from,
                                 const char *p);

#endif
