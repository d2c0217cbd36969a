/*
 * Options of the gateway, from text.
 */
#include "audit/verify.h"
#include "cli/gateway/options.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <event2/util.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHARED = 0x100,   /* above the letters of verbs */
	OPTIONS_MAX = 64, /* of a verb, these here among them */
	WORKERS_MAX = 64,
};

const char gateway_options_help[] =
	"  --durability MODE     durable (default: on disk before anything leaves) or buffered\n"
	"  --digest NAME         on record only as a keyed digest: this header, and this query "
	"parameter (again for\n"
	"                        more); credentials' headers are without asking\n"
	"  --record-header NAME  on record too, besides the usual headers (again for more)\n"
	"  --record-body BYTES   the longest body that `log body` stores (default: 8388608)\n"
	"  --record-key FILE     the key that seals the record; made when it is not there "
	"(default:\n"
	"                        record.key in sallyport's state folder)\n"
	"  --rotate-size SIZE, --rotate-age TIME  begin a new segment of the record when this one\n"
	"                        has that size (default: 64MiB) or age (like 12h, 7d)\n"
	"  --keep-size SIZE, --keep-age TIME  take the oldest closed segments away; the record "
	"tells\n"
	"  --compress            keep closed segments compressed with zstd\n"
	"  --checkpoint-to TO    hand each signed checkpoint on: to a FILE, to an http or https "
	"URL,\n"
	"                        or to '|COMMAND'\n"
	"  --upstream-ca FILE    believe these roots too, besides the system's (may be given "
	"again)\n"
	"  --dns ADDRESS:PORT    ask this name server instead of the system's\n"
	"  --upstream-proxy URL  reach origins through this proxy (http://user@host:port), but "
	"those "
	"of NO_PROXY\n"
	"  --deadline NAME=SECONDS  wait no longer: head, idle, handshake, connect, first-byte, "
	"tunnel\n"
	"  --at-most NAME=N      take no more: head (bytes, 65536), fields (256), connections\n"
	"  --metrics ADDRESS:PORT  tell metrics there, on the host, to whoever asks for /metrics\n"
	"  --workers N           gateway threads (default: one a core)\n"
	"  --verbose, --debug    say more of what the gateway does\n";

/* ---- values ---- */

static int take_deadline(struct gateway_deadlines *deadlines, const char *text)
{
	static const struct {
		const char *name;
		size_t at;
	} names[] = {
		{"head", offsetof(struct gateway_deadlines, head)},
		{"idle", offsetof(struct gateway_deadlines, idle)},
		{"handshake", offsetof(struct gateway_deadlines, handshake)},
		{"connect", offsetof(struct gateway_deadlines, connect)},
		{"first-byte", offsetof(struct gateway_deadlines, first_byte)},
		{"tunnel", offsetof(struct gateway_deadlines, tunnel)},
	};
	size_t len = strcspn(text, "=");
	char *end;

	for (size_t i = 0; text[len] == '=' && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) == len && strncmp(names[i].name, text, len) == 0) {
			unsigned long seconds = strtoul(text + len + 1, &end, 10);

			if (text[len + 1] < '0' || text[len + 1] > '9' || *end != '\0' ||
				seconds == 0 || seconds > 86400) {
				break;
			}
			*(unsigned *)((char *)deadlines + names[i].at) = (unsigned)seconds;
			return 0;
		}
	}
	return complain("--deadline wants NAME=SECONDS, one of head, idle, handshake, connect, "
			"first-byte, tunnel: %s",
		text);
}

static int take_at_most(struct gateway_limits *limits, const char *text)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned long least, most;
	} names[] = {
		{"head", offsetof(struct gateway_limits, head), 1024, 16 * 1024 * 1024},
		{"fields", offsetof(struct gateway_limits, fields), 16, 16384},
		{"connections", offsetof(struct gateway_limits, connections), 1, 1000000},
	};
	size_t len = strcspn(text, "=");
	char *end;

	for (size_t i = 0; text[len] == '=' && i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned long number = strtoul(text + len + 1, &end, 10);

		if (strlen(names[i].name) == len && strncmp(names[i].name, text, len) == 0 &&
			text[len + 1] >= '0' && text[len + 1] <= '9' && *end == '\0' &&
			number >= names[i].least && number <= names[i].most) {
			*(unsigned *)((char *)limits + names[i].at) = (unsigned)number;
			return 0;
		}
	}
	return complain("--at-most wants head=BYTES (from 1024), fields=N (from 16) or "
			"connections=N: %s",
		text);
}

/* "10", "10MiB", "7d": a number and one of the units; 0 when it is none. */
static uint64_t number_with_unit(const char *text, const char *const *units, const uint64_t *worth)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10), value;

	if (text[0] < '0' || text[0] > '9') {
		return 0;
	}
	for (size_t i = 0; units[i] != NULL; i++) {
		if (strcmp(end, units[i]) == 0 &&
			!__builtin_mul_overflow(number, worth[i], &value) && value <= INT64_MAX) {
			return value;
		}
	}
	return 0;
}

static int take_keeping(struct audit_options *options, const char *name, const char *text)
{
	static const char *const sizes[] = {"", "KiB", "MiB", "GiB", NULL};
	static const uint64_t bytes[] = {1, 1024, 1024 * 1024, 1024 * 1024 * 1024};
	static const char *const times[] = {"", "s", "m", "h", "d", NULL};
	static const uint64_t seconds[] = {1, 1, 60, 3600, 86400};
	bool is_size = strstr(name, "-size") != NULL;
	uint64_t value = is_size ? number_with_unit(text, sizes, bytes)
				 : number_with_unit(text, times, seconds);

	if (value == 0 || (!is_size && value > INT32_MAX)) {
		return complain(is_size ? "--%s wants a number of bytes, or of KiB, MiB, GiB: %s"
					: "--%s wants a number of seconds, or with m, h, d: %s",
			name, text);
	}
	if (strcmp(name, "rotate-size") == 0) {
		options->segment_bytes = value;
	} else if (strcmp(name, "rotate-age") == 0) {
		options->segment_seconds = (unsigned)value;
	} else if (strcmp(name, "keep-size") == 0) {
		options->keep_bytes = value;
	} else {
		options->keep_seconds = (unsigned)value;
	}
	return 0;
}

static int take_nameserver(struct gateway_options *o, const char *text)
{
	struct sockaddr_storage address;
	int len = sizeof(address);

	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &len) != 0) {
		return complain(
			"--dns wants ADDRESS:PORT of a name server, an IP address and not a "
			"name: %s",
			text);
	}
	o->nameserver = text;
	return 0;
}

static int take_durability(struct gateway_options *o, const char *text)
{
	if (strcmp(text, "durable") != 0 && strcmp(text, "buffered") != 0) {
		return complain("--durability wants durable or buffered: %s", text);
	}
	o->record.durability = text[0] == 'd' ? AUDIT_DURABLE : AUDIT_BUFFERED;
	return 0;
}

static int take_body_max(struct gateway_options *o, const char *text)
{
	char *end;

	o->body_max = strtoll(text, &end, 10);
	return *end == '\0' && o->body_max > 0
		       ? 0
		       : complain("--record-body wants a number of bytes: %s", text);
}

static int take_workers(struct gateway_options *o, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n == 0 || n > WORKERS_MAX) {
		return complain("--workers wants a number from 1 to %d: %s", WORKERS_MAX, text);
	}
	o->workers = (unsigned)n;
	return 0;
}

/* ---- options ---- */

static const struct option shared[] = {{"durability", required_argument, NULL, 'D'},
	{"digest", required_argument, NULL, 'g'}, {"record-header", required_argument, NULL, 'H'},
	{"record-body", required_argument, NULL, 'b'}, {"record-key", required_argument, NULL, 'K'},
	{"rotate-size", required_argument, NULL, 'k'}, {"rotate-age", required_argument, NULL, 'k'},
	{"keep-size", required_argument, NULL, 'k'}, {"keep-age", required_argument, NULL, 'k'},
	{"compress", no_argument, NULL, 'z'}, {"checkpoint-to", required_argument, NULL, 'C'},
	{"upstream-ca", required_argument, NULL, 'c'}, {"dns", required_argument, NULL, 'n'},
	{"upstream-proxy", required_argument, NULL, 'p'},
	{"deadline", required_argument, NULL, 't'}, {"at-most", required_argument, NULL, 'M'},
	{"metrics", required_argument, NULL, 'm'}, {"workers", required_argument, NULL, 'w'},
	{"verbose", no_argument, NULL, 'v'}, {"debug", no_argument, NULL, 'd'}};

static int take_shared(struct gateway_options *o, const struct option *option, const char *value)
{
	switch (option->val) {
	case 'D': return take_durability(o, value);
	case 'g': list_add(&o->digested, value); return 0;
	case 'H': list_add(&o->recorded_headers, value); return 0;
	case 'b': return take_body_max(o, value);
	case 'K': o->record_key = value; return 0;
	case 'k': return take_keeping(&o->record, option->name, value);
	case 'z': o->record.compress = true; return 0;
	case 'C': o->checkpoint_to = value; return 0;
	case 'c': list_add(&o->upstream_cas, value); return 0;
	case 'n': return take_nameserver(o, value);
	case 'p': o->upstream_proxy = value; return 0;
	case 't': return take_deadline(&o->deadlines, value);
	case 'M': return take_at_most(&o->limits, value);
	case 'm': o->metrics = value; return 0;
	case 'w': return take_workers(o, value);
	case 'v': o->log_level = GATEWAY_LOG_INFO; return 0;
	default: o->log_level = GATEWAY_LOG_DEBUG; return 0;
	}
}

int gateway_options_parse(struct gateway_options *o, int argc, char **argv,
	const struct option *own, int (*take)(void *arg, int option), void *arg)
{
	const int n_shared = sizeof(shared) / sizeof(shared[0]);
	struct option all[OPTIONS_MAX] = {0};
	int option, n = 0, status = 0;

	for (; n < n_shared; n++) {
		all[n] = shared[n];
		all[n].val = SHARED + n;
	}
	for (; own->name != NULL && n < OPTIONS_MAX - 1; own++) {
		all[n++] = *own;
	}
	while (status == 0 && (option = getopt_long(argc, argv, "+", all, NULL)) != -1) {
		status = option < SHARED ? take(arg, option)
					 : take_shared(o, &shared[option - SHARED], optarg);
	}
	return status;
}

int gateway_options_find_key(struct gateway_options *o)
{
	char state[PATH_MAX];
	int status;

	if (o->record_key != NULL || !audit_can_seal()) {
		return 0;
	}
	if (place_state(state, sizeof(state)) != 0) {
		return complain("the key that seals the record has no place: %s, or say "
				"--record-key FILE",
			place_state_cure);
	}
	status = place_make_folders(state);
	if (status == 0 && snprintf(o->key_path, sizeof(o->key_path), "%s/record.key", state) >=
				   (int)sizeof(o->key_path)) {
		status = complain("the path of the sealing key is too long");
	}
	o->record_key = o->key_path;
	return status;
}

void gateway_options_finish(struct gateway_options *o)
{
	list_finish(&o->digested);
	list_finish(&o->recorded_headers);
	list_finish(&o->upstream_cas);
}
