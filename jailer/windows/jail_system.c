/*
 * The jail over this system's own calls.
 */
#include "jailer/windows/jail_windows.h"
#include "jailer/windows/repair.h"

int jail_create(const struct jail_spec *spec, struct jail **ret_jail, struct jail_diag *diag)
{
	return jail_create_with(&jail_os_windows, spec, ret_jail, diag);
}

int jail_repair(unsigned *ret_undone, unsigned *ret_failed, struct jail_diag *diag)
{
	return jail_repair_with(&jail_os_windows, ret_undone, ret_failed, diag);
}
