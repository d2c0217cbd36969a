/*
 * Where things are while the view is built. Each returns -1 with errno set; descriptors that are
 * returned are the caller's. In this order: enter, put things there, pivot.
 */
#ifndef SALLYPORT_JAILER_PLACES_H
#define SALLYPORT_JAILER_PLACES_H

#include "jailer/jail.h"

#include <sys/types.h>

struct places {
	const struct jail_view *view; /* all that is put, in this order */
	size_t n_view;
	int old;  /* the host's root, read through this only */
	int base; /* our tmpfs: root/ is the new root, staging/ holds files */
	int root;
	char private[32]; /* in staging/: a tmpfs for all that the command may fill, once there is
			     something */
	unsigned staged;
};

/*
 * Our tmpfs over the host's root: whoever begins at "/" goes on seeing the host, and what is in the
 * tmpfs is reached through `base`, or from the working folder.
 */
int places_enter(struct places *p);
/*
 * The folder inside the new root in which `path` lies, made with those that lead to it where it is
 * not there. What is made then is made by its name alone: a path could lead through a link, and
 * "/" is still the host's.
 */
int places_parent(int root, const char *path, const char **ret_name);
/* An O_PATH descriptor of the target, made (as a folder or an empty file) when it is not there. */
int places_open(struct places *p, const char *target, bool folder);
int places_attach(struct places *p, int tree, const char *target);
/* An empty folder of ours, of which nothing is shown by this name. */
int places_stage_folder(struct places *p, mode_t mode, char name[32]);
/* Attaches at a name of ours in staging/, where overlayfs can find it. */
int places_stage_tree(struct places *p, int tree, char name[32]);
/* The content stands in a tmpfs of ours that the jail cannot reach by any other name. */
int places_stage_file(struct places *p, const char *name, const struct jail_view *v, mode_t mode);
/* A mount of what was staged. */
int places_staged(struct places *p, const char *name);
/* A folder of the one tmpfs in which everything private is: making a file system costs most. */
int places_private(struct places *p);
/* The new root becomes the root. The host's lies over it then, and our tmpfs over that: both go. */
int places_pivot(struct places *p);

#endif
