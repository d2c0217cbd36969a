/*
 * What the files of windows/ share: the steps of the jail, each over the table of os.h. jail.c has
 * their order.
 *
 * Every step returns 0, or a negative enum jail_error with the diag filled in.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_H
#define SALLYPORT_JAILER_WINDOWS_H

#include "jailer/jail.h"
#include "jailer/windows/os.h"

enum { JAIL_PROTECTIONS_MAX = 24 };

/* ---- diag.c: each returns `error` ---- */

int jail_fail(struct jail_diag *diag, int error, const char *protection, const char *cure,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same with Windows' words for `number` behind it. */
int jail_fail_os(const struct jail_os *os, uint32_t number, struct jail_diag *diag, int error,
	const char *protection, const char *cure, const char *format, ...)
	__attribute__((format(printf, 7, 8)));

/* ---- journal.c: what was changed outside the jail, on disk before it is changed ---- */

enum journal_kind {
	JOURNAL_NONE = 0,
	JOURNAL_PROFILE,  /* name */
	JOURNAL_EXEMPT,   /* SID */
	JOURNAL_GRANT,    /* SID path */
	JOURNAL_JUNCTION, /* path */
	JOURNAL_FOLDER,   /* path */
	JOURNAL_TREE,     /* path */
	JOURNAL_FILE,     /* path */
	JOURNAL_VOID,     /* the entry before was not carried out */
};

struct journal {
	const struct jail_os *os;
	uintptr_t handle;         /* owned */
	char folder[WINPATH_MAX]; /* the run's own, removed at the end */
};

/* Makes the run's folder and its journal. */
int journal_create(struct journal *j, const struct jail_os *os, const char *folder,
	struct jail_diag *diag) __attribute__((warn_unused_result));
/* Before the change. `sid` only for a grant. */
int journal_add(struct journal *j, enum journal_kind kind, const char *sid, const char *what,
	struct jail_diag *diag) __attribute__((warn_unused_result));
/* The change just announced found something that is not ours: leave it alone. */
int journal_void(struct journal *j, struct jail_diag *diag) __attribute__((warn_unused_result));
/* Undoes everything in reverse order and removes journal and folder. When something cannot be
 * undone they stay, for the next repair; -1 then. NULL-safe handle. */
int journal_undo(struct journal *j);
/* Every journal below `runs` that no living run holds. Counts what was undone and what was not. */
int journal_repair(const struct jail_os *os, const char *runs, unsigned *ret_undone,
	unsigned *ret_failed, struct jail_diag *diag) __attribute__((warn_unused_result));

/* ---- plan.c: what the view becomes; pure but for looking at files ---- */

struct plan_entry {
	enum jail_mode mode;   /* READ, WRITE, FILE, DIR */
	char *target, *source; /* owned, canonical */
	const void *content;
	size_t content_len;
	struct os_identity identity; /* of what is shown */
	bool has_junction;           /* not inside another that is shown already */
};

struct plan {
	struct plan_entry *entries; /* owned */
	size_t n;
};

int plan_make(struct plan *p, const struct jail_os *os, const struct jail_view *view, size_t n_view,
	struct jail_diag *diag) __attribute__((warn_unused_result));
/* JAIL_EVIEW when a folder that is shown and `folder`, which is ours, lie one in the other. */
int plan_keep_out(const struct plan *p, const char *folder, struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* Where a path that is shown lies in the tree of junctions at `root`; JAIL_EVIEW when it is not. */
int plan_place(const struct plan *p, const char *root, const char *path,
	char ret_place[WINPATH_MAX], struct jail_diag *diag) __attribute__((warn_unused_result));
void plan_finish(struct plan *p);

/* ---- files.c: the tree of junctions, the grants ---- */

int files_put_up(const struct jail_os *os, struct journal *j, const struct plan *p,
	const char *root, const char *sid, struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* Reads every grant and every junction back. */
int files_check(const struct jail_os *os, const struct plan *p, const char *root, const char *sid,
	struct jail_diag *diag) __attribute__((warn_unused_result));

/* ---- command.c: what is started, pure but for looking at files ---- */

struct command {
	char program[WINPATH_MAX];
	char *line;        /* owned */
	char *environment; /* owned */
};

int command_make(struct command *c, const struct jail_os *os, const struct jail_spec *spec,
	char *const *envp, const char *home, struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* As CommandLineToArgvW takes it apart. NULL when memory is out. */
char *command_line(char *const *argv);
/* For cmd.exe and what the script calls; NULL when an argument cannot be passed unharmed. */
char *command_line_script(const char *shell, const char *script, char *const *argv);
void command_finish(struct command *c);

/* ---- exempt.c: the machine's list of loopback exemptions ---- */

int exempt_add(const struct jail_os *os, struct journal *j, const char *sid, struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* 0 or a Windows error number; nothing to do is 0. */
uint32_t exempt_remove(const struct jail_os *os, const char *sid);
int exempt_check(const struct jail_os *os, const char *sid, struct jail_diag *diag)
	__attribute__((warn_unused_result));

/* ---- run_folder.c ---- */

/* Names the run, takes back what dead ones left, opens the journal in a folder of its own; below it
 * will lie the view and the run's profile. */
int run_folder_begin(const struct jail_os *os, struct journal *journal, char ret_name[OS_NAME_MAX],
	char ret_root[WINPATH_MAX], char ret_home[WINPATH_MAX], struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* Undoes what crashed runs left behind. */
int jail_repair_with(const struct jail_os *os, unsigned *ret_undone, unsigned *ret_failed,
	struct jail_diag *diag) __attribute__((warn_unused_result));

/* ---- jail.c ---- */

/* As jail_create, over another table. */
int jail_create_with(const struct jail_os *os, const struct jail_spec *spec, struct jail **ret_jail,
	struct jail_diag *diag) __attribute__((warn_unused_result));

#endif
