/*
 * Which records of which folder: what the verbs of `sallyport log` have in common.
 */
#ifndef SALLYPORT_CLI_LOG_QUERY_H
#define SALLYPORT_CLI_LOG_QUERY_H

#include "audit/audit.h"
#include "cli/text.h"

#include <getopt.h>
#include <limits.h>

struct log_query {
	char dir[PATH_MAX], host_text[256];
	const char *host, *rule, *verdict, *program; /* NULL: any */
	int status_from, status_to;                  /* 0: any */
	int64_t since, until;                        /* ns since the epoch; 0: any */
	bool pairs; /* intents fit any status: whoever asks puts them to their outcomes */
	unsigned long long corrupt;  /* lines that were no record so far */
	struct audit_reader *reader; /* owned */
};

/* Rows of a getopt_long table and their help. */
#define LOG_QUERY_OPTIONS                                                                         \
	{"host", required_argument, NULL, 'H'}, {"refused", no_argument, NULL, 'R'},              \
		{"since", required_argument, NULL, 'S'}, {"until", required_argument, NULL, 'U'}, \
		{"status", required_argument, NULL, 'C'}, {"rule", required_argument, NULL, 'L'}, \
		{"verdict", required_argument, NULL, 'V'},                                        \
	{                                                                                         \
		"program", required_argument, NULL, 'P'                                           \
	}
extern const char log_query_help[];

/* 0: taken; -1: no option of the query; else an exit status after having complained. */
int log_query_option(struct log_query *q, int option, const char *value);
/* `dir` NULL: the newest record of this user. 0, or an exit status after having complained. */
int log_query_open(struct log_query *q, const char *dir);
/*
 * The next record that fits. A line that is no record is told on stderr, counted and passed over.
 * AUDIT_OK, AUDIT_END, or AUDIT_EIO after having complained.
 */
int log_query_next(struct log_query *q, struct audit_record *ret_record);
/* The verb's exit status. */
int log_query_close(struct log_query *q, int error);

/* ---- intents, until their outcome comes ---- */
struct log_pairs;
struct log_pairs *log_pairs_create(void);
void log_pairs_destroy(struct log_pairs *p);
void log_pairs_put(struct log_pairs *p, const struct audit_record *intent);
/* Its intent, the caller's to free(3); NULL: none was put. */
struct audit_record *log_pairs_take(struct log_pairs *p, const struct audit_record *outcome);
/* What is left, in the order of the record. */
void log_pairs_each(
	struct log_pairs *p, void (*fn)(void *arg, const struct audit_record *intent), void *arg);

/* Its method, "TCP" for a tunnel, "(unread)" for what was refused before it could be read. */
const char *log_method(const struct audit_record *r);
/* "https://host[:port]/path[?query]", or "host:port" of a tunnel, into a text that is printed. */
void log_url(struct text *t, const struct audit_record *r);
/* For a person's terminal: without what would steer it. NULL is "-". */
void log_add(struct text *t, const char *text);
/* No more than so many characters of it. */
void log_add_some(struct text *t, const char *text, size_t most);
void log_print(const char *text);

/* The verbs; argv[0] is the word after `log`. */
int log_show(int argc, char **argv);
int log_follow(int argc, char **argv);
int log_stats(int argc, char **argv);
int log_export(int argc, char **argv);
int log_artifacts(int argc, char **argv);

#endif
