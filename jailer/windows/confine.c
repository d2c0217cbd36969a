/*
 * Windows: the gateway is a thread of the run (cli/gateway/process_windows.c), which goes on
 * needing its rights to manage the jail. It is not confined, and is not said to be.
 */
#include "jailer/confine.h"

int confine_process(const char *folder, char *ret_how, size_t size, struct jail_diag *diag)
{
	(void)folder;
	(void)diag;
	confine_describe(ret_how, size);
	return JAIL_OK;
}

void confine_describe(char *ret_how, size_t size)
{
	if (size > 0) {
		ret_how[0] = '\0';
	}
}

int confine_close_others(int keep, struct jail_diag *diag)
{
	(void)keep;
	(void)diag;
	return JAIL_OK;
}
