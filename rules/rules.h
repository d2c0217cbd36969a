/*
 * May this pass? The rules page, read once, then asked for every host and every request.
 *
 * Pure: text in, verdict out. libc only; no clock, socket, file or log. The same code answers
 * `sallyport rules explain` offline and the gateway on line.
 *
 * Language (docs/rules.md): one statement a line, `#` comments. Order never matters: a matching
 * `deny` beats every `allow`; no match is deny.
 *
 * Life: rules_create, rules_add (as often as there are sources: the file, what a `use` became, the
 * command line), rules_compile; from then on the object never changes and any thread may ask it.
 */
#ifndef SALLYPORT_RULES_RULES_H
#define SALLYPORT_RULES_RULES_H

#include "rules/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rules;

enum rules_error {
	RULES_OK = 0,
	RULES_ESYNTAX = -1, /* the text is wrong; diag says where and what was expected */
	RULES_EMEMORY = -2,
	RULES_ECONFLICT = -3, /* two statements that cannot both hold */
};

/* Where a text is wrong, for people: file:line:column, what stood there, what was expected. */
struct rules_diag {
	char origin[256];
	unsigned line, column; /* from 1; 0 = the whole text */
	char message[256];
};

enum rules_verdict {
	RULES_DENY = 0,
	RULES_ALLOW,  /* pass, read and judged request by request */
	RULES_TUNNEL, /* pass unread */
};

/* Why. The word goes to the record, the sentence to the client. */
enum rules_reason {
	RULES_NO_RULE = 0,    /* no statement allows it */
	RULES_DENIED,         /* a deny statement matches */
	RULES_RECEIVE_ONLY,   /* mode receive-only: unsafe method or a body */
	RULES_BODY_TOO_LARGE, /* the only matching rules limit the body */
	RULES_ENCODED_SLASH,  /* %2F without the rule word, or its two readings differ */
	RULES_CONDITION,      /* host, method and path match, a condition does not */
	RULES_ALLOWED,
};

struct rules_header {
	const char *name; /* any case */
	const char *value;
};

/* One request as the rules see it. All strings are borrowed for the call. */
struct rules_request {
	const char *method;
	const struct rules_target *target;
	const struct rules_header *headers; /* may be NULL */
	size_t n_headers;
	/* 0 none, -1 unknown (chunked): then `body<=` is enforced while relaying */
	int64_t body_length;
	bool websocket; /* the request asks for an upgrade to WebSocket */
	/*
	 * Executable of all that hold the connection, an absolute path of a file that the command
	 * cannot change. NULL: not known for sure. Then no allow with `by` holds, and every deny
	 * with it does.
	 */
	const char *program;
};

/* Checks on an origin's certificate that `insecure CHECK` may relax for one host. */
enum rules_relax {
	RULES_RELAX_NONE = 0,
	RULES_RELAX_EXPIRED = 1 << 0,
	RULES_RELAX_NAME = 1 << 1,
	RULES_RELAX_UNTRUSTED = 1 << 2,
	RULES_RELAX_WEAK = 1 << 3,
	RULES_RELAX_STAPLE = 1 << 4,
};

/*
 * `ca FILE` and `cert FILE key FILE`: whom the statement's origins may be vouched for by besides
 * the usual roots, and what they are shown when they ask who we are. The files are the caller's to
 * read (relative ones lie beside the rules): what became of them is attached and comes back with
 * each decision.
 */
struct rules_upstream {
	const char *ca;         /* NULL: none */
	const char *cert, *key; /* both or neither */
	const char *origin;
	unsigned line;        /* of the first statement that says so */
	const void *attached; /* borrowed; NULL by default */
};

struct rules_decision {
	enum rules_verdict verdict;
	enum rules_reason reason;
	/* file of the deciding statement, borrowed from the rules; NULL by default */
	const char *origin;
	unsigned line;         /* its line, 0 by default */
	const char *where;     /* "origin:line" as the record has it; NULL by default */
	const char *statement; /* its text, NULL by default */
	bool private_ok;       /* non-public addresses may be dialled */
	bool websocket_ok;
	bool log_body;
	bool by;          /* refused: a statement would allow it, to another program */
	unsigned relax;   /* enum rules_relax bits */
	int64_t body_max; /* -1: no limit of its own */
	/* of the matching statements with one, that with the narrowest host; NULL by default */
	const struct rules_upstream *upstream;
};

struct rules *rules_create(void);
void rules_destroy(struct rules *r);

/*
 * Adds the statements of one text. `origin` names it in diagnostics and in the record
 * ("acme.rules", "use npm"). On RULES_ESYNTAX nothing of this text is kept.
 */
int rules_add(struct rules *r, const char *text, size_t len, const char *origin,
	struct rules_diag *diag) __attribute__((warn_unused_result));

/*
 * Builds the lookup structures. Afterwards rules_add is a bug (assert). RULES_ECONFLICT: two
 * statements name different files for the same host.
 */
int rules_compile(struct rules *r, struct rules_diag *diag) __attribute__((warn_unused_result));

/* Judges one request. Never fails: what cannot be matched is denied. */
void rules_judge(const struct rules *r, const struct rules_request *req,
	struct rules_decision *ret_decision);

/*
 * Judges a host before anything of the request is known (CONNECT, SOCKS, SNI, DNS):
 * RULES_ALLOW when some request to it could pass, RULES_TUNNEL when only a tunnel statement covers
 * it, RULES_DENY otherwise. scheme RULES_SCHEME_NONE asks for either of http and https;
 * port 0 asks for any port (DNS). `program` as in struct rules_request; rules_anyone asks whether
 * any program could.
 */
void rules_judge_host(const struct rules *r, enum rules_scheme scheme, const char *host,
	uint16_t port, const char *program, struct rules_decision *ret_decision);
extern const char rules_anyone[];

bool rules_receive_only(const struct rules *r);

/* The statement that would allow this request, for the 403 body: "allow GET host/path", and for its
 * program alone where it has one. */
void rules_suggest(const struct rules_request *req, char *buf, size_t size);

const char *rules_reason_word(enum rules_reason reason);     /* "no-rule" */
const char *rules_reason_sentence(enum rules_reason reason); /* "no statement allows it" */
const char *rules_strerror(int error);

/* What the caller must be able to do, or the rules would not mean what they say. */
enum rules_need {
	RULES_NEED_PROGRAM = 1 << 0, /* `by`: knows which program asks */
};
unsigned rules_needs(const struct rules *r);
/* Each `by`, as written: does such a program exist here? That is the caller's to know. */
void rules_each_program(const struct rules *r,
	void (*fn)(void *arg, const char *origin, unsigned line, const char *program), void *arg);

/* Statements that others carry out. Arrays are owned by the rules. */

/* Each combination of files once. */
const struct rules_upstream *rules_upstreams(const struct rules *r, size_t *ret_n);
/* After rules_compile and before anything is judged. */
void rules_upstream_attach(struct rules *r, size_t i, const void *what);

/* `use NAME...`: the caller learns the client's registry and adds what it became by rules_add. */
struct rules_use {
	const char *name;
	const char *origin;
	unsigned line;
};
const struct rules_use *rules_uses(const struct rules *r, size_t *ret_n);

enum rules_file_kind {
	RULES_FILE_NONE = 0,
	RULES_FILE_READ,
	RULES_FILE_WRITE,
	RULES_FILE_HIDE,
	RULES_FILE_VERIFY,
};
struct rules_file {
	enum rules_file_kind kind;
	/* as written: may begin with "~/", may be a glob, may be relative */
	const char *path;
	/* NULL-terminated globs or media types after `only`; NULL: everything */
	const char *const *only;
	const char *manifest; /* `verify PATH with FILE` */
	const char *origin;
	unsigned line;
};
const struct rules_file *rules_files(const struct rules *r, size_t *ret_n);

/* 0 = not limited by the rules. Sizes in bytes, time in seconds, cpu in percent of one core. */
struct rules_limits {
	uint64_t memory, processes, time, cpu, file_size, open_files, egress;
};
void rules_limits(const struct rules *r, struct rules_limits *ret_limits);

/*
 * `inject HOST header NAME "VALUE"`: a field that requests to the host carry from here on, in place
 * of any of that name; https alone. What ${...} in the value becomes is the caller's to find: it is
 * attached, and comes back with the statement.
 */
struct rules_inject {
	const char *host; /* a host pattern; ask rules_host_matches() */
	uint16_t port;
	const char *header;
	const char *value; /* as written */
	const char *origin;
	unsigned line;
	const char *attached; /* borrowed; NULL by default */
};
const struct rules_inject *rules_injects(const struct rules *r, size_t *ret_n);
/* After rules_compile and before anything is judged. */
void rules_inject_attach(struct rules *r, size_t i, const char *value);
/* Those that hold for this target, one header of a name, the one with the narrowest host: begin
 * with *at = 0 and ask until NULL. */
const struct rules_inject *rules_injected(
	const struct rules *r, const struct rules_target *target, size_t *at);

/* A value in parts: begin with *at = value. ret_text of ENV and FILE: the name, not NUL-ended. */
enum rules_part {
	RULES_PART_BAD = 0, /* not in a value that was accepted */
	RULES_PART_TEXT,
	RULES_PART_ENV,
	RULES_PART_FILE,
	RULES_PART_END,
};
enum rules_part rules_inject_part(const char **at, const char **ret_text, size_t *ret_len);
bool rules_host_matches(const char *pattern, const char *host);

/* Calls back with each network statement in force, in the order written (`rules check --expand`).
 */
void rules_each_statement(const struct rules *r,
	void (*fn)(void *arg, const char *origin, unsigned line, const char *statement), void *arg);

#endif
