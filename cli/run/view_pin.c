/*
 * A folder that can be renamed takes with it what lies in it, and another can be put in its place:
 * what stands at a protected path would then be the command's own. A mount cannot be renamed
 * (rename(2), EBUSY). So each folder between one that can be written and something in it that is to
 * stay as it is becomes a mount of its own.
 *
 * Not for what the rules merely hide: a cover goes where its folder goes. The record is another
 * matter: whoever reads it later looks for it where it was.
 */
#include "cli/run/view_pin.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_under(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static bool is_target(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++) {
		if (strcmp(v->entries[i].target, path) == 0) {
			return true;
		}
	}
	return false;
}

/* The entry that shows the place where entry `at` lies, before it is put there. */
static size_t shown_by(const struct view *v, size_t at)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < at; i++) {
		if (is_under(v->entries[at].target, v->entries[i].target)) {
			found = i;
		}
	}
	return found;
}

/* Under everything in it: just before the first of that, after what shows the folder itself. */
static size_t place_for(const struct view *v, size_t outer, size_t at, const char *folder)
{
	for (size_t i = outer + 1; i < at; i++) {
		if (is_under(v->entries[i].target, folder)) {
			return i;
		}
	}
	return at;
}

static void insert(struct view *v, size_t place, const char *folder)
{
	struct jail_view entry;

	view_add(v, JAIL_WRITE, folder);
	entry = v->entries[v->n - 1];
	memmove(&v->entries[place + 1], &v->entries[place],
		(v->n - 1 - place) * sizeof(v->entries[0]));
	v->entries[place] = entry;
}

/* How many were put before entry `at`. */
static size_t pin_above(struct view *v, size_t at)
{
	size_t outer = shown_by(v, at), added = 0, len;
	char folder[PATH_MAX];

	if (outer == SIZE_MAX || v->entries[outer].mode != JAIL_WRITE) {
		return 0;
	}
	len = strlen(v->entries[outer].target);
	for (const char *slash = v->entries[at].target + len + 1;
		(slash = strchr(slash, '/')) != NULL; slash++) {
		size_t n = (size_t)(slash - v->entries[at].target);

		if (n >= sizeof(folder)) {
			break;
		}
		memcpy(folder, v->entries[at].target, n);
		folder[n] = '\0';
		if (!is_target(v, folder)) {
			insert(v, place_for(v, outer, at, folder), folder);
			added++;
			at++;
			outer = shown_by(v, at);
			slash = v->entries[at].target + n;
		}
	}
	return added;
}

void view_pin_last(struct view *v)
{
	(void)pin_above(v, v->n - 1);
}

void view_pin(struct view *v)
{
	for (size_t i = 0; i < v->n; i++) {
		/* A folder named for itself, too: what is protected in it stands at its path. */
		if (v->entries[i].mode == JAIL_READ || v->entries[i].mode == JAIL_FILE ||
			v->entries[i].mode == JAIL_WRITE) {
			i += pin_above(v, i);
		}
	}
}
