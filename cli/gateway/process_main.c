/*
 * The gateway process: makes the run's CA, which never leaves it, reads what it needs, gives up the
 * rest of the machine, opens the record, serves the door until the run says stop or is gone.
 */
#include "cli/gateway/process_main.h"
#include "certs/certs.h"
#include "audit/verify.h"
#include "cli/cures.h"
#include "cli/gateway/checkpoint_push.h"
#include "cli/gateway/frames.h"
#include "cli/gateway/auth_file.h"
#include "cli/gateway/process.h"
#include "cli/rules/ruleset.h"
#include "cli/rules/injects.h"
#include "cli/rules/upstreams.h"
#include "jailer/confine.h"

#include <event2/event.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CA_DAYS = 7, LEAVES = 4096 };

struct retired_rules {
	struct retired_rules *next;
	struct ruleset set;
	struct upstreams *upstreams;
};

struct host_process {
	const struct gateway_plan *plan;
	int socket;
	struct certs_ca *ca; /* owned, like the others */
	struct certs_mint *mint;
	struct certs_trust *trust;
	struct upstreams *upstreams; /* NULL: the rules name no files */
	struct audit_key key;        /* until the record is open */
	struct text files;           /* what the rules name, until it is on record */
	struct text values;          /* what they inject */
	struct audit_log *audit;
	struct checkpoint_push *push; /* NULL: nowhere to */
	struct gateway *gateway;
	struct retired_rules *retired; /* owned: records of what is under way name them */
	atomic_bool has_run;
	int exit_status; /* of the command; -1 when the run vanished */
	struct rules_limits limits;
	char limit[32]; /* that ended the run; "": none did */
};

static __attribute__((format(printf, 2, 3))) void fail(
	struct host_process *h, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	(void)frame_send(h->socket, FRAME_FAILED, text, (size_t)n, NULL, 0);
}

static void on_log(void *arg, enum gateway_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "sallyport gateway: %s\n", line);
}

static int make_identity(struct host_process *h)
{
	struct certs_diag diag = {0};
	const char *pem;

	if (certs_init(&diag) != CERTS_OK ||
		(h->plan->ca_dir != NULL ? certs_ca_load(h->plan->ca_dir, &h->ca, &diag)
					 : certs_ca_create("Sallyport run CA", CA_DAYS, &h->ca,
						   &diag)) != CERTS_OK ||
		certs_mint_create(h->ca, LEAVES, &h->mint, &diag) != CERTS_OK) {
		fail(h, "%s: %s",
			h->plan->ca_dir != NULL
				? "the CA cannot be used (sallyport ca init makes one)"
				: "the run's CA cannot be made",
			diag.message);
		return -1;
	}
	pem = certs_ca_pem(h->ca);
	return frame_send(h->socket, FRAME_CA, pem, strlen(pem), NULL, 0);
}

static int start_push(struct host_process *h)
{
	char problem[512];

	if (h->plan->options->checkpoint_to == NULL) {
		return 0;
	}
	h->push = checkpoint_push_start(h->plan->options->checkpoint_to, problem, sizeof(problem));
	if (h->push == NULL) {
		fail(h, "--checkpoint-to: %s", problem);
		return -1;
	}
	return 0;
}

static int load_record_key(struct host_process *h)
{
	struct audit_diag diag;

	if (h->plan->options->record_key != NULL &&
		audit_key_load(h->plan->options->record_key, &h->key, &diag) != AUDIT_OK) {
		fail(h, "the record cannot be sealed, so nothing is started: %s %s", diag.path,
			diag.message);
		return -1;
	}
	return 0;
}

/* Everything outside the record that is ever wanted has been read or is open. */
static int confine(struct host_process *h)
{
	struct jail_diag diag = {""};
	char how[128] = "", line[160];

	if (confine_process(h->plan->record_dir, how, sizeof(how), &diag) != JAIL_OK) {
		fail(h, "the protection `%s` cannot be put up, so nothing is started: %s%s%s",
			diag.protection, diag.message,
			diag.cure[0] ? "; what would make it possible: " : "", diag.cure);
		return -1;
	}
	if (how[0] != '\0' && h->plan->options->log_level >= GATEWAY_LOG_INFO) {
		snprintf(line, sizeof(line), "confined by %s", how);
		on_log((void *)h->plan, GATEWAY_LOG_INFO, line);
	}
	return 0;
}

static int open_record(struct host_process *h)
{
	struct audit_options options = h->plan->options->record;
	struct gateway_diag gateway_diag;
	struct audit_diag diag;
	int error;

	options.run = h->plan->run_id;
	options.on_checkpoint = h->push != NULL ? checkpoint_push_note : NULL;
	options.on_checkpoint_arg = h->push;
	options.key = h->plan->options->record_key != NULL ? &h->key : NULL;
	error = audit_open(h->plan->record_dir, &options, &h->audit, &diag);
	audit_key_wipe(&h->key);
	if (error != AUDIT_OK) {
		fail(h, "the record cannot be opened, so nothing is started: %s %s", diag.path,
			diag.message);
		return -1;
	}
	if ((h->push != NULL && !checkpoint_push_record_to(h->push, h->audit)) ||
		gateway_use_record(h->gateway, h->audit, &gateway_diag) != GATEWAY_OK) {
		fail(h, "memory or threads are out: " CURE_MEMORY "; " CURE_PROCESSES);
		return -1;
	}
	return 0;
}

static int load_system_roots(struct host_process *h, struct certs_diag *diag)
{
	size_t n;

	return h->plan->roots_later ? certs_trust_add_system_later(h->trust, diag)
				    : certs_trust_add_system(h->trust, &n, diag);
}

static int load_trust(struct host_process *h)
{
	const struct list *cas = &h->plan->options->upstream_cas;
	struct certs_diag diag = {0};
	size_t n;

	if (certs_trust_create(&h->trust) != CERTS_OK || load_system_roots(h, &diag) != CERTS_OK) {
		fail(h, "the system's root certificates cannot be read: %s", diag.message);
		return -1;
	}
	for (size_t i = 0; i < cas->n; i++) {
		if (certs_trust_add_file(h->trust, cas->items[i], &n, &diag) != CERTS_OK ||
			n == 0) {
			fail(h, "--upstream-ca: %s",
				diag.message[0] ? diag.message : "the file holds no certificate");
			return -1;
		}
	}
	return 0;
}

/* The run ends itself when it hears of it; a service goes on and says no. */
static void on_egress(void *arg)
{
	static const char name[] = "egress";
	struct host_process *h = arg;
	struct audit_record r;
	struct audit_diag diag;
	uint64_t seq;
	char sentence[96];

	snprintf(sentence, sizeof(sentence),
		"`limit egress`: what would leave next is more than is left of %" PRIu64 " bytes",
		h->limits.egress);
	audit_record_init(&r);
	r.kind = AUDIT_EVENT;
	r.reason = "limit";
	r.detail = sentence;
	(void)!audit_append(h->audit, &r, &seq, &diag);
	if (h->plan->ca_dir == NULL) {
		(void)frame_send(h->socket, FRAME_LIMIT, name, strlen(name), NULL, 0);
	}
}

/* No more than this process may have open. */
static unsigned connections(const struct gateway_options *o)
{
	unsigned possible = gateway_process_connections(), wanted = o->limits.connections;

	return wanted != 0 && (possible == 0 || wanted < possible) ? wanted : possible;
}

static int make_gateway(struct host_process *h)
{
	const struct gateway_options *o = h->plan->options;
	struct gateway_config config = {
		.rules = h->plan->rules,
		.mint = h->mint,
		.trust = h->trust,
		.recording = {h->plan->digest_key, (const char *const *)o->digested.items,
			(const char *const *)o->recorded_headers.items, h->plan->record_dir,
			o->body_max},
		.workers = o->workers,
		.connections = connections(o),
		.http = {.head_bytes = o->limits.head, .fields = o->limits.fields},
		.authenticate = h->plan->auth != NULL ? auth_file_name : NULL,
		.authenticate_arg = (void *)h->plan->auth,
		.admits = h->plan->admits,
		.nameserver = o->nameserver,
		.egress = h->limits.egress,
		.on_egress = on_egress,
		.on_egress_arg = h,
		.metrics = o->metrics,
		.deadlines = o->deadlines,
		.upstream_proxy = o->upstream_proxy,
		.no_proxy = getenv("NO_PROXY") != NULL ? getenv("NO_PROXY") : getenv("no_proxy"),
		.log = on_log,
		.log_level = (enum gateway_log_level)o->log_level,
	};
	struct gateway_diag diag = {""};

	if (gateway_create(&config, &h->gateway, &diag) != GATEWAY_OK) {
		fail(h, "the gateway cannot be started: %s", diag.message);
		return -1;
	}
	return 0;
}

/* Appends and waits until it is on disk. */
static int record_now(struct host_process *h, const struct audit_record *r)
{
	struct audit_diag diag;
	uint64_t seq;

	if (audit_append(h->audit, r, &seq, &diag) != AUDIT_OK) {
		fail(h, "the record cannot be written, so nothing is started: %s", diag.message);
		return -1;
	}
	if (!audit_wait(h->audit, seq)) {
		diag.message[0] = '\0';
		(void)!audit_append(h->audit, r, &seq, &diag); /* it knows why */
		fail(h, "the record cannot be written, so nothing is started: %s %s",
			h->plan->record_dir, diag.message);
		return -1;
	}
	return 0;
}

static int record_start(struct host_process *h, const struct text *story)
{
	struct audit_record r;
	const char *at = story->data;

	audit_record_init(&r);
	r.kind = AUDIT_START;
	r.command = at;
	at += strlen(at) + 1;
	r.user = at;
	at += strlen(at) + 1;
	r.rules_digest = at;
	at += strlen(at) + 1;
	r.view = at;
	r.ca_digest = certs_ca_fingerprint(h->ca);
	r.version = SALLYPORT_VERSION;
	return record_now(h, &r);
}

static int record_event(struct host_process *h, const struct text *text)
{
	struct audit_record r;

	audit_record_init(&r);
	r.kind = AUDIT_EVENT;
	r.reason = text->data;
	r.detail = text->data + strlen(text->data) + 1;
	return record_now(h, &r);
}

/* Before the start is on record: which files it was that vouch and show. */
static int record_upstreams(
	struct host_process *h, const struct rules *rules, const struct text *files)
{
	struct audit_record r;
	struct text text = {0};
	int result;

	upstreams_describe(rules, files, &text);
	audit_record_init(&r);
	r.kind = AUDIT_EVENT;
	r.reason = "upstream-files";
	r.detail = text.data;
	result = text.len > 0 ? record_now(h, &r) : 0;
	text_finish(&text);
	return result;
}

static int load_upstreams(struct host_process *h)
{
	struct upstreams_problem problem = {""};

	if (upstreams_read(h->plan->rules, &h->files, &problem) != 0 ||
		upstreams_make(h->plan->rules, &h->files, h->trust, &h->upstreams, &problem) != 0 ||
		injects_read(h->plan->rules, &h->values, &problem) != 0 ||
		injects_attach(h->plan->rules, &h->values) != 0) {
		fail(h, "%s", problem.text);
		return -1;
	}
	return 0;
}

static int take_door(struct host_process *h)
{
	struct gateway_door door;
	struct gateway_diag diag = {""};
	struct text story = {0};
	enum frame_type type;
	int fds[7], result = -1, received;

	while ((received = frame_receive(h->socket, &type, &story, fds, 7)) == 0 &&
		type == FRAME_EVENT) {
		if (record_event(h, &story) != 0 ||
			frame_send(h->socket, FRAME_OPEN, "", 0, NULL, 0) != 0) {
			text_finish(&story);
			return -1;
		}
	}
	if (received == 0 && type == FRAME_DOOR &&
		fds[h->plan->ca_dir != NULL ? 0 : gateway_process_sockets - 1] < 0) {
		fail(h, "the door's sockets did not come over: " CURE_FILES);
	} else if (received == 0 && type == FRAME_DOOR) {
		for (int i = 0; i < 2; i++) {
			door.tcp[i] = fds[i];
			door.dns_udp[i] = fds[2 + i];
			door.dns_tcp[i] = fds[4 + i];
		}
		door.who = fds[6];
		if (gateway_add_door(h->gateway, &door, &diag) != GATEWAY_OK) {
			fail(h, "the gateway cannot be started: %s", diag.message);
		} else if (record_start(h, &story) == 0) {
			result = frame_send(h->socket, FRAME_OPEN, "", 0, NULL, 0);
		}
	}
	text_finish(&story);
	return result;
}

static int use_rules(struct host_process *h, const struct text *parts)
{
	struct retired_rules *r = calloc(1, sizeof(*r));
	struct upstreams_problem problem = {"the new rules did not arrive whole"};
	struct audit_record record;
	struct audit_diag diag;
	uint64_t seq;
	char digest[65];

	if (r == NULL || ruleset_unpack(parts, &r->set) != 0) {
		free(r);
		fail(h, "%s", problem.text);
		return -1;
	}
	if (upstreams_make(r->set.rules, &r->set.files, h->trust, &r->upstreams, &problem) != 0 ||
		injects_attach(r->set.rules, &r->set.values) != 0 ||
		record_upstreams(h, r->set.rules, &r->set.files) != 0) {
		upstreams_destroy(r->upstreams);
		ruleset_finish(&r->set);
		free(r);
		fail(h, "%s", problem.text);
		return -1;
	}
	upstreams_wipe(&r->set.files);
	text_add(&r->set.all, "", 0);
	certs_sha256(r->set.all.data, r->set.all.len, digest);
	audit_record_init(&record);
	record.kind = AUDIT_EVENT;
	record.reason = "rules-changed";
	record.rules_digest = digest;
	record.detail = "other rules are in force from here on";
	r->next = h->retired;
	h->retired = r;
	if (audit_append(h->audit, &record, &seq, &diag) != AUDIT_OK) {
		fail(h, "the record cannot be written: %s", diag.message);
		return -1;
	}
	gateway_set_rules(h->gateway, r->set.rules);
	return frame_send(h->socket, FRAME_OPEN, "", 0, NULL, 0);
}

static void drain(struct host_process *h, unsigned seconds)
{
	struct timespec pause = {.tv_nsec = 20000000};

	gateway_drain(h->gateway);
	for (unsigned i = 0; i < seconds * 50 && !atomic_load(&h->has_run); i++) {
		nanosleep(&pause, NULL);
	}
}

/* Waits beside the workers for the run's word, or its end. */
static void *wait_stop(void *arg)
{
	struct host_process *h = arg;
	struct text text = {0};
	enum frame_type type;

	h->exit_status = -1;
	while (frame_receive(h->socket, &type, &text, NULL, 0) == 0) {
		if (type == FRAME_RULES) {
			(void)use_rules(h, &text);
			continue;
		}
		if (type == FRAME_EVENT) {
			if (record_event(h, &text) == 0) {
				(void)frame_send(h->socket, FRAME_OPEN, "", 0, NULL, 0);
			}
			continue;
		}
		if (type == FRAME_DRAIN) {
			drain(h, (unsigned)atoi(text.data));
			continue;
		}
		if (type == FRAME_STOP) {
			h->exit_status = atoi(text.data);
			snprintf(h->limit, sizeof(h->limit), "%s",
				text.data + strcspn(text.data, " "));
		}
		break;
	}
	text_finish(&text);
	gateway_stop(h->gateway);
	return NULL;
}

static void sum_up(
	struct host_process *h, struct text *summary, uint64_t *ret_allowed, uint64_t *ret_refused)
{
	const struct gateway_host *hosts;
	size_t n = gateway_hosts(h->gateway, &hosts);

	*ret_allowed = *ret_refused = 0;
	if (h->limits.egress != 0) {
		text_print(summary, "\t%" PRIu64 "\t%" PRIu64 "\n", gateway_egress(h->gateway),
			h->limits.egress);
	}
	for (size_t i = 0; i < n; i++) {
		*ret_allowed += hosts[i].allowed;
		*ret_refused += hosts[i].refused;
		text_print(summary, "%s\t%llu\t%llu\t%llu\t%llu\t%s\t%s\n", hosts[i].host,
			(unsigned long long)hosts[i].allowed, (unsigned long long)hosts[i].refused,
			(unsigned long long)hosts[i].bytes_out,
			(unsigned long long)hosts[i].bytes_in, hosts[i].refusal, hosts[i].add);
	}
}

static int serve(struct host_process *h)
{
	struct audit_record r;
	struct audit_diag audit_diag = {.message = ""};
	struct text summary = {0};
	pthread_t waiter;
	uint64_t seq, refused;
	char limit[80];
	int result;

	if (pthread_create(&waiter, NULL, wait_stop, h) != 0) {
		fail(h, "a thread cannot be started: " CURE_PROCESSES);
		return -1;
	}
	gateway_run(h->gateway);
	atomic_store(&h->has_run, true);
	pthread_join(waiter, NULL);
	text_add(&summary, "", 0);
	audit_record_init(&r);
	r.kind = AUDIT_STOP;
	r.exit_status = h->exit_status;
	r.reason = h->exit_status < 0 ? "run-vanished" : "end";
	if (strlen(h->limit) > 1) {
		snprintf(limit, sizeof(limit), "the limit `%s` was reached", h->limit + 1);
		r.reason = "limit";
		r.detail = limit;
	}
	sum_up(h, &summary, &r.allowed, &r.refused);
	refused = audit_refused(h->audit);
	checkpoint_push_record_none(h->push);
	if (audit_append(h->audit, &r, &seq, &audit_diag) != AUDIT_OK ||
		audit_close(h->audit, &audit_diag) != AUDIT_OK) {
		fail(h, "the record could not be closed: %s", audit_diag.message);
		result = -1;
	} else if (refused > 0) {
		fail(h,
			"the record could not be written for a time: what %llu records announce, "
			"or "
			"would have, was refused; make room in %s",
			(unsigned long long)refused, h->plan->record_dir);
		result = -1;
	} else {
		result = frame_send(h->socket, FRAME_SUMMARY, summary.data, summary.len, NULL, 0);
	}
	h->audit = NULL;
	text_finish(&summary);
	return result;
}

/* libevent has no argument for its callback: one process, one plan. */
static const struct gateway_plan *event_plan;

static void on_event_log(int severity, const char *message)
{
	if (severity >= EVENT_LOG_WARN) {
		on_log((void *)event_plan, GATEWAY_LOG_WARN, message);
	}
}

/* In this order: who is started is started before there are secrets; what is read is read before
 * the process is confined; threads come after that, for Landlock would miss those that were there.
 */
static int begin(struct host_process *h)
{
	static int (*const steps[])(struct host_process * h) = {start_push, make_identity,
		load_record_key, load_trust, load_upstreams, make_gateway, confine, open_record};
	int result = 0;

	for (size_t i = 0; result == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		result = steps[i](h);
	}
	result = result != 0 ? result : record_upstreams(h, h->plan->rules, &h->files);
	upstreams_wipe(&h->files);
	return result != 0 ? result : take_door(h);
}

int gateway_main(const struct gateway_plan *plan, int socket)
{
	struct host_process h = {.plan = plan, .socket = socket};
	struct audit_diag ignored;
	int result;

	event_plan = plan;
	rules_limits(plan->rules, &h.limits);
	event_set_log_callback(on_event_log);
	result = begin(&h);
	if (result == 0) {
		result = serve(&h);
	}
	audit_key_wipe(&h.key);
	checkpoint_push_record_none(h.push);
	if (h.audit != NULL) {
		(void)audit_close(h.audit, &ignored); /* it wakes workers */
	}
	if (!gateway_process_ends) { /* the kernel does it in less time, and no thread is left */
		gateway_destroy(h.gateway);
	}
	while (h.retired != NULL) {
		struct retired_rules *r = h.retired;

		h.retired = r->next;
		ruleset_finish(&r->set);
		upstreams_destroy(r->upstreams);
		free(r);
	}
	upstreams_destroy(h.upstreams);
	upstreams_wipe(&h.values);
	if (!checkpoint_push_finish(h.push)) {
		fprintf(stderr, "sallyport gateway: the last checkpoint did not get to %s\n",
			plan->options->checkpoint_to);
	}
	if (!gateway_process_ends) {
		certs_trust_destroy(h.trust);
	}
	certs_mint_destroy(h.mint);
	certs_ca_destroy(h.ca);
	return result == 0 ? 0 : 1;
}
