/*
 * The exchange as records: what is known before the effect, and what became of it.
 */
#include "gateway/metrics.h"
#include "gateway/record_headers.h"
#include "gateway/refusal_text.h"
#include "gateway/session.h"
#include "gateway/tls.h"
#include "gateway/upstream_proxy.h"
#include "gateway/websocket.h"
#include "gateway/worker.h"

#include <string.h>

/* What a rule relaxed is said in every record of the host. */
static const char *relaxed(struct exchange *x)
{
	static const char *const names[] = {"expired", "name", "untrusted", "weak", "staple"};
	const char *text = NULL;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((x->decision.relax & 1u << i) != 0) {
			text = arena_printf(&x->arena, "%s%s%s", text != NULL ? text : "",
				text != NULL ? "," : "", names[i]);
		}
	}
	return text;
}

static const char *injected(struct exchange *x)
{
	const char *text = NULL;

	for (size_t i = 0; i < x->n_injected; i++) {
		text = arena_printf(&x->arena, "%s%s%s", text != NULL ? text : "",
			text != NULL ? "," : "", x->injected[i].name);
	}
	return text;
}

static const char *verdict_of(const struct exchange *x)
{
	if (x->refused) {
		return "deny";
	}
	return x->target.scheme == RULES_TCP ? "tunnel" : "allow";
}

/* What INTENT and OUTCOME have in common, so that each line can be read alone. */
static void fill(struct session *s, struct audit_record *r)
{
	const struct gateway *g = s->worker->gateway;
	struct exchange *x = &s->exchange;

	audit_record_init(r);
	r->session = s->id;
	r->request = x->id;
	r->way = s->way;
	r->client = s->identity != NULL
			    ? arena_printf(&x->arena, "%s@%s", s->identity, s->client_name)
			    : s->client_name;
	r->program = s->asker.told;
	r->program_doubt = s->asker.doubt;
	r->pid = s->asker.pid;
	r->program_words = s->asker.words;
	r->parent = s->asker.parent;
	r->parent_pid = s->asker.parent_pid;
	r->method = x->request != NULL ? x->request->method : NULL;
	r->scheme =
		x->target.scheme != RULES_SCHEME_NONE ? rules_scheme_name(x->target.scheme) : NULL;
	r->host = x->target.host != NULL ? x->target.host : s->origin.host;
	r->port = x->target.host != NULL ? x->target.port : s->origin.port;
	r->path = x->target.path;
	r->query = record_query(&g->config.recording, &x->arena, x->target.query);
	r->wanted = s->captured ? s->wanted.text : NULL;
	r->verdict = verdict_of(x);
	r->relaxed = relaxed(x);
	r->rule = x->decision.where;
	r->injected = injected(x);
}

/*
 * Digests are longer than what they stand for: a head full of them can be too long for a line.
 * Then the record goes without it and says so, rather than that nothing is on record.
 */
static int gather(
	struct session *s, struct audit_record *r, uint64_t *ret_seq, struct audit_diag *diag)
{
	static const char left_out[] = "the head is too long to be on record";
	const struct gateway_config *config = &s->worker->gateway->config;
	struct exchange *x = &s->exchange;
	int error = audit_gather(config->audit, r, ret_seq, diag);
	const char *detail = left_out;
	char digest[AUDIT_DIGEST];

	if (error != AUDIT_ETOOLONG) {
		return error;
	}
	r->request_headers = r->response_headers = NULL;
	if (x->target.query != NULL) {
		audit_digest(
			config->recording.key, x->target.query, strlen(x->target.query), digest);
		r->query = digest;
	}
	if (r->detail != NULL) {
		detail = arena_printf(&x->arena, "%s; %s", r->detail, left_out);
	}
	r->detail = detail != NULL ? detail : left_out;
	error = audit_gather(config->audit, r, ret_seq, diag);
	r->query = NULL; /* it was ours */
	return error;
}

int record_intent(struct session *s)
{
	struct gateway *g = s->worker->gateway;
	struct exchange *x = &s->exchange;
	struct audit_record r;
	struct audit_diag diag;
	int error;

	x->id = atomic_fetch_add(&g->next_request, 1) + 1;
	fill(s, &r);
	r.kind = AUDIT_INTENT;
	r.request_headers = record_headers(
		&g->config.recording, &x->arena, x->request, x->injected, x->n_injected);
	r.reason = x->refused ? x->refusal.reason : rules_reason_word(x->decision.reason);
	if (x->refused) {
		r.status = x->refusal.status;
		r.detail = x->refusal.message;
	}
	error = gather(s, &r, &x->intent_seq, &diag);
	if (error == 0) {
		metrics_record(g->metrics, &r);
	}
	if (error == 0 && x->refused) {
		hosts_refused(g->hosts, r.host, r.reason, refusal_suggestion(s));
	}
	return error;
}

static int64_t span(int64_t from, int64_t to)
{
	return from > 0 && to > from ? to - from : 0;
}

/* npm's lock files name packages by SHA-512; for all bodies it would be a second hash in vain. */
static bool wants_sha512(const struct session *s)
{
	const char *path = s->exchange.target.path;
	size_t len = path != NULL ? strlen(path) : 0;

	return len > 4 && strcmp(path + len - 4, ".tgz") == 0;
}

static bool add_body(
	struct session *s, struct audit_body **body, bool sha512, const char *data, size_t len)
{
	const struct gateway_recording *how = &s->worker->gateway->config.recording;
	struct exchange *x = &s->exchange;
	void *memory;

	if (*body == NULL && (memory = arena_alloc(&x->arena, audit_body_size)) != NULL) {
		*body = audit_body_begin(
			memory, how->dir, x->decision.log_body ? how->body_max : -1, sha512);
	}
	return *body != NULL && audit_body_add(*body, data, len) == AUDIT_OK;
}

bool record_request_body(struct session *s, const char *data, size_t len)
{
	return add_body(s, &s->exchange.request_body, false, data, len);
}

bool record_response_body(struct session *s, const char *data, size_t len)
{
	return add_body(s, &s->exchange.response_body, wants_sha512(s), data, len);
}

static void end_body(struct session *s, struct audit_body **body, char sha256[65],
	const char **ret_sha256, const char **ret_stored)
{
	if (*body == NULL) {
		return;
	}
	if (audit_body_end(*body, sha256, ret_stored) != AUDIT_OK) {
		*ret_stored = "failed";
		session_log(s, GATEWAY_LOG_ERROR, "a body could not be stored beside the record");
	}
	*ret_sha256 = sha256;
	audit_body_finish(*body);
	*body = NULL;
}

void record_outcome(struct session *s, const char *end)
{
	struct gateway *g = s->worker->gateway;
	struct exchange *x = &s->exchange;
	struct tls_facts facts = {0};
	struct audit_record r;
	struct audit_diag diag;
	uint64_t seq;
	char request_sha256[65], response_sha256[65], sha512[129];
	int64_t now = worker_now();

	x->outcome_due = false;
	fill(s, &r);
	r.kind = AUDIT_OUTCOME;
	r.verdict = x->target.scheme == RULES_TCP ? "tunnel" : "allow";
	r.end = end;
	r.detail = x->detail;
	r.status = x->status;
	r.address = x->address[0] ? x->address : NULL;
	r.via = x->by_proxy ? g->proxy->host : NULL;
	r.request_bytes = x->request_bytes;
	r.response_bytes = x->response_bytes;
	r.request_head_bytes = x->request_head_bytes;
	if (x->frames[0] != NULL && x->frames[1] != NULL) {
		r.request_messages = x->frames[0]->messages;
		r.response_messages = x->frames[1]->messages;
	}
	if (s->upstream.tls != NULL) {
		tls_facts(s->upstream.tls, &facts);
		r.tls_version = facts.version;
		r.tls_cipher = facts.cipher;
		r.origin_cert = facts.peer_sha256[0] ? facts.peer_sha256 : NULL;
	}
	r.response_headers = record_headers(&g->config.recording, &x->arena, x->response, NULL, 0);
	end_body(s, &x->request_body, request_sha256, &r.request_sha256, &r.request_body);
	if (x->response_body != NULL && audit_body_sha512(x->response_body, sha512)) {
		r.response_sha512 = sha512;
	}
	end_body(s, &x->response_body, response_sha256, &r.response_sha256, &r.response_body);
	r.decide_ns = span(x->began, x->decided);
	r.connect_ns = span(x->decided, x->connected);
	r.tls_ns = span(x->connected, x->secured);
	r.first_byte_ns = span(x->began, x->first_byte);
	r.total_ns = span(x->began, now);
	metrics_record(g->metrics, &r);
	hosts_allowed(g->hosts, r.host, x->request_bytes, x->response_bytes);
	if (gather(s, &r, &seq, &diag) != 0) {
		session_log(s, GATEWAY_LOG_ERROR,
			"request %llu: its outcome could not be recorded: %s",
			(unsigned long long)x->id, diag.message);
	}
}
