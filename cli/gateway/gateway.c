/*
 * sallyport gateway: the gateway without a jail, for many clients and for long.
 *
 *   rules, CA, listeners -> gateway process -> signals, until it is told to end
 *
 * Two processes: this one reads files and hears signals and never sees a client's byte; the gateway
 * process sees them all, and gets new rules as text from here.
 */
#include "certs/certs.h"
#include "cli/cures.h"
#include "cli/gateway/auth_file.h"
#include "cli/gateway/digest_key.h"
#include "cli/gateway/options.h"
#include "cli/gateway/process.h"
#include "cli/rules/injects.h"
#include "cli/place.h"
#include "cli/rules/ruleset.h"
#include "cli/gateway/run_id.h"
#include "cli/gateway/service.h"
#include "cli/rules/upstreams.h"
#include "cli/verbs.h"

#include <event2/util.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { DRAIN_MAX = 3600 }; /* s */

static const char help[] =
	"usage: sallyport gateway --listen ADDRESS:PORT --rules FILE --ca DIR --record DIR "
	"[OPTION...]\n"
	"       sallyport gateway --reload PID | --end PID\n"
	"\n"
	"Serves clients that use it as their proxy, by the same rules and with the same record as "
	"a run, but\n"
	"without a jail: who does not use the proxy is not held.\n"
	"\n"
	"  --listen ADDRESS:PORT  where clients come (again for IPv6 or IPv4 besides)\n"
	"  --rules FILE          the rules\n"
	"  --ca DIR              the CA that clients believe: sallyport ca init DIR\n"
	"  --record DIR          where the record goes\n"
	"  --auth FILE           serve only who is named there, in lines of NAME:PASSWORD; must "
	"be "
	"readable by\n"
	"                        its owner alone, and be given when an ADDRESS is not loopback\n"
	"  --use PRESET,...      presets besides the rules\n"
	"  --drain SECONDS       how long the end waits for what is under way (default: 30)\n";

struct service {
	struct sockaddr_storage listen[2];
	int n_listen;
	const char *rules_path, *uses, *ca, *record, *auth_path;
	unsigned drain;
	unsigned char digest_key[AUDIT_KEY];
	struct gateway_options options;
	struct gateway_plan plan;

	char id[RUN_ID], record_dir[PATH_MAX];
	struct ruleset set;
	struct auth_file auth;
	struct gateway_process gateway;
	bool told; /* another one, and nothing is to be served here */
};

/* ---- options ---- */

static int add_listen(struct service *s, const char *text)
{
	int len = sizeof(s->listen[0]);

	if (s->n_listen == 2 || strrchr(text, ':') == NULL ||
		evutil_parse_sockaddr_port(
			text, (struct sockaddr *)&s->listen[s->n_listen], &len) != 0) {
		return complain(
			"--listen wants ADDRESS:PORT, an IP address, at most twice: %s", text);
	}
	s->n_listen++;
	return 0;
}

static int take_drain(struct service *s, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > DRAIN_MAX) {
		return complain("--drain wants a number of seconds up to %d: %s", DRAIN_MAX, text);
	}
	s->drain = (unsigned)n;
	return 0;
}

/* -1: help was asked for and given. */
static int parse_option(void *service, int option)
{
	struct service *s = service;

	switch (option) {
	case 'L':
	case 'E':
		s->told = true;
		return service_ask(optarg, option == 'L' ? SERVICE_RELOAD : SERVICE_END);
	case 'l': return add_listen(s, optarg);
	case 'r': s->rules_path = optarg; return 0;
	case 'u': s->uses = optarg; return 0;
	case 'a': s->ca = optarg; return 0;
	case 'R': s->record = optarg; return 0;
	case 'A': s->auth_path = optarg; return 0;
	case 'T': return take_drain(s, optarg);
	case 'h':
		fputs(help, stdout);
		fputs(gateway_options_help, stdout);
		fputs("\n", stdout);
		fputs(service_help, stdout);
		return -1;
	default: return complain("sallyport gateway --help lists the options");
	}
}

/* 0; an exit status; -1: what was asked for is done. */
static int parse_options(struct service *s, int argc, char **argv)
{
	static const struct option own[] = {{"listen", required_argument, NULL, 'l'},
		{"rules", required_argument, NULL, 'r'}, {"use", required_argument, NULL, 'u'},
		{"ca", required_argument, NULL, 'a'}, {"record", required_argument, NULL, 'R'},
		{"auth", required_argument, NULL, 'A'}, {"drain", required_argument, NULL, 'T'},
		{"reload", required_argument, NULL, 'L'}, {"end", required_argument, NULL, 'E'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int status = gateway_options_parse(&s->options, argc, argv, own, parse_option, s);

	if (status != 0) {
		return status;
	}
	if (s->told) {
		return -1;
	}
	if (optind < argc) {
		return complain("gateway runs no command: %s", argv[optind]);
	}
	if (s->n_listen == 0 || s->rules_path == NULL || s->ca == NULL || s->record == NULL) {
		return complain("gateway wants --listen, --rules, --ca and --record");
	}
	return 0;
}

/* ---- before anybody is served ---- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int read_auth(struct service *s)
{
	struct text text = {0};
	int status;

	for (int i = 0; s->auth_path == NULL && i < s->n_listen; i++) {
		if (!is_loopback(&s->listen[i])) {
			return complain("who listens off loopback must know its clients: say "
					"--auth FILE");
		}
	}
	if (s->auth_path == NULL) {
		return 0;
	}
	status = service_read_private("--auth", s->auth_path, &text);
	if (status == 0) {
		text_add(&text, "", 0);
		status = auth_file_parse(text.data, s->auth_path, &s->auth);
	}
	text_finish(&text);
	s->plan.auth = &s->auth;
	return status;
}

/* Clients of a service are no processes of ours to look at. */
static int load_rules(const struct service *s, struct ruleset *ret_set)
{
	struct ruleset set;
	int status = ruleset_load(s->rules_path, s->uses, &set);

	if (status == 0 && (rules_needs(set.rules) & RULES_NEED_PROGRAM) != 0) {
		ruleset_finish(&set);
		status = complain("the condition `by` is for `sallyport run`: a service does not "
				  "know which program asks");
	}
	if (status == 0) {
		*ret_set = set;
	}
	return status;
}

static int prepare(struct service *s)
{
	struct certs_diag diag;
	int status;

	if (certs_init(&diag) != CERTS_OK) {
		return complain("no random bytes: " CURE_RANDOM);
	}
	status = run_id(s->id);
	if (status != 0) {
		return status;
	}
	if (snprintf(s->record_dir, sizeof(s->record_dir), "%s", s->record) >=
		(int)sizeof(s->record_dir)) {
		return complain("the path of the record folder is too long");
	}
	status = read_auth(s);
	status = status != 0 ? status : load_rules(s, &s->set);
	status = status != 0 ? status : digest_key(s->digest_key);
	status = status != 0 ? status : place_make_folders(s->record_dir);
	return status != 0 ? status : gateway_options_find_key(&s->options);
}

/* Where clients really come: a port of 0 was chosen by the system. */
static void say_where(const struct service *s, const struct gateway_door *door)
{
	for (int i = 0; i < s->n_listen; i++) {
		struct sockaddr_storage at;
		socklen_t len = sizeof(at);
		char address[NI_MAXHOST], port[NI_MAXSERV];

		if (getsockname((int)door->tcp[i], (struct sockaddr *)&at, &len) == 0 &&
			getnameinfo((struct sockaddr *)&at, len, address, sizeof(address), port,
				sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
			fprintf(stderr,
				strchr(address, ':') != NULL ? "sallyport: listening on [%s]:%s\n"
							     : "sallyport: listening on %s:%s\n",
				address, port);
		}
	}
}

static int start(struct service *s)
{
	struct gateway_door door = {{-1, -1}, {-1, -1}, {-1, -1}, -1};
	struct gateway_story story = {
		.command = "[\"gateway\"]", .user = place_user(), .view = "[]"};
	char digest[65];
	int status = 0;

	for (int i = 0; status == 0 && i < s->n_listen; i++) {
		status = service_listen(&s->listen[i], &door.tcp[i]);
	}
	s->plan.rules = s->set.rules;
	s->plan.ca_dir = s->ca;
	s->plan.record_dir = s->record_dir;
	s->plan.run_id = s->id;
	s->plan.digest_key = s->digest_key;
	s->plan.options = &s->options;
	status = status != 0 ? status : gateway_process_start(&s->plan, &s->gateway);
	if (status != 0) {
		return status;
	}
	text_add(&s->set.all, "", 0);
	certs_sha256(s->set.all.data, s->set.all.len, digest);
	story.rules_digest = digest;
	say_where(s, &door);
	return gateway_process_open(&s->gateway, &door, &story);
}

/* ---- while it serves ---- */

/* What the new page says, with the files it names, checked as far as it can be here. */
static int read_anew(struct service *s, struct text *ret_packed)
{
	struct upstreams_problem problem = {""};
	struct upstreams *trial = NULL;
	struct text files = {0}, values = {0};
	struct ruleset set;
	int status = load_rules(s, &set);

	if (status != 0) {
		return status;
	}
	if (upstreams_read(set.rules, &files, &problem) != 0 ||
		upstreams_make(set.rules, &files, NULL, &trial, &problem) != 0 ||
		injects_read(set.rules, &values, &problem) != 0) {
		status = complain("%s", problem.text);
	} else {
		ruleset_pack(&set, &files, &values, ret_packed);
	}
	upstreams_wipe(&files);
	upstreams_wipe(&values);
	upstreams_destroy(trial);
	ruleset_finish(&set);
	return status;
}

static int reload(struct service *s)
{
	static const char kept[] = "rules that were to be read again are wrong: the old ones stay";
	struct text packed = {0};
	int status;

	if (read_anew(s, &packed) != 0) {
		complain("the old rules stay in force");
		return gateway_process_event(&s->gateway, "rules-kept", kept);
	}
	status = gateway_process_rules(&s->gateway, &packed);
	upstreams_wipe(&packed);
	if (status == 0) {
		fputs("sallyport: the new rules are in force\n", stderr);
	}
	return status;
}

static int serve(struct service *s)
{
	struct text summary = {0};
	enum service_wish wish = SERVICE_RELOAD;
	int status = 0;

	fputs("sallyport: serving\n", stderr);
	while (status == 0 && (wish = service_wait(s->gateway.socket)) == SERVICE_RELOAD) {
		status = reload(s);
	}
	if (wish == SERVICE_GONE) {
		return complain(
			"the gateway process died: " CURE_DIED "; the record says how far it came");
	}
	if (status == 0) {
		status = gateway_process_drain(&s->gateway, s->drain);
	}
	if (status == 0) {
		status = gateway_process_stop(&s->gateway, 0, NULL, &summary);
	}
	text_finish(&summary);
	return status;
}

int verb_gateway(int argc, char **argv)
{
	struct service s = {.drain = 30, .options = {.log_level = GATEWAY_LOG_WARN}};
	int status = parse_options(&s, argc, argv);

	if (status == 0) {
		status = prepare(&s); /* presets ask other programs, which want their signals */
	}
	if (status == 0) {
		status = service_hear();
	}
	if (status == 0) {
		status = start(&s);
	}
	if (status == 0) {
		status = serve(&s);
	}
	gateway_process_finish(&s.gateway);
	auth_file_finish(&s.auth);
	ruleset_finish(&s.set);
	gateway_options_finish(&s.options);
	return status < 0 ? 0 : status;
}
