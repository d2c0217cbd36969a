/*
 * Reads rules, and lets presets turn `use NAME` into statements.
 */
#include "cli/rules/ruleset.h"
#include "cli/cures.h"
#include "cli/rules/by_programs.h"
#include "cli/rules/injects.h"
#include "cli/rules/presets.h"
#include "cli/rules/upstreams.h"
#include "cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char default_file[] = "sallyport.rules";

static int add(struct ruleset *set, const struct text *text, const char *origin)
{
	struct rules_diag diag;
	int error = rules_add(set->rules, text->data, text->len, origin, &diag);

	if (error != RULES_OK) {
		return diag.line != 0 ? complain("%s:%u:%u: %s", diag.origin, diag.line,
						diag.column, diag.message)
				      : complain("%s: %s", origin, diag.message);
	}
	text_add(&set->parts, origin, strlen(origin) + 1);
	text_add(&set->parts, text->data, text->len);
	text_add(&set->parts, "", 1);
	text_print(&set->all, "# %s\n", origin);
	text_add(&set->all, text->data, text->len);
	return 0;
}

static int add_file(struct ruleset *set, const char *path)
{
	struct text text = {0};
	const bool found = path == NULL;
	bool read;
	int status;

	path = path != NULL ? path : default_file;
	read = text_read_file(&text, path) == 0;
	/*
	 * One that is there and cannot be read may hold a deny: it stops the run. Asked for once:
	 * the empty one that another run keeps here may go any moment.
	 */
	if (!read && found && errno == ENOENT) {
		return 0;
	}
	set->found = found;
	status = read ? add(set, &text, path)
		      : complain("cannot read the rules %s: %s", path, strerror(errno));
	text_finish(&text);
	return status;
}

static int expand(struct ruleset *set, const char *name)
{
	struct text text = {0};
	char origin[64], message[512];
	int status;

	snprintf(origin, sizeof(origin), "use %s", name);
	if (presets_expand(name, &text, message, sizeof(message)) != 0) {
		status = complain("use %s: %s", name, message);
	} else {
		status = add(set, &text, origin);
	}
	text_finish(&text);
	return status;
}

/* The command line's presets go through the same language as a file's. */
static int add_uses(struct ruleset *set, const char *uses)
{
	struct text text = {0};
	int status;

	if (uses == NULL) {
		return 0;
	}
	text_print(&text, "use ");
	for (; *uses != '\0'; uses++) {
		text_print(&text, "%c", *uses == ',' ? ' ' : *uses);
	}
	status = add(set, &text, "--use");
	text_finish(&text);
	return status;
}

static bool seen_before(const struct rules_use *uses, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(uses[k].name, uses[i].name) == 0) {
			return true;
		}
	}
	return false;
}

int ruleset_load(const char *path, const char *uses, struct ruleset *ret_set)
{
	struct ruleset set = {.rules = rules_create()};
	struct rules_diag diag;
	int status;
	size_t n = 0;

	if (set.rules == NULL) {
		return complain("memory is out: " CURE_MEMORY);
	}
	status = add_file(&set, path);
	if (status == 0) {
		status = add_uses(&set, uses);
	}
	rules_uses(set.rules, &n);
	for (size_t i = 0; status == 0 && i < n; i++) {
		const struct rules_use *all = rules_uses(set.rules, &n);

		if (!seen_before(all, i)) {
			status = expand(&set, all[i].name);
		}
	}
	if (status == 0 && rules_compile(set.rules, &diag) != RULES_OK) {
		status = diag.line != 0 ? complain("%s:%u:%u: %s", diag.origin, diag.line,
						  diag.column, diag.message)
					: complain("%s", diag.message);
	}
	if (status == 0) {
		status = by_programs_check(set.rules);
	}
	if (status != 0) {
		ruleset_finish(&set);
		return status;
	}
	*ret_set = set;
	return 0;
}

/* No origin is empty: an empty one ends the parts. */
void ruleset_pack(const struct ruleset *set, const struct text *files, const struct text *values,
	struct text *ret_packed)
{
	text_add(ret_packed, set->parts.data, set->parts.len);
	text_add(ret_packed, "", 1);
	if (values->len > 0) {
		text_add(ret_packed, values->data, values->len);
	}
	if (files->len > 0) {
		text_add(ret_packed, files->data, files->len);
	}
}

int ruleset_unpack(const struct text *parts, struct ruleset *ret_set)
{
	struct ruleset set = {.rules = rules_create()};
	const char *at = parts->data, *end = parts->data + parts->len;
	struct rules_diag diag;
	size_t n_values = 0;
	int status = set.rules != NULL ? 0 : -1;

	while (status == 0 && at < end && *at != '\0') {
		const char *origin = at;
		struct text text = {0};

		at += strlen(at) + 1;
		if (at >= end) {
			status = -1;
			break;
		}
		text_add(&text, at, strlen(at));
		at += text.len + 1;
		status = add(&set, &text, origin) == 0 ? 0 : -1;
		text_finish(&text);
	}
	if (status == 0 && at >= end) {
		status = -1;
	}
	if (status == 0 && rules_compile(set.rules, &diag) != RULES_OK) {
		status = -1;
	}
	if (status == 0 && !injects_measure(set.rules, at + 1, (size_t)(end - at) - 1, &n_values)) {
		status = -1;
	}
	if (status == 0) {
		text_add(&set.values, at + 1, n_values);
		text_add(&set.files, at + 1 + n_values, (size_t)(end - at) - 1 - n_values);
	}
	if (status != 0) {
		ruleset_finish(&set);
		return -1;
	}
	*ret_set = set;
	return 0;
}

void ruleset_finish(struct ruleset *set)
{
	rules_destroy(set->rules);
	text_finish(&set->all);
	text_finish(&set->parts);
	upstreams_wipe(&set->files);
	upstreams_wipe(&set->values);
	memset(set, 0, sizeof(*set));
}
