/*
 * From connections to programs. Several are asked for at once because looking through the processes
 * is what costs.
 */
#include "jailer/linux/who.h"

#include <assert.h>
#include <string.h>

void who_look(const struct who *who, const struct jail_connection *connections, size_t n,
	struct jail_program *ret_programs)
{
	uint32_t inodes[JAIL_WHO_MAX];
	bool any = false;

	assert(n <= JAIL_WHO_MAX);
	memset(ret_programs, 0, n * sizeof(*ret_programs));
	if (who->diag < 0 || who->proc < 0 || who->root < 0) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		inodes[i] = who_diag_inode(who->diag, &connections[i]);
		any |= inodes[i] != 0;
	}
	if (any) {
		who_holders(who, inodes, n, ret_programs);
	}
}
