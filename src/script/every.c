#include "every.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "failure.h"
#include "limits.h"
#include "log.h"
#include "task.h"

struct every {
    struct list node;
    struct generation *generation;
    int id;
    int64_t ms, jitter;
    struct cron cron;
    char *spec; /* of a cron; NULL: another timer */
    bool utc;
    int64_t seen;  /* the wall clock when a cron looked last */
    int64_t after; /* of a cron: due is the first time after this one */
    bool repeats;
    bool off;    /* dead; kept while its task runs */
    bool missed; /* it was due while the generation was held */
    bool due_set;
    int64_t due; /* by clock_of; INT64_MAX: never */
    int64_t at;  /* the same with jitter */
    char *key;   /* of a repeating one */
    char *where;
    struct timer *timer;
    struct task *task; /* running */
};

static struct loop *loop_of(const struct every *every)
{
    return every->generation->world->host->loop;
}

static int64_t clock_of(const struct every *every)
{
    return every->spec ? loop_wall(loop_of(every)) : loop_now(loop_of(every));
}

static void drop(struct every *every)
{
    timer_cancel(every->timer);
    list_remove(&every->node);
    every->generation->timer_count--;
    free(every->spec);
    free(every->key);
    free(every->where);
    free(every);
}

static void stop(struct every *every)
{
    timer_cancel(every->timer);
    every->timer = NULL;
    every->off = true;
    if (!every->task) {
        drop(every);
    }
}

/* ---- ticks ---- */

static void on_ended(void *arg, struct task *task,
                     const struct task_result *result)
{
    struct every *every = arg;
    struct generation *generation = every->generation;
    every->task = NULL;
    if (every->off) {
        drop(every);
    }
    failure_note(generation, task, result, NULL);
}

static const struct task_owner owner = { .ended = on_ended };

static void start_task(struct every *every)
{
    struct generation *generation = every->generation;
    char label[160], path[16];
    struct err err;
    if (every->spec) {
        snprintf(label, sizeof label, "cron %.60s (%.80s)", every->spec,
                 generation_base(every->where));
    } else {
        snprintf(label, sizeof label, "timer of %.10g s (%.80s)",
                 (double)every->ms / 1000, generation_base(every->where));
    }
    snprintf(path, sizeof path, "%d", every->id);
    struct task_options options = {
        .handler = every->id,
        .kind = "timer",
        .info = slice_str("{}"),
        .label = label,
        .cause = { .path = slice_str(path) },
        .owner = &owner,
        .arg = every,
    };
    every->task = task_start(generation->gen, &options, &err);
    if (!every->task) {
        struct log_fields fields = {
            .account = generation->world->host->account,
            .script = generation->settings->script.name,
            .gen = generation->number,
        };
        log_write(LOG_LEVEL_WARN, &fields, "%s is left out: %s", label,
                  err.text);
    }
}

static void on_timer(void *arg);

static void arm(struct every *every)
{
    if (every->at == INT64_MAX) {
        return;
    }
    int64_t left = every->at - clock_of(every);
    if (every->spec && left > LIMIT_CLOCK_LOOK_MS) {
        left = LIMIT_CLOCK_LOOK_MS; /* the clock may be set meanwhile */
    }
    every->timer =
        timer_start(loop_of(every), left > 0 ? left : 0, on_timer, every, NULL);
}

/* due is set. */
static void plan(struct every *every)
{
    uint64_t bits;
    every->at = every->due;
    if (every->jitter > 0 && every->due != INT64_MAX) {
        digest_random(&bits, sizeof bits);
        every->at += (int64_t)(bits % (uint64_t)(every->jitter + 1));
    }
    arm(every);
}

/* after: wall ms. */
static void follow_clock(struct every *every, int64_t after)
{
    int64_t next = cron_next(&every->cron, after / 1000, every->utc);
    every->after = after;
    every->due = next == INT64_MAX ? INT64_MAX : next * 1000;
    every->seen = clock_of(every);
}

/* A cron that looks early, at a clock that may have been set: far back means
 * that it was wrong before; a little, that ticks must not come twice. The zone
 * may be another one, too. */
static void look_again(struct every *every)
{
    int64_t now = clock_of(every), due = every->due;
    bool back = now < every->seen - LIMIT_CLOCK_BACK_MS;
    every->seen = now;
    if (back || now < due) {
        follow_clock(every, back ? now : every->after);
    }
    if (back || every->due != due) {
        plan(every);
    } else {
        arm(every);
    }
}

/* Ticks that passed while nobody could run them are one. */
static void move_on(struct every *every)
{
    int64_t now = clock_of(every);
    if (every->spec) {
        follow_clock(every, now > every->due ? now : every->due);
        return;
    }
    every->due += every->ms;
    if (every->due <= now) {
        every->due += (now - every->due) / every->ms * every->ms + every->ms;
    }
}

static void on_timer(void *arg)
{
    struct every *every = arg;
    every->timer = NULL;
    if (every->spec && clock_of(every) < every->at) {
        look_again(every);
        return;
    }
    if (every->generation->held) {
        every->missed = true;
        return;
    }
    if (!every->task) {
        start_task(every);
    }
    if (every->repeats) {
        move_on(every);
        plan(every);
    } else {
        every->off = true;
        if (!every->task) {
            drop(every);
        }
    }
}

/* ---- life ---- */

static int ordinal_of(const struct generation *generation, int64_t ms)
{
    int count = 0;
    list_each(node, &generation->timers)
    {
        const struct every *other = list_entry(node, struct every, node);
        count += other->repeats && !other->spec && other->ms == ms;
    }
    return count;
}

/* Two crons of one text are due together: no matter which is which. */
static char *make_key(const struct generation *generation,
                      const struct every_options *options)
{
    char key[LIMIT_CRON_SPEC + 8];
    if (options->name.ptr) {
        return slice_dup(options->name);
    }
    if (options->cron) {
        snprintf(key, sizeof key, "\n%d %.*s", options->utc,
                 SLICE_ARG(options->spec));
        return slice_dup(slice_str(key));
    }
    snprintf(key, sizeof key, "\n%lld/%d", (long long)options->ms,
             ordinal_of(generation, options->ms));
    return slice_dup(slice_str(key));
}

static void begin(struct every *every)
{
    if (!every->due_set && every->spec) {
        follow_clock(every, clock_of(every));
    } else if (!every->due_set) {
        every->due = clock_of(every) + every->ms;
    }
    every->due_set = true;
    plan(every);
}

static bool fill(struct every *every, const struct every_options *options)
{
    every->id = options->id;
    every->ms = options->ms > 0 ? options->ms : 1;
    every->jitter = options->jitter;
    every->repeats = options->every;
    every->utc = options->utc;
    every->where = slice_dup(slice_str(options->where ? options->where : "?"));
    every->key = make_key(every->generation, options);
    if (options->cron) {
        every->cron = *options->cron;
        every->spec = slice_dup(options->spec);
    }
    return every->where && every->key && (every->spec || !options->cron);
}

int every_add(struct generation *generation,
              const struct every_options *options, struct err *err)
{
    if (generation->state == GENERATION_RETIRED) {
        return err_set(err, ERR_CANCELLED,
                       "no new timer: this generation is being replaced");
    }
    if (generation->timer_count >= LIMIT_TIMERS) {
        return err_set(err, ERR_LIMIT, "more than %d timers", LIMIT_TIMERS);
    }
    struct every *every = calloc(1, sizeof *every);
    if (!every) {
        return err_set(err, ERR_SYSTEM, "cannot start a timer: out of memory");
    }
    every->generation = generation;
    bool filled = fill(every, options);
    if (options->now) {
        every->due = loop_now(loop_of(every));
        every->due_set = true;
    }
    list_push(&generation->timers, &every->node);
    generation->timer_count++;
    if (!filled) {
        drop(every);
        return err_set(err, ERR_SYSTEM, "cannot start a timer: out of memory");
    }
    if (generation->state == GENERATION_LIVE) {
        begin(every);
    }
    return 0;
}

bool every_off(struct generation *generation, int id)
{
    list_each(node, &generation->timers)
    {
        struct every *every = list_entry(node, struct every, node);
        if (every->id == id && !every->off) {
            stop(every);
            return true;
        }
    }
    return false;
}

static void inherit(struct every *every, const struct generation *before)
{
    list_each(node, &before->timers)
    {
        const struct every *old = list_entry(node, struct every, node);
        if (!every->repeats || !old->repeats || old->off || !old->due_set ||
            !every->spec != !old->spec || strcmp(old->key, every->key) != 0) {
            continue;
        }
        if (every->spec) {
            /* due, and held back: by the reload, or by jitter */
            every->due_set = old->missed || old->due <= clock_of(old);
            every->due = every->seen = old->due;
            every->after = old->after;
        } else {
            int64_t latest = loop_now(loop_of(every)) + every->ms;
            every->due = old->due < latest ? old->due : latest;
            every->due_set = true;
        }
    }
}

void every_begin(struct generation *generation, struct generation *before)
{
    list_each_safe(node, &generation->timers)
    {
        struct every *every = list_entry(node, struct every, node);
        if (before) {
            inherit(every, before);
        }
        if (!every->timer && !every->off) {
            begin(every);
        }
    }
    if (before) {
        every_end(before);
    }
}

void every_end(struct generation *generation)
{
    list_each_safe(node, &generation->timers)
    {
        stop(list_entry(node, struct every, node));
    }
}

void every_hold(struct generation *generation, bool held)
{
    generation->held = held;
    list_each_safe(node, &generation->timers)
    {
        struct every *every = list_entry(node, struct every, node);
        if (!held && every->missed && !every->off) {
            every->missed = false;
            arm(every);
        }
    }
}

void every_free_all(struct generation *generation)
{
    list_each_safe(node, &generation->timers)
    {
        drop(list_entry(node, struct every, node));
    }
}

void every_report(const struct generation *generation, int most,
                  struct json_writer *w)
{
    list_each(node, &generation->timers)
    {
        const struct every *every = list_entry(node, struct every, node);
        if (every->off || most-- <= 0) {
            continue;
        }
        int64_t left = every->due - clock_of(every);
        json_object_begin(w);
        const char *kind = every->repeats ? "every" : "after";
        json_member_str(w, "kind", every->spec ? "cron" : kind);
        json_member_text(w, "where", slice_str(every->where));
        if (every->spec) {
            json_member_text(w, "spec", slice_str(every->spec));
        } else {
            json_member_int(w, "ms", every->ms);
        }
        json_member_int(w, "next_ms", left > 0 ? left : 0);
        json_member_bool(w, "running", every->task != NULL);
        json_object_end(w);
    }
}

void every_list(const struct generation *generation, struct buf *out)
{
    list_each(node, &generation->timers)
    {
        const struct every *every = list_entry(node, struct every, node);
        if (every->off) {
            continue;
        }
        if (every->spec) {
            buf_addf(out, "    cron %s%s", every->spec,
                     every->utc ? " UTC" : "");
        } else {
            buf_addf(out, "    %s %.10g s", every->repeats ? "every" : "after",
                     (double)every->ms / 1000);
        }
        int64_t left = every->due - clock_of(every);
        buf_addf(out, " (%s): next in %.3f s%s\n",
                 generation_base(every->where),
                 (double)(left > 0 ? left : 0) / 1000,
                 every->task ? ", running" : "");
    }
}
