/*
 * The file view of a run: what the command sees by default, and what the rules make of it.
 */
#ifndef SALLYPORT_CLI_RUN_VIEW_H
#define SALLYPORT_CLI_RUN_VIEW_H

#include "cli/run/client_trust.h"
#include "cli/run/placeholders.h"
#include "cli/text.h"
#include "jailer/jail.h"
#include "rules/rules.h"

struct view {
	struct jail_view *entries; /* owned; strings in `strings` */
	size_t n, size;
	struct list strings;
	struct placeholders placeholders;
	struct list copies;     /* of verified content, absolute */
	struct list events;     /* for the record: a reason, a sentence, and so on */
	const char *record_dir; /* borrowed; where copies may be made */
	bool git_kept_away;     /* an empty .git stands where no repository may be made */
};

/*
 * `cwd` is shown writable unless the rules say otherwise. 0, or an exit status after having
 * complained. `record_dir` and `trust` are borrowed for the life of the view.
 */
int view_make(struct view *v, const char *cwd, const struct rules *rules, const char *record_dir,
	const struct client_trust *trust);
/*
 * Then one of these two. Keeps from being changed or made what somebody outside would carry out;
 * `rules_path` is the page the rules came from (or NULL), kept too. Or leads all changes to a place
 * beside the record. 0, or an exit status after having complained.
 */
int view_keep(struct view *v, const char *cwd, const char *rules_path);
int view_review(struct view *v, const char *cwd, const char *rules_path);
/* One entry more, over those that are there; `target` is copied. */
struct jail_view *view_add(struct view *v, enum jail_mode mode, const char *target);
/* A folder of ours that must not be seen, wherever it lies. 0, or an exit status. */
int view_keep_out(struct view *v, const char *folder);
/* Once the record is ours: takes away what runs that were killed left beside it. */
void view_sweep(const struct view *v);
/* As JSON for the record: [{"path":"/usr","mode":"read"},...] */
void view_describe(const struct view *v, struct text *json);
/* view.c: of that, what view_add() added. */
void view_describe_entries(const struct view *v, struct text *json);
void view_finish(struct view *v);

#endif
