/*
 * What the view is on record as, whatever the system.
 */
#include "cli/run/view.h"
#include "cli/run/view_verify.h"

static const char *mode_name(enum jail_mode mode)
{
	static const char *const names[] = {
		"hide", "read", "write", "private", "file", "link", "folder", "review"};

	return names[mode];
}

void view_describe_entries(const struct view *v, struct text *json)
{
	for (size_t i = 0; i < v->n; i++) {
		text_print(json, "%s{\"path\":", i > 0 ? "," : "");
		text_json(json, v->entries[i].target);
		text_print(json, ",\"mode\":\"%s\"}",
			view_is_verified(v, &v->entries[i]) ? "verified"
							    : mode_name(v->entries[i].mode));
	}
}
