/*
 * The jail on Windows. Nothing is started here yet: every run is refused.
 */
#include "jailer/jail.h"

#include <stdio.h>
#include <string.h>

static int refuse(struct jail_diag *diag)
{
	memset(diag, 0, sizeof(*diag));
	snprintf(diag->protection, sizeof(diag->protection), "AppContainer");
	snprintf(diag->message, sizeof(diag->message), "this build cannot put it up");
	return JAIL_EPROTECTION;
}

int jail_create(const struct jail_spec *spec, struct jail **ret_jail, struct jail_diag *diag)
{
	(void)spec;
	(void)ret_jail;
	return refuse(diag);
}

int jail_take_door(struct jail *jail, struct jail_door *ret_door, struct jail_diag *diag)
{
	(void)jail;
	(void)ret_door;
	return refuse(diag);
}

int jail_start(struct jail *jail, const struct jail_view *view, size_t n_view, char *const *envp,
	struct jail_diag *diag)
{
	(void)jail;
	(void)view;
	(void)n_view;
	(void)envp;
	return refuse(diag);
}

int jail_wait(
	struct jail *jail, intptr_t wake_fd, struct jail_result *ret_result, struct jail_diag *diag)
{
	(void)jail;
	(void)wake_fd;
	(void)ret_result;
	return refuse(diag);
}

const struct jail_protection *jail_report(const struct jail *jail, size_t *ret_n)
{
	(void)jail;
	*ret_n = 0;
	return NULL;
}

void jail_destroy(struct jail *jail)
{
	(void)jail;
}

const char *jail_strerror(int error)
{
	return error == JAIL_OK ? "no error" : "this build cannot jail";
}
