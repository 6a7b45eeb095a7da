/* layer: delivery */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "loop.h"
#include "turn.h"

static struct loop *loop;
static struct turn_table *table;
static char told[256]; /* the names of those whose go came, in order */

struct runner {
    struct turn *turn;
    struct runner *leave; /* gives this one's turn up from inside go */
    int goes;
    char name;
};

static void on_go(void *arg)
{
    struct runner *runner = arg;

    assert_true(turn_held(runner->turn));
    runner->goes++;
    snprintf(told + strlen(told), sizeof(told) - strlen(told), "%c",
             runner->name);
    if (runner->leave) {
        struct turn *turn = runner->leave->turn;
        runner->leave->turn = NULL;
        turn_leave(turn);
    }
}

static struct runner named(char name)
{
    return (struct runner) { .name = name };
}

static void wait_in(struct runner *runner, const char *room)
{
    runner->turn = turn_wait(table, slice_str(room), on_go, runner);
    assert_non_null(runner->turn);
}

static void leave(struct runner *runner)
{
    turn_leave(runner->turn);
    runner->turn = NULL;
}

static void expect(const char *names)
{
    while (loop_turn(loop))
        ;
    assert_string_equal(told, names);
    told[0] = '\0';
}

static int set_up(void **state)
{
    (void)state;
    told[0] = '\0';
    loop = loop_new(LOOP_VIRTUAL, NULL);
    table = turn_table_new(loop);
    return loop && table ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    turn_table_free(table);
    assert_int_equal(loop_pending(loop), 0);
    loop_free(loop);
    return 0;
}

static void one_at_a_time_in_order_rooms_apart(void **state)
{
    struct runner a = named('a'), b = named('b'), c = named('c');
    struct runner x = named('x');

    (void)state;
    wait_in(&a, "!r");
    wait_in(&b, "!r");
    wait_in(&x, "!other");
    wait_in(&c, "!r");
    assert_string_equal(told, ""); /* never from inside */
    assert_false(turn_held(a.turn));
    expect("ax");
    leave(&a);
    assert_string_equal(told, "");
    expect("b");
    leave(&b);
    expect("c");
    leave(&c);
    leave(&x);
    expect("");
    assert_int_equal(a.goes + b.goes + c.goes + x.goes, 4);
}

static void parked_ones_come_back_before_those_that_wait(void **state)
{
    struct runner a = named('a'), b = named('b'), c = named('c');
    struct runner d = named('d');

    (void)state;
    wait_in(&a, "!r");
    wait_in(&b, "!r");
    wait_in(&c, "!r");
    wait_in(&d, "!r");
    expect("a");
    turn_park(a.turn);
    assert_false(turn_held(a.turn));
    expect("b");
    turn_park(b.turn);
    expect("c");
    turn_return(a.turn);
    turn_return(b.turn);
    expect("");
    leave(&c);
    expect("a");
    leave(&a);
    expect("b");
    leave(&b);
    expect("d");
    leave(&d);
}

static void returning_to_a_free_line_waits_for_the_loop(void **state)
{
    struct runner a = named('a');

    (void)state;
    wait_in(&a, "!r");
    expect("a");
    turn_park(a.turn);
    expect("");
    turn_return(a.turn);
    assert_string_equal(told, "");
    expect("a");
    leave(&a);
}

static void leaving_in_any_state_lets_the_next_one_in(void **state)
{
    struct runner a = named('a'), b = named('b'), c = named('c');
    struct runner d = named('d');

    (void)state;
    wait_in(&a, "!r");
    wait_in(&b, "!r");
    wait_in(&c, "!r");
    wait_in(&d, "!r");
    leave(&a); /* it was about to be told */
    leave(&c); /* it waited */
    expect("b");
    turn_park(b.turn);
    leave(&b); /* parked */
    expect("d");
    leave(&d);
    expect("");
    assert_int_equal(a.goes + c.goes, 0);
}

static void others_may_leave_from_inside_go(void **state)
{
    struct runner a = named('a'), b = named('b'), c = named('c');

    (void)state;
    wait_in(&a, "!r1");
    wait_in(&b, "!r2"); /* due in the same turn of the loop as a */
    wait_in(&c, "!r2");
    a.leave = &b;
    c.leave = &c;
    expect("ac");
    leave(&a);
    assert_int_equal(b.goes, 0);
}

static void many_rooms_and_the_empty_one(void **state)
{
    static struct runner runners[1000];
    char room[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(room, sizeof(room), i ? "!%d" : "", i / 2);
        runners[i] = named('.');
        wait_in(&runners[i], room);
    }
    while (loop_turn(loop))
        told[0] = '\0';
    int goes = 0;
    for (int i = 0; i < 1000; i++)
        goes += runners[i].goes;
    assert_int_equal(goes, 501);
    for (int i = 0; i < 1000; i++)
        leave(&runners[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(one_at_a_time_in_order_rooms_apart),
        TEST(parked_ones_come_back_before_those_that_wait),
        TEST(returning_to_a_free_line_waits_for_the_loop),
        TEST(leaving_in_any_state_lets_the_next_one_in),
        TEST(others_may_leave_from_inside_go),
        TEST(many_rooms_and_the_empty_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
