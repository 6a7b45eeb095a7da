/* layer: loop */
#include "loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct loop *loop;
static char trace[4096]; /* one character for each callback */

static int make_virtual(void **state)
{
    (void)state;
    loop = loop_new(LOOP_VIRTUAL, NULL);
    trace[0] = '\0';
    return loop ? 0 : -1;
}

static int make_real(void **state)
{
    (void)state;
    loop = loop_new(LOOP_REAL, NULL);
    trace[0] = '\0';
    return loop ? 0 : -1;
}

static int nothing_is_left(void **state)
{
    (void)state;
    int pending = loop_pending(loop);
    loop_free(loop);
    return pending;
}

static void mark(void *arg)
{
    strcat(trace, arg);
}

static struct timer *after(int64_t ms, const char *name)
{
    struct timer *timer = timer_start(loop, ms, mark, (void *)name, NULL);
    assert_non_null(timer);
    return timer;
}

static struct tick *next(const char *name)
{
    struct tick *tick = tick_start(loop, mark, (void *)name, NULL);
    assert_non_null(tick);
    return tick;
}

static void timers_run_by_time_then_by_start(void **state)
{
    (void)state;
    after(20, "d");
    after(10, "a");
    after(20, "e");
    after(10, "b");
    after(15, "c");
    after(-5, "0");
    assert_string_equal(trace, ""); /* never from inside start */
    assert_int_equal(loop_pending(loop), 6);
    loop_run(loop);
    assert_string_equal(trace, "0abcde");
}

static void advance_stops_in_time(void **state)
{
    (void)state;
    int64_t start = loop_now(loop), wall = loop_wall(loop);
    after(1000, "a");
    struct timer *late = after(1001, "b");
    loop_advance(loop, 999);
    assert_string_equal(trace, "");
    assert_int_equal(timer_left(late), 2);
    loop_advance(loop, 1);
    assert_string_equal(trace, "a");
    loop_advance(loop, 86400000);
    assert_string_equal(trace, "ab");
    assert_int_equal(loop_now(loop), start + 86401000);
    assert_int_equal(loop_wall(loop), wall + 86401000);
    loop_advance(loop, INT64_MAX);
}

static void virtual_wall_clock_starts_in_2026(void **state)
{
    (void)state;
    time_t now = (time_t)(loop_wall(loop) / 1000);
    char text[32];
    struct tm tm;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    assert_string_equal(text, "2026-01-01T00:00:00Z");
    assert_true(loop_is_virtual(loop));
}

static void the_clock_reads_when_a_timer_is_due(void *arg)
{
    *(int64_t *)arg = loop_now(loop);
}

static void time_jumps_from_timer_to_timer(void **state)
{
    (void)state;
    int64_t start = loop_now(loop), first = 0, second = 0;
    timer_start(loop, 70, the_clock_reads_when_a_timer_is_due, &second, NULL);
    timer_start(loop, 30, the_clock_reads_when_a_timer_is_due, &first, NULL);
    loop_run(loop);
    assert_int_equal(first, start + 30);
    assert_int_equal(second, start + 70);
}

static void tick_and_timer(void *arg)
{
    strcat(trace, "(");
    next("k");
    after(0, "m");
    if (arg)
        tick_start(loop, tick_and_timer, NULL, NULL);
    strcat(trace, ")");
}

static void what_a_turn_starts_is_for_the_next(void **state)
{
    (void)state;
    tick_start(loop, tick_and_timer, loop, NULL);
    after(0, "t");
    next("n");
    assert_true(loop_turn(loop));
    assert_string_equal(trace, "()nt");
    assert_true(loop_turn(loop));
    assert_string_equal(trace, "()ntk()m");
    assert_true(loop_turn(loop));
    assert_string_equal(trace, "()ntk()mkm");
    assert_false(loop_turn(loop));
}

static void timer_from_timer_waits_too(void **state)
{
    (void)state;
    timer_start(loop, 0, tick_and_timer, NULL, NULL);
    after(0, "t");
    assert_true(loop_turn(loop));
    assert_string_equal(trace, "()t");
    loop_advance(loop, 0);
    assert_string_equal(trace, "()tkm");
}

struct victims {
    struct timer *timer;
    struct tick *tick;
};

static void cancel_both(void *arg)
{
    struct victims *victims = arg;
    timer_cancel(victims->timer);
    tick_cancel(victims->tick);
    *victims = (struct victims) { NULL, NULL };
}

static void cancel_promises_silence_even_in_the_same_turn(void **state)
{
    (void)state;
    struct victims victims;
    timer_cancel(after(0, "x"));
    tick_cancel(next("x"));
    timer_cancel(NULL);
    tick_cancel(NULL);
    assert_int_equal(loop_pending(loop), 0);
    tick_start(loop, cancel_both, &victims, NULL);
    victims.tick = next("x");
    victims.timer = after(0, "x");
    next("y");
    loop_run(loop);
    assert_string_equal(trace, "y");
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void stop_ends_the_run_after_this_turn(void **state)
{
    (void)state;
    tick_start(loop, stop, NULL, NULL);
    next("a");
    after(0, "b");
    after(5, "c");
    loop_run(loop);
    assert_string_equal(trace, "ab");
    loop_stop(loop); /* before the run: it does not begin */
    loop_run(loop);
    assert_string_equal(trace, "ab");
    loop_run(loop);
    assert_string_equal(trace, "abc");
}

static void run_returns_at_once_when_nothing_is_pending(void **state)
{
    (void)state;
    loop_run(loop);
    loop_run(loop);
}

/* Against a plain model: many timers, a third of them cancelled, in any
 * order. */
struct model {
    struct timer *timer;
    int64_t due;
    int fired;
};
static int64_t model_last;
static int model_fired;

static void model_fire(void *arg)
{
    struct model *model = arg;
    model->timer = NULL;
    model->fired++;
    model_fired++;
    assert_int_equal(loop_now(loop), model->due);
    assert_true(model->due >= model_last);
    model_last = model->due;
}

static void the_heap_holds_under_random_starts_and_cancels(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct model *models = calloc(MANY, sizeof *models);
    unsigned int seed = 1;
    int cancelled = 0;
    model_last = model_fired = 0;
    for (int i = 0; i < MANY; i++) {
        int64_t ms = rand_r(&seed) % 500;
        models[i].due = loop_now(loop) + ms;
        models[i].timer = timer_start(loop, ms, model_fire, &models[i], NULL);
        assert_non_null(models[i].timer);
        struct model *other = &models[rand_r(&seed) % (i + 1)];
        if (i % 3 == 0 && other->timer) {
            timer_cancel(other->timer);
            other->timer = NULL;
            other->fired = 1;
            cancelled++;
        }
        if (i % 10 == 0)
            loop_advance(loop, 1);
    }
    assert_int_equal(loop_pending(loop), MANY - cancelled - model_fired);
    loop_run(loop);
    assert_int_equal(model_fired, MANY - cancelled);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(models[i].fired, 1);
    free(models);
}

static void real_time_is_waited_for_and_not_burnt(void **state)
{
    (void)state;
    struct timespec before, since;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    int64_t start = loop_now(loop);
    struct timer *far = after(3600000, "x");
    assert_false(loop_turn(loop)); /* waits for nothing */
    after(60, "b");
    after(30, "a");
    after(60, "c");
    timer_start(loop, 61, stop, NULL, NULL);
    loop_run(loop);
    assert_string_equal(trace, "abc");
    assert_true(loop_now(loop) - start >= 61);
    assert_true(timer_left(far) <= 3600000 - 61);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &since);
    assert_true((since.tv_sec - before.tv_sec) * 1000 +
                    (since.tv_nsec - before.tv_nsec) / 1000000 <
                50);
    timer_cancel(far);
    assert_true(llabs(loop_wall(loop) / 1000 - time(NULL)) <= 1);
}

#define VIRTUAL(test)                                                          \
    cmocka_unit_test_setup_teardown(test, make_virtual, nothing_is_left)
#define BOTH(test)                                                             \
    VIRTUAL(test),                                                             \
    {                                                                          \
#test "_really", test, make_real, nothing_is_left, NULL                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(timers_run_by_time_then_by_start),
        VIRTUAL(advance_stops_in_time),
        VIRTUAL(virtual_wall_clock_starts_in_2026),
        VIRTUAL(time_jumps_from_timer_to_timer),
        BOTH(what_a_turn_starts_is_for_the_next),
        VIRTUAL(timer_from_timer_waits_too),
        BOTH(cancel_promises_silence_even_in_the_same_turn),
        BOTH(stop_ends_the_run_after_this_turn),
        BOTH(run_returns_at_once_when_nothing_is_pending),
        VIRTUAL(the_heap_holds_under_random_starts_and_cancels),
        cmocka_unit_test_setup_teardown(real_time_is_waited_for_and_not_burnt,
                                        make_real, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
