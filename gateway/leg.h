/*
 * One leg of a session: a socket, the TLS over it if any, and what waits to be read or sent. A
 * session has two, client and upstream, and every stage is written for a leg.
 *
 * Bytes travel  socket -> [TLS] -> in  and  leg_write -> [TLS] -> wire_out -> socket.
 * Nothing is sent before leg_flush, so that a turn of the loop costs one system call. Empty buffers
 * hold no memory: an idle connection costs its structs alone.
 */
#ifndef SALLYPORT_GATEWAY_LEG_H
#define SALLYPORT_GATEWAY_LEG_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct egress;
struct tls;

/* Past HIGH bytes waiting to be sent, whoever fills the leg stops; under LOW it goes on. */
#define LEG_HIGH (256 * 1024)
#define LEG_LOW  (64 * 1024)

/* What a leg tells its owner, always from the loop: the owner may close, move or finish it then. */
enum leg_event {
	LEG_FAILED = 0, /* socket or TLS error: `failure` says which */
	LEG_READABLE,   /* bytes in `in`, or end of input: `eof` */
	LEG_WRITABLE,   /* under LOW again */
	LEG_SECURED,    /* the TLS handshake is done */
};

struct leg {
	evutil_socket_t fd;      /* owned; -1 when there is none */
	struct tls *tls;         /* owned; NULL: plain */
	struct buffer *in;       /* owned: received plaintext */
	struct buffer *wire_out; /* owned */
	struct leg_watch *watch; /* owned; NULL: no socket */
	struct egress *egress;   /* counts what is sent; NULL: nobody does */
	size_t counted;          /* of what waits in wire_out */
	bool handshaking;
	bool paused;         /* nobody takes what we read */
	bool eof;            /* the peer sends no more, and all it sent is in `in` */
	bool truncated;      /* eof without TLS close_notify */
	bool wire_eof;       /* the socket ended */
	bool deaf;           /* the peer takes no more: what is queued is thrown away */
	bool sent;           /* some byte has left since the leg was made or moved */
	bool shut;           /* we send no more */
	const char *failure; /* a word: "reset", "tls-alert", egress_word, ... */
	void (*notify)(void *arg, struct leg *leg, enum leg_event event);
	void *arg;
};

/* Takes the socket over (-1: none yet). 0, or -1 when memory is out. */
int leg_init(struct leg *leg, struct event_base *base, evutil_socket_t fd,
	void (*notify)(void *arg, struct leg *leg, enum leg_event event), void *arg)
	__attribute__((warn_unused_result));
/* Closes the socket at once; the buffers stay until leg_finish. */
void leg_close(struct leg *leg);
/* Lets leg_close reset a connection without TLS, so that its end is not taken for an end of data.
 */
void leg_reset(struct leg *leg);
/* Frees everything. A leg of zeroes is left alone. */
void leg_finish(struct leg *leg);
/* Moves a live leg (the upstream pool) into `to`, with a new owner. */
void leg_move(struct leg *to, struct leg *from,
	void (*notify)(void *, struct leg *, enum leg_event), void *arg);
bool leg_is_open(const struct leg *leg);

/* A thread whose legs are all finished gives back what they shared. */
void leg_finish_thread(void);

/* Starts listening for bytes. */
void leg_start(struct leg *leg);
/* Lays TLS over the leg; bytes already received belong to it. LEG_SECURED follows. Owns tls. */
void leg_start_tls(struct leg *leg, struct tls *tls);

/* Nothing waits on it in either direction, down to the socket: fit to be used by another request.
 */
bool leg_is_quiet(const struct leg *leg);

/* The first received bytes that lie in one piece. False: there are none. Valid until the leg is
 * touched. */
bool leg_peek(const struct leg *leg, const char **ret_data, size_t *ret_len);
/* The first `len` of them in one piece, which must be there; NULL: memory is out. */
const void *leg_look(const struct leg *leg, size_t len);
void leg_drain(struct leg *leg, size_t len); /* those bytes are used */
size_t leg_received(const struct leg *leg);  /* received and not yet used */

/* Queues bytes; they leave with leg_flush, what is small in one TLS record with what is written
 * behind it. False when memory is out or TLS failed. */
bool leg_write(struct leg *leg, const void *data, size_t len) __attribute__((warn_unused_result));
/* Sends what it can; the rest leaves by itself, then LEG_WRITABLE. False: the leg failed. */
bool leg_flush(struct leg *leg);
size_t leg_pending(const struct leg *leg); /* bytes queued and not yet sent */
/* No more bytes from us: close_notify and, when all is sent, SHUT_WR. */
void leg_shut(struct leg *leg);
/* Of what one look at the sockets brought, its news is told before that of legs in no hurry. The
 * base has LEG_PRIORITIES. */
enum { LEG_PRIORITIES = 2 };
void leg_hurry(struct leg *leg, bool hurry);
/* Stop and go on reading (back-pressure). Resuming may notify from the loop, never from inside. */
void leg_pause(struct leg *leg);
void leg_resume(struct leg *leg);

#endif
