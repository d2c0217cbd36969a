/*
 * One client connection on its way through the states, and the exchange it is busy with.
 *
 * The table session_states.def names every stage; a stage is one stage_*.c file that sees this
 * header and never another stage's. session_go() alone changes the state, session_close() is the
 * only end.
 */
#ifndef SALLYPORT_GATEWAY_SESSION_H
#define SALLYPORT_GATEWAY_SESSION_H

#include "audit/audit.h"
#include "gateway/arena.h"
#include "gateway/gateway.h"
#include "gateway/http_parse.h"
#include "gateway/http_target.h"
#include "gateway/leg.h"
#include "gateway/resolve.h"
#include "gateway/socket.h"
#include "gateway/who.h"
#include "rules/rules.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

struct dial;
struct session_queue;
struct websocket;
struct worker;

enum session_state {
	SESSION_CLOSED = 0,
#define STATE(name, prefix, deadline, next) SESSION_##name,
#include "gateway/session_states.def"
#undef STATE
	SESSION_STATES,
};

enum session_reason {
#define REASON(name, word, sentence) SESSION_END_##name,
#include "gateway/session_reasons.def"
#undef REASON
};

/* How a request to be refused is answered. */
struct refusal {
	int status;          /* 0: no answer possible, just close */
	const char *reason;  /* word */
	const char *message; /* sentence; in the exchange's arena or static */
	bool close;          /* the connection cannot go on */
};

/* One request and its response, or one tunnel. Cleared between requests; strings in `arena`. */
struct exchange {
	uint64_t id;
	struct arena arena;
	struct http_head *request, *response;
	struct rules_target target;
	struct rules_decision decision;
	struct refusal refusal;
	const struct http_field *injected; /* in the arena; values borrowed from the rules */
	size_t n_injected;
	bool refused;
	bool recorded; /* its INTENT was appended: an OUTCOME is owed when it was allowed */
	bool outcome_due;
	uint64_t intent_seq;
	const char *detail; /* why it failed, for the OUTCOME */

	char address[64]; /* dialled */
	bool by_proxy;    /* of the house; then it is the proxy's */
	int status;
	int64_t request_bytes, response_bytes;
	int64_t request_head_bytes;                      /* sent, trailers included */
	struct audit_body *request_body, *response_body; /* in the arena; NULL: none came yet */
	int64_t began, decided, connected, secured, first_byte;

	/* relay */
	bool reused;        /* upstream came from the pool */
	bool asked_again;   /* after a connection from the pool was lost: not from there */
	bool answer_begun;  /* some byte came back */
	bool request_sent;  /* its last byte is queued upstream */
	bool response_head; /* its head went to the client */
	bool response_done;
	bool client_keeps, upstream_keeps;
	unsigned interims; /* 1xx so far */
	enum http_framing to_client;

	/* tunnel */
	bool looked;                 /* at the client's first bytes */
	struct websocket *frames[2]; /* in the arena: from the client, from the origin */
};

struct session {
	LIST_ENTRY(session) all;
	TAILQ_ENTRY(session) waiting;   /* for the record's commit, a leaf, or who asked */
	struct session_queue *waits_in; /* NULL: it does not wait */
	bool freed; /* closed: freed by the loop, not by whoever stands on the stack */
	struct worker *worker;
	uint64_t id;

	enum session_state state, next;
	bool turning; /* inside session_turn */
	struct event deadline;
	int64_t due, timer; /* worker_now(): the deadline; when its event goes off, or INT64_MAX */
	struct event free_event;

	struct leg client, upstream;
	char client_name[64];
	struct asker asker;   /* its program, as far as known */
	struct who_ask *ask;  /* the question under way; NULL: none */
	const char *identity; /* who the client proved to be, or NULL */
	enum audit_way way;
	bool captured; /* transparent: `wanted` is where it was going */
	struct socket_name wanted;

	/* Destination as far as known; host and sni in `arena`. */
	struct http_origin origin;
	bool connect;    /* inside a CONNECT or SOCKS tunnel */
	bool owes_grant; /* which was asked for and neither granted nor refused */
	uint8_t socks;   /* version, 0: not SOCKS */
	bool socks_greeted;
	bool tls;           /* the client leg is or will be TLS */
	bool rsa;           /* its client knows no ECDSA */
	struct arena arena; /* lives as long as the session */

	struct http_parser *requests, *responses; /* owned */
	bool request_begun; /* the parser has seen bytes of the request under way */
	unsigned served;

	struct exchange exchange;
	struct resolve_query *query;
	struct dial *dial;
	struct resolve_answer answer;
	size_t lingered;
};

typedef void session_enter_fn(struct session *s);
typedef void session_leg_fn(struct session *s, enum leg_event event);

/* Called by the listener. Owns fd. */
void session_create(struct worker *w, evutil_socket_t fd);
/* Names the next state; it is entered when the running handler has returned. */
void session_go(struct session *s, enum session_state next);
void session_close(struct session *s, enum session_reason reason);
/* Enters the state it is in once more, for what it waited for is there. */
void session_again(struct session *s);
/* Runs the state machine until it rests, then sends what was queued. For callbacks from the loop.
 */
void session_turn(struct session *s);
void session_deadline(struct session *s, unsigned seconds);
/* A handler for what cannot happen: closes. */
void session_unexpected(struct session *s, enum leg_event event);

/* The statement's own roots and client certificate; NULL: none. */
const struct gateway_upstream *session_upstream(const struct session *s);
/* A safe request without a body, which has no effect to repeat (RFC 9112 9.3.1). */
bool session_is_repeatable(const struct session *s);
/* An idle upstream connection that was judged the same way, if there is one. */
bool session_take_pooled(struct session *s);
/* Gives the upstream connection back to be used again. */
void session_give_pooled(struct session *s);
/* A new upstream leg with this socket. False when memory is out: then it is closed. */
bool session_connected_upstream(struct session *s, evutil_socket_t fd)
	__attribute__((warn_unused_result));
/* Ends whatever lookup or dialling is under way. */
void session_stop_asking(struct session *s);

/* Marks the exchange as to be refused; the INTENT state records it, then REFUSE answers. */
void session_refuse(struct session *s, int status, const char *reason, bool close,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Forgets the last exchange and begins another. */
void session_new_exchange(struct session *s);
void session_log(struct session *s, enum gateway_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *session_reason_word(enum session_reason reason);
const char *session_state_name(enum session_state state);

/* Puts it at the end of a queue of its worker's, or takes it out of the one it is in, if any. */
void session_wait(struct session *s, struct session_queue *queue);
void session_wait_no_more(struct session *s);

/* When a leaf may have been minted: asks for it again. */
void stage_tls_accept_minted(struct session *s);
/* When the record's mark moved, or did not in time: may the effect happen? */
/* The deadline of a client that was waited for in OPEN. */
void stage_open_too_late(struct session *s);
void stage_intent_committed(struct session *s, bool committed);

/* inject.c: what an allowed request is to carry. False: the session took another turn. */
bool inject_choose(struct session *s);
/* Whether a field of this name is one of them. */
bool inject_replaces(const struct exchange *x, const char *name);

/* record.c: the exchange as records. 0, or a negative audit error. */
int record_intent(struct session *s) __attribute__((warn_unused_result));
void record_outcome(struct session *s, const char *end);
/* Bytes of a body that pass. False: they are to be kept and cannot be. */
bool record_request_body(struct session *s, const char *data, size_t len)
	__attribute__((warn_unused_result));
bool record_response_body(struct session *s, const char *data, size_t len)
	__attribute__((warn_unused_result));

#define STATE(name, prefix, deadline, next) \
	session_enter_fn prefix##_enter;    \
	session_leg_fn prefix##_on_client;  \
	session_leg_fn prefix##_on_upstream;
#include "gateway/session_states.def"
#undef STATE

#endif
