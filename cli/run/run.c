/*
 * sallyport run: gateway outside, command inside, and nothing between them but the door.
 *
 *   rules -> gateway process (its CA) -> jail (its door) -> the door goes to the gateway, the start
 * of the run is on record -> the command starts -> it ends -> the gateway ends -> summary
 */
#include "certs/certs.h"
#include "cli/changes/verb.h"
#include "cli/cures.h"
#include "cli/run/client_trust.h"
#include "cli/gateway/digest_key.h"
#include "cli/gateway/options.h"
#include "cli/gateway/process.h"
#include "cli/rules/injects.h"
#include "cli/place.h"
#include "cli/rules/ruleset.h"
#include "cli/gateway/run_id.h"
#include "cli/verbs.h"
#include "cli/run/view.h"
#include "cli/run/who.h"
#include "jailer/jail.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DNS_PORT = 5300 };

static const char help[] =
	"usage: sallyport run [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs COMMAND in a jail that sees the system's folders (to read), the working folder (to "
	"write) and\n"
	"nothing else, and whose every connection ends in the gateway, where rules decide and a "
	"record is kept.\n"
	"\n"
	"  --rules FILE          the rules (default: sallyport.rules here; without any, nothing "
	"may pass)\n"
	"  --use PRESET,...      npm, pip, cargo, go, apt, git: the registries their clients are "
	"set up for\n"
	"  --record DIR          where the record goes (default: a folder of its own under\n"
	"                        $XDG_STATE_HOME/sallyport or ~/.local/state/sallyport)\n"
	"  --review              changes wait for `sallyport changes`: the folders stay as they "
	"are\n"
	"  --exempt-loopback     on Windows, elevated: reach the door by a loopback exemption, "
	"which opens\n"
	"                        every other local port to the command too\n"
	"  --quiet               no summary at the end\n";

static const char help_status[] =
	"\n"
	"Exit status: the command's own; 125 when Sallyport fails, 126 when COMMAND cannot be run, "
	"127 when it\n"
	"is not there, 128+N when signal N ended it.\n";

struct run {
	const char *rules_path, *uses, *record;
	struct gateway_options options;
	struct list env; /* the user's, without what is injected */
	unsigned char digest_key[AUDIT_KEY];
	bool quiet, review, exempt_loopback;
	char **command;

	char id[RUN_ID], record_dir[PATH_MAX], cwd[PATH_MAX];
	uint16_t proxy_port;
	struct ruleset set;
	struct gateway_process gateway;
	struct client_trust trust;
	struct view view;
	struct jail *jail;
	struct who_desk who;
};

/* ---- options ---- */

/* -1: help was asked for and given. */
static int parse_option(void *run, int option)
{
	struct run *r = run;

	switch (option) {
	case 'r': r->rules_path = optarg; return 0;
	case 'u': r->uses = optarg; return 0;
	case 'R': r->record = optarg; return 0;
	case 'V': r->review = true; return 0;
	case 'x': r->exempt_loopback = true; return 0;
	case 'q': r->quiet = true; return 0;
	case 'h':
		fputs(help, stdout);
		fputs(gateway_options_help, stdout);
		fputs(help_status, stdout);
		return -1;
	default: return complain("sallyport run --help lists the options");
	}
}

static int parse_options(struct run *r, int argc, char **argv)
{
	static const struct option own[] = {{"rules", required_argument, NULL, 'r'},
		{"use", required_argument, NULL, 'u'}, {"record", required_argument, NULL, 'R'},
		{"review", no_argument, NULL, 'V'}, {"exempt-loopback", no_argument, NULL, 'x'},
		{"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}, {0}};
	int status = gateway_options_parse(&r->options, argc, argv, own, parse_option, r);

	if (status == 0 && optind == argc) {
		return complain("run wants a command: sallyport run -- npm install");
	}
	r->command = argv + optind;
	return status;
}

/* ---- before anything runs ---- */

static int name_run(struct run *r)
{
	char state[PATH_MAX];
	int n, status = run_id(r->id);

	if (status != 0) {
		return status;
	}
	if (r->record != NULL) {
		n = snprintf(r->record_dir, sizeof(r->record_dir), "%s", r->record);
	} else if (place_state(state, sizeof(state)) == 0) {
		n = snprintf(r->record_dir, sizeof(r->record_dir), "%s/%s", state, r->id);
	} else {
		return complain("%s: say --record DIR", place_state_cure);
	}
	if (n >= (int)sizeof(r->record_dir)) {
		return complain("the path of the record folder is too long: say --record DIR");
	}
	return place_make_folders(r->record_dir);
}

static int prepare(struct run *r)
{
	struct certs_diag diag;
	int status;

	if (getcwd(r->cwd, sizeof(r->cwd)) == NULL) {
		return complain("the working folder has no path: %s: begin in one that is there",
			strerror(errno));
	}
	status = ruleset_load(r->rules_path, r->uses, &r->set);
	/* What would silently not be done makes the page say something that is not so. */
	if (status == 0 && !who_is_known && (rules_needs(r->set.rules) & RULES_NEED_PROGRAM)) {
		status = complain("the condition `by` is not carried out on this system, which "
				  "does not tell which program asks: take it out of the rules");
	}
	if (status == 0 && r->set.found && !r->quiet) {
		/* They may have come with the project: whoever starts the run is to know. */
		fprintf(stderr, "sallyport: the rules are those of %s/sallyport.rules\n", r->cwd);
	}
	if (status == 0 && certs_init(&diag) != CERTS_OK) {
		status = complain("%s", diag.message);
	}
	if (status == 0) {
		status = digest_key(r->digest_key);
	}
	status = status != 0 ? status : name_run(r);
	return status != 0 ? status : gateway_options_find_key(&r->options);
}

/* ---- gateway, jail, door ---- */

static int start_gateway(struct run *r)
{
	struct gateway_plan plan = {
		.rules = r->set.rules,
		.record_dir = r->record_dir,
		.run_id = r->id,
		.roots_later = true,
		.digest_key = r->digest_key,
		.options = &r->options,
	};

	return gateway_process_start(&plan, &r->gateway);
}

static int jail_problem(int error, const struct jail_diag *diag)
{
	if (error == JAIL_ENOTFOUND || error == JAIL_ENOEXEC) {
		complain("%s", diag->message);
		return error == JAIL_ENOTFOUND ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
	}
	if (diag->protection[0] != '\0') {
		complain("the protection `%s` cannot be put up, so nothing is started: %s",
			diag->protection, diag->message);
	} else {
		complain("%s", diag->message);
	}
	if (diag->cure[0] != '\0') {
		complain("what would make it possible: %s", diag->cure);
	}
	return EXIT_OURS;
}

static int make_jail(struct run *r, struct jail_door *ret_door)
{
	struct rules_limits limits;
	struct jail_spec spec = {.argv = r->command,
		.envp = r->trust.env.items,
		.cwd = r->cwd,
		.view = r->view.entries,
		.n_view = r->view.n,
		.proxy_port = r->proxy_port,
		.dns_port = DNS_PORT,
		.exempt_loopback = r->exempt_loopback};
	struct jail_diag diag;
	int error;

	rules_limits(r->set.rules, &limits);
	spec.limits = (struct jail_limits){limits.memory, limits.processes, limits.time, limits.cpu,
		limits.file_size, limits.open_files};
	error = jail_create(&spec, &r->jail, &diag);
	if (error == JAIL_OK) {
		error = jail_take_door(r->jail, ret_door, &diag);
	}
	return error == JAIL_OK ? 0 : jail_problem(error, &diag);
}

static int open_door(struct run *r, const struct jail_door *jail_door)
{
	struct gateway_door door;
	struct text command = {0}, view = {0};
	char digest[65];
	struct gateway_story story = {.user = place_user(), .rules_digest = digest};
	int status;

	for (int i = 0; i < 2; i++) {
		door.tcp[i] = jail_door->tcp[i];
		door.dns_udp[i] = jail_door->dns_udp[i];
		door.dns_tcp[i] = jail_door->dns_tcp[i];
	}
	status = who_open(&r->who, &door.who);
	if (status != 0) {
		return status;
	}
	text_print(&command, "[");
	for (char **arg = r->command; *arg != NULL; arg++) {
		text_print(&command, "%s", arg != r->command ? "," : "");
		text_json(&command, *arg);
	}
	text_print(&command, "]");
	view_describe(&r->view, &view);
	text_add(&r->set.all, "", 0);
	certs_sha256(r->set.all.data, r->set.all.len, digest);
	story.command = command.data;
	story.view = view.data;
	status = gateway_process_open(&r->gateway, &door, &story);
	text_finish(&command);
	text_finish(&view);
	return status;
}

/* ---- the end ---- */

/* What the gateway counts it tells before anything of the command can notice. */
static void ask_for_limit(struct run *r, struct jail_result *result)
{
	struct text name = {0};

	if (gateway_process_limit(&r->gateway, &name)) {
		result->end = JAIL_END_LIMIT;
		snprintf(result->limit, sizeof(result->limit), "%s", name.data);
	}
	text_finish(&name);
}

static int exit_status_of(const struct jail_result *result)
{
	switch (result->end) {
	case JAIL_END_EXIT: return result->value;
	case JAIL_END_SIGNAL: return 128 + result->value;
	case JAIL_END_LIMIT:
		if (strcmp(result->limit, "gateway") == 0) {
			return complain(
				"the gateway process died, so the command was ended: " CURE_DIED);
		}
		complain("the command was ended: it reached the limit `%s`", result->limit);
		return 124;
	case JAIL_END_NONE: break;
	}
	return EXIT_OURS;
}

static void human(unsigned long long bytes, char out[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* "host TAB allowed TAB refused TAB out TAB in TAB reason TAB statement": one line of the summary.
 */
static void print_host(const char *line)
{
	char host[256], out_text[32], in_text[32], reason[32] = "", add[256] = "";
	unsigned long long allowed, refused, out, in;

	if (sscanf(line, "%255[^\t]\t%llu\t%llu\t%llu\t%llu\t%31[^\t\n]%*1[\t]%255[^\n]", host,
		    &allowed, &refused, &out, &in, reason, add) < 5) {
		return;
	}
	human(out, out_text);
	human(in, in_text);
	fprintf(stderr, "  %-40s %6llu allowed %6llu refused %10s out %10s in\n", host, allowed,
		refused, out_text, in_text);
	if (refused > 0) {
		fprintf(stderr, "    refused: %s%s%s\n", reason,
			add[0] ? "; the rules would need: " : "", add);
	}
}

static void print_summary(const struct run *r, const struct text *summary)
{
	const char *line = summary->len > 0 ? summary->data : "";
	unsigned long long spent, limit;
	char spent_text[32], limit_text[32];

	/* A line without a host is the count of `limit egress`. */
	if (*line == '\t' && sscanf(line, "\t%llu\t%llu", &spent, &limit) == 2) {
		human(spent, spent_text);
		human(limit, limit_text);
		fprintf(stderr, "sallyport: %s of %s left for origins (limit egress)\n", spent_text,
			limit_text);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	fprintf(stderr, "sallyport: %s\n", line[0] ? "requests by host" : "no request was made");
	while (*line != '\0') {
		print_host(line);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	fprintf(stderr, "sallyport: the record: sallyport log show %s\n", r->record_dir);
}

static void print_protections(const struct run *r)
{
	static const char *const states[] = {"DOWN", "up", "absent"};
	size_t n;
	const struct jail_protection *all = jail_report(r->jail, &n);

	for (size_t i = 0; i < n; i++) {
		fprintf(stderr, "sallyport: %-8s%s%s%s\n", states[all[i].state], all[i].name,
			all[i].detail[0] ? ": " : "", all[i].detail);
	}
}

static int carry_out(struct run *r)
{
	struct jail_result result = {JAIL_END_NONE};
	struct jail_diag diag;
	struct text summary = {0};
	int error = jail_start(r->jail, &diag), status, stopped;

	if (error == JAIL_OK && r->options.log_level >= GATEWAY_LOG_INFO) {
		print_protections(r);
	}
	status = error == JAIL_OK ? who_start(&r->who, r->jail) : 0;
	if (error == JAIL_OK && status == 0) {
		error = jail_wait(r->jail, r->gateway.socket, &result, &diag);
		ask_for_limit(r, &result);
	}
	if (status == 0) {
		status = error == JAIL_OK ? exit_status_of(&result) : jail_problem(error, &diag);
	}
	stopped = gateway_process_stop(
		&r->gateway, status, result.end == JAIL_END_LIMIT ? result.limit : NULL, &summary);
	if (stopped == 0 && !r->quiet && error == JAIL_OK) {
		print_summary(r, &summary);
	}
	text_finish(&summary);
	if (r->review && !r->quiet && error == JAIL_OK &&
		changes_sum_up(r->record_dir, r->record != NULL ? r->record_dir : r->id) != 0) {
		stopped = EXIT_OURS;
	}
	return stopped != 0 ? stopped : status;
}

static int record_events(struct run *r)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i + 1 < r->view.events.n; i += 2) {
		status = gateway_process_event(
			&r->gateway, r->view.events.items[i], r->view.events.items[i + 1]);
	}
	return status;
}

/* This run's, and those of all the others. */
static int keep_records_out(struct run *r)
{
	char state[PATH_MAX];
	int status = 0;

	/* The wider one first. */
	if (place_state(state, sizeof(state)) == 0) {
		status = view_keep_out(&r->view, state);
	}
	return status == 0 ? view_keep_out(&r->view, r->record_dir) : status;
}

int verb_run(int argc, char **argv)
{
	struct run r = {.options = {.log_level = GATEWAY_LOG_ERROR}};
	struct jail_door door;
	int status = parse_options(&r, argc, argv);

	if (status == 0) {
		status = prepare(&r);
	}
	if (status == 0) {
		client_trust_begin(&r.trust);
		status = start_gateway(&r);
	}
	if (status == 0) {
		injects_hide(r.set.rules, place_environment(), &r.env);
		r.proxy_port = place_proxy_port();
		status = r.proxy_port != 0 ? client_trust_make(&r.trust, r.gateway.ca.data,
						     r.proxy_port, r.env.items)
					   : complain("there is no port for the door");
	}
	if (status == 0) {
		status = view_make(&r.view, r.cwd, r.set.rules, r.record_dir, &r.trust);
		if (record_events(&r) != 0) {
			status = EXIT_OURS;
		}
	}
	if (status == 0) {
		status = (r.review ? view_review : view_keep)(&r.view, r.cwd, r.rules_path);
	}
	if (status == 0 && r.view.git_kept_away) {
		client_trust_without_git(&r.trust);
	}
	if (status == 0) {
		status = keep_records_out(&r);
	}
	if (status == 0) {
		status = make_jail(&r, &door);
	}
	if (status == 0) {
		status = open_door(&r, &door);
	}
	if (status == 0) {
		view_sweep(&r.view);
		status = carry_out(&r);
	}
	who_stop(&r.who);
	jail_destroy(r.jail);
	gateway_process_finish(&r.gateway);
	view_finish(&r.view);
	client_trust_finish(&r.trust);
	ruleset_finish(&r.set);
	gateway_options_finish(&r.options);
	list_finish(&r.env);
	return status < 0 ? 0 : status;
}
