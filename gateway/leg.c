/*
 * One leg's bytes: reads the socket into buffers, through TLS where there is some, and sends what
 * was queued. It knows nothing of HTTP, rules or sessions; its owner hears four kinds of event.
 */
#include "gateway/leg.h"
#include "gateway/buffer.h"
#include "gateway/egress.h"
#include "gateway/socket.h"
#include "gateway/tls.h"

#include <assert.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_LARGE = 64 * 1024, /* four full TLS records; more leaves the cache */
	RECORD_PLAIN = 16 * 1024,
	RECORD_WORTH = 4 * 1024, /* of its own, rather than copied */
	/* Received and not yet taken: the owner is slow. The leg pauses itself; the owner resumes.
	 */
	IN_HIGH = 256 * 1024,
};

/*
 * What a thread's legs have in common. Made when it is first used: a thread's own arrays would be
 * zeroed for every thread of the process when that starts.
 */
struct scratch {
	/* What came for TLS: it is gone through before the next is read, and the beginning of a
	 * record that is left over is kept by mbedTLS. */
	unsigned char wire[READ_LARGE];
	/*
	 * What is written in small pieces, a head and the body behind it, goes into one TLS record.
	 * One leg at a time gathers: its record is closed when another writes, and by leg_flush.
	 */
	unsigned char record[RECORD_PLAIN];
};
static _Thread_local struct scratch *scratch; /* owned */
static _Thread_local struct leg *gathering;   /* NULL: nobody */
static _Thread_local size_t gathered;

static bool has_scratch(void)
{
	if (scratch == NULL) {
		scratch = malloc(sizeof(*scratch));
	}
	return scratch != NULL;
}

void leg_finish_thread(void)
{
	free(scratch);
	scratch = NULL;
	buffer_finish_thread();
}

/* The loop's interest in a socket: made once, it stays where it is when the leg moves. */
struct leg_watch {
	struct event on_read, on_write;
	bool listens; /* on_read is with the loop */
	struct leg *leg;
};

/*
 * A leg that is paused goes on listening until the loop has news: mostly it is resumed before, and
 * neither costs a system call.
 */
static void listen_on(struct leg *leg)
{
	if (!leg->watch->listens) {
		leg->watch->listens = true;
		event_add(&leg->watch->on_read, NULL);
	}
}

static void listen_no_more(struct leg *leg)
{
	leg->watch->listens = false;
	event_del(&leg->watch->on_read);
}

static size_t gathered_of(const struct leg *leg)
{
	return gathering == leg ? gathered : 0;
}

/* What the socket will not announce again: bytes that wait, an end that was seen. */
static void announce(struct leg *leg)
{
	event_active(&leg->watch->on_read, EV_READ, 0);
}

/*
 * A failure is told from the loop, never from inside whatever found it: so every notification is
 * the last thing a callback does, and the owner may do with the leg what it likes.
 */
static void fail(struct leg *leg, const char *word)
{
	if (leg->failure == NULL) {
		leg->failure = word;
		listen_no_more(leg);
		event_active(&leg->watch->on_write, EV_WRITE, 0);
	}
}

static void close_record(void)
{
	struct leg *leg = gathering;
	size_t len = gathered;

	gathering = NULL;
	gathered = 0;
	if (len > 0 && tls_write(leg->tls, scratch->record, len) != TLS_DONE) {
		fail(leg, tls_failure_word(leg->tls));
	}
}

/* One recv(2). */
static size_t receive(struct leg *leg, void *into, size_t size)
{
	bool again;
	ssize_t got = socket_recv(leg->fd, into, size, &again);

	if (got < 0 && (!again || leg->deaf)) {
		fail(leg, "reset");
	} else if (got == 0) {
		leg->wire_eof = true;
		listen_no_more(leg);
	}
	return got > 0 ? (size_t)got : 0;
}

static void receive_plain(struct leg *leg)
{
	void *room = buffer_reserve(leg->in, READ_LARGE);

	if (room == NULL) {
		fail(leg, "memory");
		return;
	}
	buffer_commit(leg->in, receive(leg, room, READ_LARGE));
}

/* Bytes that came before TLS was laid over the leg: a ClientHello, never more than one read. */
static void take_early(struct leg *leg)
{
	size_t len = buffer_length(leg->in);
	const void *early = len <= READ_LARGE ? leg_look(leg, len) : NULL;

	if (early == NULL) {
		fail(leg, "tls-protocol");
		return;
	}
	memcpy(scratch->wire, early, len);
	buffer_drain(leg->in, len);
	tls_feed(leg->tls, scratch->wire, len);
}

/*
 * Decrypts all that was fed: `in` grows over IN_HIGH by one read at most. The end of the socket is
 * the end of the leg only when no record is left. False: the leg failed and its owner knows.
 */
static bool decrypt(struct leg *leg)
{
	enum tls_result result = TLS_DONE;

	while (result == TLS_DONE) {
		size_t len = 0;
		void *room;

		if (tls_is_dry(leg->tls)) {
			result = TLS_WANT;
			break;
		}
		room = buffer_reserve(leg->in, RECORD_PLAIN);
		if (room == NULL) {
			fail(leg, "memory");
			return false;
		}
		result = tls_read(leg->tls, room, RECORD_PLAIN, &len);
		buffer_commit(leg->in, result == TLS_DONE ? len : 0);
	}
	if (result == TLS_FAILED) {
		/* Whole records before the bad one were good: let them be used first. */
		leg_flush(leg);
		fail(leg, tls_failure_word(leg->tls));
		return false;
	}
	if (result == TLS_CLOSED || (result == TLS_WANT && leg->wire_eof)) {
		leg->eof = true;
		leg->truncated = result == TLS_WANT;
		listen_no_more(leg);
	}
	return true;
}

static void shake_hands(struct leg *leg)
{
	enum tls_result result = tls_handshake(leg->tls);

	if (!leg_flush(leg)) {
		return;
	}
	if (result == TLS_FAILED || (result == TLS_WANT && leg->wire_eof)) {
		fail(leg, result == TLS_FAILED ? tls_failure_word(leg->tls) : "eof");
		return;
	}
	if (result == TLS_WANT) {
		return;
	}
	leg->handshaking = false;
	/* What came along with the last handshake message, an end too, will not be announced by the
	 * socket. */
	if (decrypt(leg) && (leg->eof || buffer_length(leg->in) > 0)) {
		announce(leg);
	}
	leg->notify(leg->arg, leg, LEG_SECURED);
}

/* Deals with what came, after something did or the owner resumed. */
static void digest(struct leg *leg)
{
	if (leg->handshaking) {
		shake_hands(leg);
		return;
	}
	if (leg->tls == NULL) {
		leg->eof = leg->wire_eof;
	} else if (!leg->eof && !decrypt(leg)) {
		return;
	}
	if (buffer_length(leg->in) >= IN_HIGH) {
		leg_pause(leg);
	}
	if (leg->eof && leg->deaf) {
		/* Gone both ways, not just half closed: told after what it still said. */
		announce(leg);
	}
	if (buffer_length(leg->in) > 0 || leg->eof) {
		leg->notify(leg->arg, leg, LEG_READABLE);
	}
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct leg *leg = ((struct leg_watch *)arg)->leg;

	(void)fd;
	(void)what;
	if (leg->paused) {
		/* The socket would say it again and again. leg_resume asks what waits. */
		listen_no_more(leg);
		return;
	}
	if (leg->tls != NULL && !has_scratch()) {
		fail(leg, "memory");
		return;
	}
	/* Announced by us, bytes may wait or the end was seen. */
	if (leg->handshaking && buffer_length(leg->in) > 0) {
		take_early(leg);
	} else if (!leg->wire_eof && !leg->eof && buffer_length(leg->in) < IN_HIGH) {
		if (leg->tls != NULL) {
			tls_feed(leg->tls, scratch->wire, receive(leg, scratch->wire, READ_LARGE));
		} else {
			receive_plain(leg);
		}
	} else if (leg->deaf && (leg->wire_eof || leg->eof)) {
		fail(leg, "reset");
	}
	if (leg->failure == NULL) {
		digest(leg);
	}
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct leg *leg = ((struct leg_watch *)arg)->leg;

	(void)fd;
	(void)what;
	if (leg->failure != NULL) {
		leg->notify(leg->arg, leg, LEG_FAILED);
		return;
	}
	if (leg_flush(leg) && leg_pending(leg) < LEG_LOW) {
		leg->notify(leg->arg, leg, LEG_WRITABLE);
	}
}

static bool watch(struct leg *leg, struct event_base *base)
{
	struct leg_watch *w = leg->watch = calloc(1, sizeof(*w));

	if (w == NULL) {
		return false;
	}
	w->leg = leg;
	event_assign(&w->on_read, base, leg->fd, EV_READ | EV_PERSIST, on_read, w);
	event_assign(&w->on_write, base, leg->fd, EV_WRITE, on_write, w);
	return true;
}

int leg_init(struct leg *leg, struct event_base *base, evutil_socket_t fd,
	void (*notify)(void *arg, struct leg *leg, enum leg_event event), void *arg)
{
	memset(leg, 0, sizeof(*leg));
	leg->fd = fd;
	leg->notify = notify;
	leg->arg = arg;
	leg->in = buffer_create(BUFFER_IN);
	leg->wire_out = buffer_create(BUFFER_OUT);
	if (leg->in == NULL || leg->wire_out == NULL || (fd >= 0 && !watch(leg, base))) {
		leg->fd = -1;
		leg_finish(leg);
		return -1;
	}
	return 0;
}

void leg_close(struct leg *leg)
{
	if (leg->fd >= 0) {
		listen_no_more(leg);
		event_del(&leg->watch->on_write);
		evutil_closesocket(leg->fd);
		leg->fd = -1;
	}
	if (gathering == leg) {
		gathering = NULL;
		gathered = 0;
	}
	if (leg->failure == NULL) {
		leg->failure = "closed";
	}
}

void leg_reset(struct leg *leg)
{
	if (leg->fd >= 0) {
		socket_reset_on_close(leg->fd);
	}
}

void leg_finish(struct leg *leg)
{
	if (leg->in == NULL && leg->wire_out == NULL) {
		return;
	}
	leg_close(leg);
	tls_destroy(leg->tls);
	buffer_destroy(leg->in);
	buffer_destroy(leg->wire_out);
	free(leg->watch);
	memset(leg, 0, sizeof(*leg));
	leg->fd = -1;
}

void leg_move(struct leg *to, struct leg *from,
	void (*notify)(void *, struct leg *, enum leg_event), void *arg)
{
	assert(from->fd >= 0 && !from->handshaking);
	*to = *from;
	to->watch->leg = to;
	gathering = gathering == from ? to : gathering;
	memset(from, 0, sizeof(*from));
	from->fd = -1;
	to->notify = notify;
	to->arg = arg;
	to->paused = true;
	to->sent = false;
	leg_resume(to);
}

bool leg_is_open(const struct leg *leg)
{
	return leg->fd >= 0 && leg->failure == NULL;
}

void leg_start(struct leg *leg)
{
	listen_on(leg);
}

void leg_start_tls(struct leg *leg, struct tls *tls)
{
	assert(leg->tls == NULL);
	leg->tls = tls;
	leg->handshaking = true;
	leg->paused = false;
	listen_on(leg);
	announce(leg);
}

bool leg_is_quiet(const struct leg *leg)
{
	return leg_is_open(leg) && !leg->eof && !leg->wire_eof && !leg->deaf && !leg->shut &&
	       buffer_length(leg->in) == 0 && leg_pending(leg) == 0 &&
	       (leg->tls == NULL || tls_is_dry(leg->tls));
}

bool leg_peek(const struct leg *leg, const char **ret_data, size_t *ret_len)
{
	*ret_data = buffer_peek(leg->in, 1, ret_len);
	return *ret_data != NULL;
}

const void *leg_look(const struct leg *leg, size_t len)
{
	return buffer_peek(leg->in, len, &len);
}

void leg_drain(struct leg *leg, size_t len)
{
	buffer_drain(leg->in, len);
}

size_t leg_received(const struct leg *leg)
{
	return buffer_length(leg->in);
}

bool leg_write(struct leg *leg, const void *data, size_t len)
{
	assert(!leg->shut && !leg->handshaking);
	if (leg->tls == NULL || len == 0) {
		return buffer_add(leg->wire_out, data, len);
	}
	if (gathering != leg || len > sizeof(scratch->record) - gathered) {
		close_record();
	}
	if (gathered == 0 && len >= RECORD_WORTH) {
		return tls_write(leg->tls, data, len) == TLS_DONE;
	}
	assert(scratch != NULL); /* the handshake was read */
	memcpy(scratch->record + gathered, data, len);
	gathering = leg;
	gathered += len;
	return true;
}

/* Counted when it is about to be sent, not when it is: what waits in several legs at once must not
 * count on the same rest. */
static bool may_leave(struct leg *leg)
{
	size_t waiting = buffer_length(leg->wire_out);

	if (waiting > leg->counted && !egress_take(leg->egress, waiting - leg->counted)) {
		buffer_drain(leg->wire_out, waiting);
		leg->counted = 0;
		fail(leg, egress_word);
		return false;
	}
	leg->counted = waiting;
	return true;
}

bool leg_flush(struct leg *leg)
{
	size_t waiting;

	if (leg->fd < 0 || leg->failure != NULL) {
		return leg->failure == NULL;
	}
	if (gathering == leg) {
		close_record();
	}
	if (leg->failure != NULL || (!leg->deaf && !may_leave(leg))) {
		return false;
	}
	waiting = buffer_length(leg->wire_out);
	if (waiting > 0 && !leg->deaf) {
		struct buffer_piece pieces[BUFFER_PIECES];
		int n = buffer_pieces(leg->wire_out, pieces);
		bool again;
		ssize_t sent = socket_send(leg->fd, pieces, n, &again);

		if (sent > 0) {
			buffer_drain(leg->wire_out, (size_t)sent);
			leg->sent = true;
			leg->counted -= (size_t)sent;
		}
		if (sent < 0 && !again) {
			/* It may have answered before it went: its end is told by reading on. */
			leg->deaf = true;
			if (!leg->wire_eof && !leg->eof) {
				leg->paused = false;
				listen_on(leg);
			}
			announce(leg);
		}
	}
	if (leg->deaf) {
		buffer_drain(leg->wire_out, buffer_length(leg->wire_out));
		leg->counted = 0;
	}
	if (buffer_length(leg->wire_out) > 0) {
		event_add(&leg->watch->on_write, NULL);
	} else if (leg->shut && !leg->deaf) {
		socket_shut(leg->fd);
	}
	/* Whoever stopped filling the leg waits to be told, even when all went at once. */
	if (waiting > LEG_HIGH && buffer_length(leg->wire_out) < LEG_LOW) {
		event_active(&leg->watch->on_write, EV_WRITE, 0);
	}
	return true;
}

size_t leg_pending(const struct leg *leg)
{
	return buffer_length(leg->wire_out) + gathered_of(leg);
}

void leg_shut(struct leg *leg)
{
	if (leg->shut || !leg_is_open(leg)) {
		return;
	}
	if (gathering == leg) {
		close_record();
	}
	if (leg->tls != NULL && !leg->handshaking) {
		tls_close_notify(leg->tls);
	}
	leg->shut = true;
}

void leg_hurry(struct leg *leg, bool hurry)
{
	event_priority_set(&leg->watch->on_read, hurry ? 0 : LEG_PRIORITIES - 1);
}

void leg_pause(struct leg *leg)
{
	leg->paused = true;
}

void leg_resume(struct leg *leg)
{
	if (!leg->paused || !leg_is_open(leg)) {
		return;
	}
	leg->paused = false;
	if (!leg->eof && !leg->wire_eof) {
		listen_on(leg);
	}
	/* What already came would wait for ever if the peer has nothing more to say. */
	if (leg->eof || leg->wire_eof || buffer_length(leg->in) > 0) {
		announce(leg);
	}
}
