/* layer: loop */
#include "loop_uv.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static int ends[2]; /* a socket pair; -1: closed by the test */
static enum loop_clock clock_kind;

struct seen {
    struct poll *poll;
    int count, events;
    int stop_at; /* stops itself at this count; 0: never */
    bool drain;
};

static int set_up(void **state)
{
    (void)state;
    loop = loop_new(clock_kind, NULL);
    return loop && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    int pending = loop_pending(loop);
    loop_free(loop);
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
    }
    return pending;
}

static void on_ready(void *arg, int events)
{
    struct seen *seen = arg;
    char byte;
    seen->count++;
    seen->events |= events;
    if (seen->drain) /* one each: two may be there at once */
        assert_true(read(ends[0], &byte, 1) >= 0);
    if (seen->count == seen->stop_at) {
        poll_stop(seen->poll);
        seen->poll = NULL;
    }
}

static void start(struct seen *seen, int events)
{
    seen->poll = poll_start(loop, ends[0], events, on_ready, seen, NULL);
    assert_non_null(seen->poll);
    assert_int_equal(seen->count, 0);
}

static void send_byte(void *arg)
{
    (void)arg;
    assert_int_equal(write(ends[1], "x", 1), 1);
}

static void run_waits_for_the_descriptor(void **state)
{
    (void)state;
    struct seen seen = { .stop_at = 2, .drain = true };
    start(&seen, POLL_READ);
    assert_false(loop_turn(loop));
    timer_start(loop, 5, send_byte, NULL, NULL);
    timer_start(loop, 10, send_byte, NULL, NULL);
    loop_run(loop); /* ends: the poll is gone */
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.events, POLL_READ);
}

static void it_stays_armed_until_stopped(void **state)
{
    (void)state;
    struct seen seen = { .count = 0 };
    start(&seen, POLL_READ);
    send_byte(NULL);
    for (int i = 1; i <= 3; i++) {
        assert_true(loop_turn(loop));
        assert_int_equal(seen.count, i); /* not read: ready again */
    }
    poll_stop(seen.poll);
    poll_stop(NULL);
    assert_false(loop_turn(loop));
    assert_int_equal(seen.count, 3);
}

static void set_changes_what_is_waited_for(void **state)
{
    (void)state;
    struct seen seen = { .count = 0 };
    send_byte(NULL);
    start(&seen, 0);
    assert_false(loop_turn(loop));
    loop_run(loop); /* a pause alone is nothing to wait for */
    poll_set(seen.poll, POLL_WRITE);
    assert_true(loop_turn(loop));
    assert_int_equal(seen.events, POLL_WRITE);
    poll_set(seen.poll, POLL_READ | POLL_WRITE);
    assert_true(loop_turn(loop));
    assert_int_equal(seen.events, POLL_READ | POLL_WRITE);
    poll_set(seen.poll, 0);
    assert_false(loop_turn(loop));
    assert_int_equal(seen.count, 2);
    poll_stop(seen.poll);
}

static void a_closed_other_end_is_readable(void **state)
{
    (void)state;
    struct seen seen = { .stop_at = 1, .drain = true };
    start(&seen, POLL_READ);
    close(ends[1]);
    ends[1] = -1;
    loop_run(loop);
    assert_int_equal(seen.events & POLL_READ, POLL_READ);
}

static void a_broken_pipe_is_an_error(void **state)
{
    (void)state;
    int pipes[2];
    struct seen seen = { .stop_at = 1 };
    assert_int_equal(pipe(pipes), 0);
    assert_true(fcntl(pipes[1], F_SETFL, O_NONBLOCK) == 0);
    char block[4096] = { 0 };
    while (write(pipes[1], block, sizeof block) > 0)
        ;
    seen.poll = poll_start(loop, pipes[1], POLL_WRITE, on_ready, &seen, NULL);
    assert_false(loop_turn(loop));
    close(pipes[0]);
    loop_run(loop);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.events & POLL_ERROR, POLL_ERROR);
    close(pipes[1]);
}

/* What curl does: stop, close, and a new socket with the same number. */
static void the_number_can_be_used_again_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct seen seen = { .stop_at = 1, .drain = true };
        int old = ends[0];
        start(&seen, POLL_READ);
        poll_stop(seen.poll);
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        assert_int_equal(ends[0], old);
        start(&seen, POLL_READ);
        send_byte(NULL);
        loop_run(loop);
        assert_int_equal(seen.count, 1);
    }
}

static void what_cannot_be_polled_says_so(void **state)
{
    (void)state;
    struct err err = { .text = "" };
    int fd = open("/dev/null", O_RDONLY);
    assert_null(poll_start(loop, fd, POLL_READ, on_ready, NULL, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_non_null(strstr(err.text, "cannot wait for file descriptor"));
    close(fd);
    assert_null(poll_start(loop, 999, POLL_READ, on_ready, NULL, &err));
    struct seen seen = { .count = 0 };
    start(&seen, POLL_READ);
    assert_null(poll_start(loop, ends[0], POLL_READ, on_ready, NULL, &err));
    poll_stop(seen.poll);
}

static void flags_of_the_descriptor_stay(void **state)
{
    (void)state;
    struct seen seen = { .count = 0 };
    int before = fcntl(ends[0], F_GETFL);
    start(&seen, POLL_READ);
    loop_turn(loop);
    assert_int_equal(fcntl(ends[0], F_GETFL), before);
    poll_stop(seen.poll);
}

static void note_tick(void *arg)
{
    struct seen *seen = arg;
    seen->events |= 0x100;
}

static void start_tick(void *arg, int events)
{
    struct seen *seen = arg;
    (void)events;
    seen->count++;
    poll_stop(seen->poll);
    tick_start(loop, note_tick, seen, NULL);
    timer_start(loop, 0, note_tick, seen, NULL);
}

static void what_a_poll_starts_is_for_the_next_turn(void **state)
{
    (void)state;
    struct seen seen = { .count = 0 };
    seen.poll = poll_start(loop, ends[0], POLL_WRITE, start_tick, &seen, NULL);
    assert_true(loop_turn(loop));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.events, 0);
    assert_int_equal(loop_pending(loop), 2);
    loop_run(loop);
    assert_int_equal(seen.events, 0x100);
}

static int64_t when;

static void note_time(void *arg, int events)
{
    struct seen *seen = arg;
    (void)events;
    when = loop_now(loop);
    poll_stop(seen->poll);
}

/* Else a timer started for an answer that took a minute would be due at
 * once. */
static void a_poll_reads_the_clock_of_after_the_wait(void **state)
{
    (void)state;
    struct seen seen = { .count = 0 };
    const struct itimerspec in_40_ms = { .it_value.tv_nsec = 40000000 };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    assert_true(fd >= 0);
    int64_t before = loop_now(loop);
    assert_int_equal(timerfd_settime(fd, 0, &in_40_ms, NULL), 0);
    seen.poll = poll_start(loop, fd, POLL_READ, note_time, &seen, NULL);
    loop_run(loop);
    assert_true(when - before >= 40);
    close(fd);
}

static struct signal_watch *watch;
static int signals;

static void on_signal(void *arg)
{
    assert_ptr_equal(arg, &signals);
    if (++signals == 2) {
        signal_stop(watch);
        watch = NULL;
    }
}

static void raise_one(void *arg)
{
    (void)arg;
    kill(getpid(), SIGUSR1);
}

static void signals_come_through_the_loop(void **state)
{
    (void)state;
    struct err err;
    signals = 0;
    watch = signal_start(loop, SIGUSR1, on_signal, &signals, &err);
    assert_non_null(watch);
    raise_one(NULL);
    assert_int_equal(signals, 0);
    while (signals == 0)
        loop_turn(loop);
    timer_start(loop, 1, raise_one, NULL, NULL);
    loop_run(loop); /* ends: nobody listens any more */
    assert_int_equal(signals, 2);
    assert_null(signal_start(loop, SIGKILL, on_signal, NULL, &err));
    assert_non_null(strstr(err.text, "cannot catch signal 9 (Killed): "));
    signal_stop(NULL);
}

/* Everything is stopped, nothing was turned since: loop_free lets libuv
 * close. The sanitizer would tell. */
static void free_waits_until_libuv_has_closed(void **state)
{
    (void)state;
    struct seen seen = { .count = 0 };
    start(&seen, POLL_READ | POLL_WRITE);
    poll_stop(seen.poll);
    signal_stop(signal_start(loop, SIGUSR2, on_signal, NULL, NULL));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(run_waits_for_the_descriptor),
        TEST(it_stays_armed_until_stopped),
        TEST(set_changes_what_is_waited_for),
        TEST(a_closed_other_end_is_readable),
        TEST(a_broken_pipe_is_an_error),
        TEST(the_number_can_be_used_again_at_once),
        TEST(what_cannot_be_polled_says_so),
        TEST(flags_of_the_descriptor_stay),
        TEST(what_a_poll_starts_is_for_the_next_turn),
        TEST(signals_come_through_the_loop),
        TEST(free_waits_until_libuv_has_closed),
    };
    const struct CMUnitTest real_tests[] = {
        TEST(a_poll_reads_the_clock_of_after_the_wait),
    };
    clock_kind = LOOP_REAL;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += cmocka_run_group_tests(real_tests, NULL, NULL);
    clock_kind = LOOP_VIRTUAL;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
