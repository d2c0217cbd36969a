/*
 * Questions under way. What is shared by the workers is a table under one lock, touched twice a
 * connection.
 */
#include "gateway/who.h"
#include "gateway/session.h"
#include "gateway/socket.h"
#include "gateway/who_message.h"
#include "gateway/worker.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* An answer takes a millisecond, and longer where the command leaves no processor to anybody: who
 * is not known is refused by `by`, so that no hurry is in this. */
enum { ASKS = 2048, PATIENCE_SECONDS = 10 };

struct who_ask {
	TAILQ_ENTRY(who_ask) entry; /* used before and free, to be sent, or answered */
	struct session *session;    /* NULL: it gave up */
	struct worker *worker;
	struct who_answer *answer; /* owned; NULL: not yet */
	struct who_question question;
	uint32_t generation; /* of the slot: an answer that comes too late is nobody's */
	bool sent;
};

TAILQ_HEAD(who_asks, who_ask);

struct who {
	evutil_socket_t fd;     /* owned */
	struct event *readable; /* owned; at the first worker's loop */
	pthread_mutex_t lock;
	struct who_ask asks[ASKS]; /* pages of it come as they are touched */
	size_t touched;            /* the first so many were used once */
	struct who_asks unused, unsent, answered;
	bool deaf; /* nobody is there to answer */
};

static void recycle(struct who *who, struct who_ask *ask)
{
	free(ask->answer);
	ask->answer = NULL;
	ask->session = NULL;
	ask->sent = false;
	ask->generation++;
	TAILQ_INSERT_HEAD(&who->unused, ask, entry);
}

/* As many as the socket takes; the others follow when answers come. Under the lock. */
static void send_unsent(struct who *who)
{
	struct who_ask *ask;

	while (!who->deaf && (ask = TAILQ_FIRST(&who->unsent)) != NULL) {
		const struct who_question *q = &ask->question;
		bool again;

		if (!socket_send_packet(who->fd, q, sizeof(*q), &again)) {
			who->deaf = !again;
			return;
		}
		TAILQ_REMOVE(&who->unsent, ask, entry);
		ask->sent = true;
	}
}

static void take_answer(struct who *who, const struct who_answer *answer)
{
	size_t slot = (size_t)(answer->id & 0xffffffffu);
	struct worker *worker = NULL;
	struct who_ask *ask;

	pthread_mutex_lock(&who->lock);
	if (slot >= who->touched) {
		pthread_mutex_unlock(&who->lock);
		return;
	}
	ask = &who->asks[slot];
	if (ask->sent && ask->answer == NULL && ask->generation == (uint32_t)(answer->id >> 32)) {
		struct who_answer *kept = ask->session != NULL ? malloc(sizeof(*kept)) : NULL;

		if (kept == NULL) {
			/* Nobody waits any more, or hears by its deadline that it is unknown. */
			if (ask->session == NULL) {
				recycle(who, ask);
			}
		} else {
			*kept = *answer;
			ask->answer = kept;
			TAILQ_INSERT_TAIL(&who->answered, ask, entry);
			worker = ask->worker;
		}
	}
	pthread_mutex_unlock(&who->lock);
	if (worker != NULL) {
		worker_wake(worker);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	union {
		struct who_answer answer;
		char bytes[sizeof(struct who_answer) + 1]; /* a longer packet is none of ours */
	} packet;
	struct who *who = arg;
	struct who_answer answer;
	ssize_t got;
	bool again;

	(void)what;
	while ((got = socket_recv(fd, &packet, sizeof(packet), &again)) > 0) {
		if (who_answer_read(&packet, (size_t)got, &answer)) {
			take_answer(who, &answer);
		}
	}
	pthread_mutex_lock(&who->lock);
	send_unsent(who);
	if (!again) {
		event_del(who->readable);
		who->deaf = true;
	}
	pthread_mutex_unlock(&who->lock);
}

int who_create(struct gateway *g, evutil_socket_t fd, struct who **ret_who)
{
	struct who *who = calloc(1, sizeof(*who));

	if (who == NULL) {
		evutil_closesocket(fd);
		return -1;
	}
	who->fd = fd;
	pthread_mutex_init(&who->lock, NULL);
	TAILQ_INIT(&who->unused);
	TAILQ_INIT(&who->unsent);
	TAILQ_INIT(&who->answered);
	evutil_make_socket_nonblocking(fd);
	who->readable = event_new(g->workers[0].base, fd, EV_READ | EV_PERSIST, on_readable, who);
	if (who->readable == NULL || event_add(who->readable, NULL) != 0) {
		who_destroy(who);
		return -1;
	}
	*ret_who = who;
	return 0;
}

void who_destroy(struct who *who)
{
	if (who == NULL) {
		return;
	}
	for (size_t i = 0; i < who->touched; i++) {
		free(who->asks[i].answer);
	}
	if (who->readable != NULL) {
		event_free(who->readable);
	}
	evutil_closesocket(who->fd);
	pthread_mutex_destroy(&who->lock);
	free(who);
}

/* ---- one session's ---- */

/* Under the lock. NULL: all are under way. */
static struct who_ask *take_unused(struct who *who)
{
	struct who_ask *ask = TAILQ_FIRST(&who->unused);

	if (ask != NULL) {
		TAILQ_REMOVE(&who->unused, ask, entry);
	} else if (who->touched < ASKS) {
		ask = &who->asks[who->touched++];
	}
	return ask;
}

static void unknown(struct session *s, enum who_doubt doubt)
{
	s->asker = (struct asker){.told = "unknown",
		.doubt = who_doubt_word(doubt),
		.doubt_sentence = who_doubt_sentence(doubt)};
}

static bool fill_question(struct session *s, struct who_question *q)
{
	struct socket_name from, to;

	memset(q, 0, sizeof(*q));
	if (!socket_peer(s->client.fd, &from) ||
		!(s->captured ? (to = s->wanted, true) : socket_local(s->client.fd, &to)) ||
		from.address.n_bytes != to.address.n_bytes) {
		return false;
	}
	q->n_bytes = (uint8_t)from.address.n_bytes;
	memcpy(q->from, from.address.bytes, q->n_bytes);
	memcpy(q->to, to.address.bytes, q->n_bytes);
	q->from_port = from.port;
	q->to_port = to.port;
	return true;
}

void who_ask(struct session *s)
{
	struct who *who = s->worker->gateway->who;
	struct who_question q;
	struct who_ask *ask;

	if (who == NULL) {
		return;
	}
	unknown(s, WHO_UNKNOWN);
	if (!fill_question(s, &q)) {
		return;
	}
	pthread_mutex_lock(&who->lock);
	ask = who->deaf ? NULL : take_unused(who);
	if (ask != NULL) {
		TAILQ_INSERT_TAIL(&who->unsent, ask, entry);
		q.id = (uint64_t)ask->generation << 32 | (uint64_t)(ask - who->asks);
		ask->session = s;
		ask->worker = s->worker;
		ask->question = q;
		send_unsent(who);
	}
	pthread_mutex_unlock(&who->lock);
	s->ask = ask;
	if (ask == NULL) {
		unknown(s, WHO_LATE);
	}
}

void who_give_up(struct session *s)
{
	struct who *who = s->worker->gateway->who;
	struct who_ask *ask = s->ask;

	if (ask == NULL) {
		return;
	}
	s->ask = NULL;
	unknown(s, WHO_LATE);
	pthread_mutex_lock(&who->lock);
	ask->session = NULL;
	if (ask->answer != NULL || !ask->sent) {
		TAILQ_REMOVE(ask->sent ? &who->answered : &who->unsent, ask, entry);
		recycle(who, ask);
	}
	pthread_mutex_unlock(&who->lock);
}

/* As JSON; a character takes six bytes at most. */
static const char *words_of(struct session *s, const struct who_answer *a)
{
	const size_t room = 6 * sizeof(a->words) + 4 * sizeof(a->words) + 3;
	char *text = arena_alloc(&s->arena, room), *to = text;

	if (text == NULL || a->words_len == 0) {
		return NULL;
	}
	*to++ = '[';
	for (size_t at = 0; at < a->words_len; at += strlen(a->words + at) + 1) {
		if (at > 0) {
			*to++ = ',';
		}
		to += audit_json_string(a->words + at, to, room - (size_t)(to - text));
	}
	*to++ = ']';
	*to = '\0';
	return text;
}

static const char *keep(struct session *s, const char *text)
{
	return text[0] != '\0' ? arena_copy(&s->arena, text, strlen(text)) : NULL;
}

static void hear(struct session *s, const struct who_answer *a)
{
	const char *program = keep(s, a->program);
	struct socket_name peer;

	/* Reset meanwhile: another's connection may have the same numbers by now. */
	if (!socket_peer(s->client.fd, &peer)) {
		unknown(s, WHO_UNKNOWN);
		return;
	}
	unknown(s, (enum who_doubt)a->doubt);
	s->asker.told = program != NULL ? program : "unknown";
	s->asker.program = a->doubt == WHO_SURE ? program : NULL;
	s->asker.words = words_of(s, a);
	s->asker.parent = keep(s, a->parent);
	s->asker.pid = a->pid;
	s->asker.parent_pid = a->parent_pid;
}

static struct who_ask *next_answered(struct who *who, const struct worker *w)
{
	struct who_ask *ask;

	TAILQ_FOREACH(ask, &who->answered, entry)
	{
		if (ask->worker == w) {
			TAILQ_REMOVE(&who->answered, ask, entry);
			return ask;
		}
	}
	return NULL;
}

void who_release(struct worker *w)
{
	struct who *who = w->gateway->who;

	while (who != NULL) {
		struct who_answer answer;
		struct who_ask *ask;
		struct session *s;

		pthread_mutex_lock(&who->lock);
		ask = next_answered(who, w);
		if (ask == NULL) {
			pthread_mutex_unlock(&who->lock);
			return;
		}
		s = ask->session;
		answer = *ask->answer;
		recycle(who, ask);
		pthread_mutex_unlock(&who->lock);
		s->ask = NULL;
		hear(s, &answer);
		if (s->waits_in == &w->asking) {
			session_wait_no_more(s);
			session_again(s);
		}
	}
}

bool who_is_awaited(struct session *s)
{
	if (s->ask == NULL) {
		return false;
	}
	session_wait(s, &s->worker->asking);
	session_deadline(s, PATIENCE_SECONDS);
	return true;
}
