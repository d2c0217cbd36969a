/*
 * A variable that is not set, or a file that is not there, stops the run or keeps the old rules,
 * with the line that names it. No value gets into a message.
 */
#include "cli/rules/injects.h"
#include "certs/certs.h"
#include "gateway/http_check.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MAX = 8192 };

static __attribute__((format(printf, 3, 4))) int fail(
	struct upstreams_problem *p, const struct rules_inject *in, const char *format, ...)
{
	va_list args;
	int n = snprintf(p->text, sizeof(p->text), "%.300s:%u: inject %s: ", in->origin, in->line,
		in->header);

	va_start(args, format);
	vsnprintf(p->text + n, sizeof(p->text) - (size_t)n, format, args);
	va_end(args);
	return -1;
}

static bool path_of(const struct rules_inject *in, const char *name, size_t len, char *ret_path)
{
	const struct rules_upstream beside = {.origin = in->origin};
	char written[PATH_MAX];

	if (len >= sizeof(written)) {
		return false;
	}
	memcpy(written, name, len);
	written[len] = '\0';
	return upstreams_path(&beside, written, ret_path, PATH_MAX);
}

static int add_file(const struct rules_inject *in, const char *name, size_t len, struct text *value,
	struct upstreams_problem *p)
{
	struct certs_diag diag = {0};
	char path[PATH_MAX], *text;
	size_t n;

	if (!path_of(in, name, len, path)) {
		return fail(p, in, "the path of its file is too long");
	}
	/* As a key is: its owner's alone. */
	if (certs_text_read(path, true, &text, &diag) != CERTS_OK) {
		return fail(p, in, "%s", diag.message);
	}
	n = strlen(text);
	n -= n > 0 && text[n - 1] == '\n';
	n -= n > 0 && text[n - 1] == '\r';
	text_add(value, text, n);
	certs_text_free(text);
	return n > 0 ? 0 : fail(p, in, "%.200s is empty", path);
}

static int add_variable(const struct rules_inject *in, const char *name, size_t len,
	struct text *value, struct upstreams_problem *p)
{
	char variable[256];
	const char *found;

	if (len >= sizeof(variable)) {
		return fail(p, in, "the name of its variable is too long");
	}
	memcpy(variable, name, len);
	variable[len] = '\0';
	found = getenv(variable);
	if (found == NULL || found[0] == '\0') {
		return fail(p, in, "the variable %s is %s", variable,
			found == NULL ? "not set" : "empty");
	}
	text_add(value, found, strlen(found));
	return 0;
}

static int read_value(
	const struct rules_inject *in, struct text *value, struct upstreams_problem *p)
{
	const char *at = in->value, *text;
	size_t len, begin = value->len;
	int result = 0;

	while (result == 0) {
		switch (rules_inject_part(&at, &text, &len)) {
		case RULES_PART_TEXT: text_add(value, text, len); break;
		case RULES_PART_ENV: result = add_variable(in, text, len, value, p); break;
		case RULES_PART_FILE: result = add_file(in, text, len, value, p); break;
		case RULES_PART_BAD: return fail(p, in, "its value cannot be read");
		case RULES_PART_END:
			len = value->len - begin;
			if (len > VALUE_MAX || !http_is_field_value(value->data + begin, len)) {
				return fail(p, in,
					"its value is no value of a header: too long, or with a "
					"line's end or a control character in it");
			}
			text_add(value, "", 1);
			return 0;
		}
	}
	return result;
}

int injects_read(const struct rules *rules, struct text *ret_values, struct upstreams_problem *p)
{
	const struct rules_inject *all;
	struct text values = {0};
	size_t n;
	int result = 0;

	all = rules_injects(rules, &n);
	for (size_t i = 0; result == 0 && i < n; i++) {
		result = read_value(&all[i], &values, p);
	}
	if (result != 0) {
		upstreams_wipe(&values);
		return result;
	}
	*ret_values = values;
	return 0;
}

bool injects_measure(const struct rules *rules, const char *data, size_t len, size_t *ret_len)
{
	size_t n, used = 0;

	(void)rules_injects(rules, &n);
	for (size_t i = 0; i < n; i++) {
		const char *end = used < len ? memchr(data + used, '\0', len - used) : NULL;

		if (end == NULL || end == data + used) {
			return false;
		}
		used = (size_t)(end - data) + 1;
	}
	*ret_len = used;
	return true;
}

int injects_attach(struct rules *rules, const struct text *values)
{
	const char *at = values->data;
	size_t n, used;

	if (!injects_measure(rules, values->data, values->len, &used) || used != values->len) {
		return -1;
	}
	(void)rules_injects(rules, &n);
	for (size_t i = 0; i < n; i++) {
		rules_inject_attach(rules, i, at);
		at += strlen(at) + 1;
	}
	return 0;
}

/* Some systems do not tell the case of names apart: neither is any spelling of it left. */
static bool is_named(const struct rules *rules, const char *variable)
{
	const struct rules_inject *all;
	size_t n, name = strcspn(variable, "=");

	all = rules_injects(rules, &n);
	for (size_t i = 0; i < n; i++) {
		const char *at = all[i].value, *text;
		enum rules_part part;
		size_t len;

		while ((part = rules_inject_part(&at, &text, &len)) > RULES_PART_BAD &&
			part < RULES_PART_END) {
			if (part == RULES_PART_ENV && len == name &&
				strncasecmp(text, variable, len) == 0) {
				return true;
			}
		}
	}
	return false;
}

void injects_hide(const struct rules *rules, char *const *environment, struct list *ret_left)
{
	for (; *environment != NULL; environment++) {
		if (!is_named(rules, *environment)) {
			list_add(ret_left, *environment);
		}
	}
}

void injects_each_file(
	const struct rules *rules, void (*fn)(void *arg, const char *path), void *arg)
{
	const struct rules_inject *all;
	size_t n;

	all = rules_injects(rules, &n);
	for (size_t i = 0; i < n; i++) {
		const char *at = all[i].value, *text;
		char path[PATH_MAX];
		enum rules_part part;
		size_t len;

		while ((part = rules_inject_part(&at, &text, &len)) > RULES_PART_BAD &&
			part < RULES_PART_END) {
			if (part == RULES_PART_FILE && path_of(&all[i], text, len, path)) {
				fn(arg, path);
			}
		}
	}
}
