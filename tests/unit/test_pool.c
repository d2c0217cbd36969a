/*
 * The pool of idle upstream connections: taken again only by who was judged the same way, ended by
 * what an origin says unasked, and full it lets the oldest go.
 */
#include "gateway/leg.h"
#include "gateway/worker.h"

#include <event2/event.h>
#include <event2/util.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <cmocka.h>

enum { MOST = 1024 }; /* IDLE_MAX of gateway/pool.c */

static const struct pool_key usual = {.scheme = RULES_HTTPS, .host = "origin.example", .port = 443};

struct fixture {
	struct event_base *base;
	struct pool *pool;
	evutil_socket_t origins[MOST + 1]; /* the far ends */
	size_t n;
};

static void ignore(void *arg, struct leg *leg, enum leg_event event)
{
	(void)arg;
	(void)leg;
	(void)event;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct rlimit files = {0};

	assert_non_null(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	f->base = event_base_new();
	assert_non_null(f->base);
	assert_int_equal(event_base_priority_init(f->base, LEG_PRIORITIES), 0);
	f->pool = pool_create(f->base);
	assert_non_null(f->pool);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	pool_destroy(f->pool);
	leg_finish_thread();
	event_base_free(f->base);
	for (size_t i = 0; i < f->n; i++) {
		evutil_closesocket(f->origins[i]);
	}
	free(f);
	return 0;
}

/* Gives the pool a live connection; its far end is f->origins[f->n - 1]. */
static void give(struct fixture *f, const struct pool_key *key)
{
	char address[64] = "192.0.2.1";
	evutil_socket_t pair[2];
	struct leg leg;

	assert_int_equal(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(evutil_make_socket_nonblocking(pair[0]), 0);
	assert_int_equal(evutil_make_socket_nonblocking(pair[1]), 0);
	assert_int_equal(leg_init(&leg, f->base, pair[0], ignore, NULL), 0);
	leg_start(&leg);
	f->origins[f->n++] = pair[1];
	pool_give(f->pool, key, &leg, address);
}

/* Is there one for this key? It is ended. */
static bool take(struct fixture *f, const struct pool_key *key)
{
	char address[64] = "";
	struct leg leg = {.fd = -1};

	if (!pool_take(f->pool, key, false, &leg, ignore, NULL, address)) {
		return false;
	}
	assert_string_equal(address, "192.0.2.1");
	leg_finish(&leg);
	return true;
}

static bool ended(evutil_socket_t fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

static void one_is_taken_once(void **state)
{
	struct fixture *f = *state;

	assert_false(take(f, &usual));
	give(f, &usual);
	assert_true(take(f, &usual));
	assert_false(take(f, &usual));
}

static void who_was_judged_otherwise_gets_none(void **state)
{
	struct fixture *f = *state;
	struct pool_key others[6];

	give(f, &usual);
	for (size_t i = 0; i < 6; i++) {
		others[i] = usual;
	}
	others[0].scheme = RULES_HTTP;
	others[1].host = "other.example";
	others[2].port = 8443;
	others[3].private_ok = true;
	others[4].relax = 1;
	others[5].upstream = (const void *)f; /* compared, not looked into */
	for (size_t i = 0; i < 6; i++) {
		assert_false(take(f, &others[i]));
	}
	assert_true(take(f, &usual));
}

static void an_end_or_an_unasked_byte_ends_it(void **state)
{
	struct fixture *f = *state;

	give(f, &usual);
	assert_int_equal(send(f->origins[0], "x", 1, 0), 1);
	assert_false(take(f, &usual)); /* the loop has not seen it yet: the socket is asked */
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_true(ended(f->origins[0]));
	give(f, &usual);
	assert_int_equal(shutdown(f->origins[1], SHUT_WR), 0);
	assert_false(take(f, &usual));
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_false(take(f, &usual));
}

static void full_it_lets_the_oldest_go(void **state)
{
	struct fixture *f = *state;
	struct pool_key other = usual;

	other.host = "other.example";
	for (size_t i = 0; i < MOST; i++) {
		give(f, &usual);
	}
	assert_false(ended(f->origins[0]));
	give(f, &other);
	assert_true(ended(f->origins[0]));
	assert_false(ended(f->origins[1]));
	assert_true(take(f, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_is_taken_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_was_judged_otherwise_gets_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_end_or_an_unasked_byte_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_it_lets_the_oldest_go, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
