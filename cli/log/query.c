/*
 * Which records: the folder, the filters, and the reading that all verbs of `sallyport log` share.
 */
#include "cli/log/query.h"
#include "cli/characters.h"
#include "cli/place.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "rules/rules.h"

#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

const char log_query_help[] =
	"  --host PATTERN   of this host; *.x is one label below x, **.x any depth\n"
	"  --verdict WORD   allow, deny or tunnel; --refused is --verdict deny\n"
	"  --status CODE    answered with this status: 404, or 4xx\n"
	"  --rule TEXT      decided by this statement: FILE:LINE, or FILE\n"
	"  --program TEXT   asked by this program: /usr/bin/git, git, or `unknown`\n"
	"  --since WHEN     not older than this: 90s, 30m, 1h, 7d, or 2026-01-31[T12:00[:00]] "
	"(UTC)\n"
	"  --until WHEN     not younger than this\n"
	"\n"
	"Without DIR it is the newest record of this user. A line that is no record is told and "
	"passed over; then the\n"
	"exit status is 1.\n";

/* ---- options ---- */

static bool read_age(const char *text, int64_t *ret_ns)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	char *end;
	long long n = strtoll(text, &end, 10);

	if (end == text || n < 0 || n > 1000000 || end[0] == '\0' || end[1] != '\0') {
		return false;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit == *end) {
			*ret_ns = ((int64_t)time(NULL) - n * units[i].seconds) * 1000000000;
			return true;
		}
	}
	return false;
}

static bool read_date(const char *text, int64_t *ret_ns)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, formats[i], &tm);

		if (end != NULL && (*end == '\0' || strcmp(end, "Z") == 0)) {
			int day = tm.tm_mday;

			*ret_ns = (int64_t)timegm(&tm) * 1000000000;
			return tm.tm_mday == day; /* there is no 30th of February */
		}
	}
	return false;
}

static int read_when(const char *option, const char *text, int64_t *ret_ns)
{
	return read_age(text, ret_ns) || read_date(text, ret_ns)
		       ? 0
		       : complain("--%s wants 90s, 30m, 1h, 7d or 2026-01-31T12:00: %s", option,
				 text);
}

static int read_status(struct log_query *q, const char *text)
{
	char *end;
	long status = strtol(text, &end, 10);

	if (*end == '\0' && status >= 100 && status <= 999) {
		q->status_from = q->status_to = (int)status;
		return 0;
	}
	if (status >= 1 && status <= 9 && strcasecmp(end, "xx") == 0) {
		q->status_from = (int)status * 100;
		q->status_to = q->status_from + 99;
		return 0;
	}
	return complain("--status wants a code like 404, or 4xx: %s", text);
}

static int read_verdict(struct log_query *q, const char *text)
{
	if (strcmp(text, "allow") != 0 && strcmp(text, "deny") != 0 &&
		strcmp(text, "tunnel") != 0) {
		return complain("--verdict wants allow, deny or tunnel: %s", text);
	}
	q->verdict = text;
	return 0;
}

/* Hosts are on record in lower case. */
static int read_host(struct log_query *q, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(q->host_text)) {
		return complain("--host wants a host, *.x or **.x: %s", text);
	}
	for (size_t i = 0; i <= len; i++) {
		q->host_text[i] = (char)tolower((unsigned char)text[i]);
	}
	q->host = q->host_text;
	return 0;
}

int log_query_option(struct log_query *q, int option, const char *value)
{
	switch (option) {
	case 'H': return read_host(q, value);
	case 'R': q->verdict = "deny"; return 0;
	case 'S': return read_when("since", value, &q->since);
	case 'U': return read_when("until", value, &q->until);
	case 'C': return read_status(q, value);
	case 'L': q->rule = value; return 0;
	case 'P': q->program = value; return 0;
	case 'V': return read_verdict(q, value);
	case '?': return complain("sallyport log --help lists the verbs and their options");
	default: return -1;
	}
}

/* ---- the folder ---- */

/* Runs name their folders by their start: the last by name is the newest. */
static int newest(char ret_dir[PATH_MAX])
{
	char state[PATH_MAX - 256], best[256] = "";
	struct dirent *entry;
	DIR *list;

	if (place_state(state, sizeof(state)) != 0) {
		return complain("%s: say which record", place_state_cure);
	}
	list = opendir(state);
	while (list != NULL && (entry = readdir(list)) != NULL) {
		const char *name = entry->d_name;

		if (name[0] >= '0' && name[0] <= '9' && strlen(name) < sizeof(best) &&
			strcmp(name, best) > 0) {
			snprintf(best, sizeof(best), "%s", name);
		}
	}
	if (list != NULL) {
		closedir(list);
	}
	if (best[0] == '\0') {
		return complain("no record folder in %s: say which", state);
	}
	snprintf(ret_dir, PATH_MAX, "%s/%s", state, best);
	return 0;
}

int log_query_open(struct log_query *q, const char *dir)
{
	struct audit_diag diag;
	int status = 0;

	if (dir == NULL) {
		status = newest(q->dir);
	} else if ((size_t)snprintf(q->dir, sizeof(q->dir), "%s", dir) >= sizeof(q->dir)) {
		status = complain("the path of the record folder is too long");
	}
	if (status != 0) {
		return status;
	}
	if (audit_reader_open(q->dir, &q->reader, &diag) != AUDIT_OK) {
		return complain("%s %s", diag.path, diag.message);
	}
	return 0;
}

/* ---- filters ---- */

/* "dir/x.rules:3" is named by itself, by x.rules:3, by x.rules. */
static bool rule_fits(const char *rule, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *at = rule, *slash; at != NULL; at = slash != NULL ? slash + 1 : NULL) {
		slash = strchr(at, '/');
		if (strncmp(at, wanted, len) == 0 && (at[len] == '\0' || at[len] == ':')) {
			return true;
		}
	}
	return false;
}

/* "/usr/bin/git" is named by itself, and by git. */
static bool program_fits(const char *program, const char *wanted)
{
	const char *slash = strrchr(program, '/');

	return strcmp(program, wanted) == 0 || (slash != NULL && strcmp(slash + 1, wanted) == 0);
}

static bool fits(const struct log_query *q, const struct audit_record *r)
{
	if ((q->since != 0 && r->time_ns < q->since) || (q->until != 0 && r->time_ns > q->until)) {
		return false;
	}
	if (q->host != NULL && (r->host == NULL || !rules_host_matches(q->host, r->host))) {
		return false;
	}
	if (q->verdict != NULL && (r->verdict == NULL || strcmp(q->verdict, r->verdict) != 0)) {
		return false;
	}
	/* An intent that allows has no status: its outcome will tell. */
	if (q->status_to != 0 && !(q->pairs && r->kind == AUDIT_INTENT && r->status == 0) &&
		(r->status < q->status_from || r->status > q->status_to)) {
		return false;
	}
	if (q->program != NULL && (r->program == NULL || !program_fits(r->program, q->program))) {
		return false;
	}
	return q->rule == NULL || (r->rule != NULL && rule_fits(r->rule, q->rule));
}

static void tell_passed_over(const struct log_query *q, const struct audit_diag *diag)
{
	char line[24] = "";

	if (diag->line > 0) {
		snprintf(line, sizeof(line), ":%llu", (unsigned long long)diag->line);
	}
	complain("%s/%s%s: %s; passed over", q->dir, diag->path, line, diag->message);
}

int log_query_next(struct log_query *q, struct audit_record *ret_record)
{
	struct audit_diag diag;
	int error;

	while ((error = audit_reader_next(q->reader, ret_record, &diag)) != AUDIT_END) {
		if (error == AUDIT_EFORMAT || error == AUDIT_ETOOLONG) {
			q->corrupt++;
			tell_passed_over(q, &diag);
		} else if (error != AUDIT_OK) {
			complain("%s/%s %s", q->dir, diag.path, diag.message);
			return AUDIT_EIO;
		} else if (fits(q, ret_record)) {
			return AUDIT_OK;
		}
	}
	return AUDIT_END;
}

int log_query_close(struct log_query *q, int error)
{
	audit_reader_close(q->reader);
	q->reader = NULL;
	if (error != AUDIT_OK && error != AUDIT_END) {
		return EXIT_OURS;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		return complain("the output cannot be written");
	}
	return q->corrupt > 0 ? 1 : 0;
}

/* ---- pairs ---- */

enum { BUCKETS = 4096 };

struct pair {
	struct pair *next;
	struct audit_record *intent; /* owned */
};

struct log_pairs {
	struct pair *buckets[BUCKETS];
	size_t n;
};

struct log_pairs *log_pairs_create(void)
{
	struct log_pairs *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		abort(); /* as text.c does */
	}
	return p;
}

void log_pairs_destroy(struct log_pairs *p)
{
	for (size_t i = 0; p != NULL && i < BUCKETS; i++) {
		while (p->buckets[i] != NULL) {
			struct pair *pair = p->buckets[i];

			p->buckets[i] = pair->next;
			free(pair->intent);
			free(pair);
		}
	}
	free(p);
}

void log_pairs_put(struct log_pairs *p, const struct audit_record *intent)
{
	struct pair *pair = malloc(sizeof(*pair)),
		    **bucket = &p->buckets[intent->request % BUCKETS];

	if (pair == NULL || (pair->intent = audit_record_copy(intent)) == NULL) {
		abort();
	}
	pair->next = *bucket;
	*bucket = pair;
	p->n++;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

struct audit_record *log_pairs_take(struct log_pairs *p, const struct audit_record *outcome)
{
	struct pair **at = &p->buckets[outcome->request % BUCKETS];

	for (; *at != NULL; at = &(*at)->next) {
		struct pair *pair = *at;
		struct audit_record *intent = pair->intent;

		if (intent->request == outcome->request && same(intent->run, outcome->run)) {
			*at = pair->next;
			free(pair);
			p->n--;
			return intent;
		}
	}
	return NULL;
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = (*(const struct audit_record *const *)a)->seq,
		 y = (*(const struct audit_record *const *)b)->seq;

	return x < y ? -1 : x > y;
}

void log_pairs_each(
	struct log_pairs *p, void (*fn)(void *arg, const struct audit_record *intent), void *arg)
{
	const struct audit_record **all = calloc(p->n + 1, sizeof(const struct audit_record *));
	size_t n = 0;

	if (all == NULL) {
		abort();
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct pair *pair = p->buckets[i]; pair != NULL; pair = pair->next) {
			all[n++] = pair->intent;
		}
	}
	qsort(all, n, sizeof(const struct audit_record *), by_seq);
	for (size_t i = 0; i < n; i++) {
		fn(arg, all[i]);
	}
	free(all);
}

/* ---- words ---- */

void log_url(struct text *t, const struct audit_record *r)
{
	bool tunnel = r->scheme != NULL && strcmp(r->scheme, "tcp") == 0;
	bool v6 = r->host != NULL && strchr(r->host, ':') != NULL && r->host[0] != '[';
	bool usual =
		r->scheme != NULL && ((strcmp(r->scheme, "https") == 0 && r->port == 443) ||
					     (strcmp(r->scheme, "http") == 0 && r->port == 80));

	t->len = 0;
	if (!tunnel && r->scheme != NULL) {
		text_put(t, r->scheme);
		text_put(t, "://");
	}
	text_put(t, v6 ? "[" : "");
	text_put(t, r->host != NULL ? r->host : "-");
	text_put(t, v6 ? "]" : "");
	if (r->port != 0 && !usual) {
		text_print(t, ":%u", r->port);
	}
	text_put(t, r->path != NULL ? r->path : "");
	if (r->query != NULL) {
		text_put(t, "?");
		text_put(t, r->query);
	}
}

const char *log_method(const struct audit_record *r)
{
	if (r->method != NULL) {
		return r->method;
	}
	return r->host != NULL ? "TCP" : "(unread)";
}

void log_add_some(struct text *t, const char *text, size_t most)
{
	const unsigned char *s = (const unsigned char *)(text != NULL ? text : "-"), *plain = s;
	unsigned code;

	for (size_t n = 0; n < most && *s != '\0'; n++) {
		size_t len = *s >= 0x20 && *s < 0x7f ? 1 : read_character(s, &code);

		if (len == 0 || ((len > 1 || *s < 0x20 || *s == 0x7f) && steers(code))) {
			text_add(t, plain, (size_t)(s - plain));
			text_add(t, "?", 1);
			s += len > 0 ? len : 1;
			plain = s;
		} else {
			s += len;
		}
	}
	text_add(t, plain, (size_t)(s - plain));
}

void log_add(struct text *t, const char *text)
{
	log_add_some(t, text, SIZE_MAX);
}

void log_print(const char *text)
{
	struct text t = {0};

	log_add(&t, text);
	fwrite(t.data, 1, t.len, stdout);
	text_finish(&t);
}
