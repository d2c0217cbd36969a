/*
 * See door.h. Knows Windows only through the table of os.h.
 */
#include "jailer/windows/door.h"
#include "jailer/windows/repair.h"

#include <stdio.h>
#include <string.h>

enum { RELAY_MS = 10000 };

/* Relay and pipe, unless the other is asked for: it opens every local port to the container. */
int door_choose(struct door *d, const struct jail_os *os, const struct jail_spec *spec,
	struct jail_diag *diag)
{
	bool elevated = false;
	uint32_t number = OS_OK;

	d->os = os;
	d->proxy_port = spec->proxy_port;
	if (spec->exempt_loopback) {
		number = os->is_elevated(&elevated);
	}
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_ESYSTEM, "", "",
			"the program's own rights cannot be read");
	}
	if (spec->exempt_loopback && !elevated) {
		return jail_fail(diag, JAIL_EPROTECTION, "loopback exemption",
			"run it without --exempt-loopback: then a pipe is the door",
			"only an administrator can exempt a container");
	}
	d->exempt = elevated;
	return 0;
}

/* With an exemption the container reaches the listener itself; else the relay inside does. */
int door_open(struct door *d, struct journal *journal, const char *name, const char *sid,
	struct jail_diag *diag)
{
	uint16_t port = 0;
	uint32_t number = d->os->listen(d->exempt ? d->proxy_port : 0, &d->listener, &port);

	if (number != OS_OK) {
		d->listener = -1;
		return jail_fail_os(d->os, number, diag, JAIL_ESYSTEM, "", "",
			"the door cannot listen on 127.0.0.1");
	}
	if (d->exempt) {
		return exempt_add(d->os, journal, sid, diag);
	}
	number = d->os->pipe_make(name, sid, port, &d->pipe);
	return number == OS_OK ? 0
			       : jail_fail_os(d->os, number, diag, JAIL_EPROTECTION, "door", "",
					 "its pipe cannot be made");
}

int door_check(struct door *d, const char *sid, struct jail_diag *diag)
{
	bool exact = false;
	uint32_t number;

	if (d->exempt) {
		return exempt_check(d->os, sid, diag);
	}
	number = d->os->pipe_check(d->pipe, sid, &exact);
	if (number != OS_OK) {
		return jail_fail_os(d->os, number, diag, JAIL_EPROTECTION, "door", "",
			"the pipe's access list cannot be read back");
	}
	return exact ? 0
		     : jail_fail(diag, JAIL_EPROTECTION, "door", "",
			       "the pipe's access list is not what was set");
}

/* ---- the relay: our own program, inside ---- */

int door_relay_copy(struct door *d, struct journal *journal, const char *root,
	char ret_program[WINPATH_MAX], struct jail_diag *diag)
{
	char own[WINPATH_MAX];
	uint32_t number = d->os->own_program(own);
	int error;

	snprintf(ret_program, WINPATH_MAX, "%.4000s\\relay.exe", root);
	error = journal_add(journal, JOURNAL_FILE, NULL, ret_program, diag);
	if (error != 0) {
		return error;
	}
	if (number == OS_OK) {
		number = d->os->file_copy(own, ret_program);
	}
	return number == OS_OK ? 0
			       : jail_fail_os(d->os, number, diag, JAIL_EPROTECTION, "door", "",
					 "the relay cannot be copied into the jail");
}

char *door_relay_line(const struct door *d, char *program, char *name)
{
	char port[8];
	char *argv[] = {program, (char *)"__relay", port, name, NULL};

	snprintf(port, sizeof(port), "%u", d->proxy_port);
	return command_line(argv);
}

uint32_t door_relay_admit(struct door *d, uintptr_t process)
{
	return d->os->pipe_admit(d->pipe, process);
}

int door_relay_wait(struct door *d, struct jail_diag *diag)
{
	enum os_relay relay = OS_RELAY_SILENT;
	uint32_t status = 0;
	uint32_t number = d->os->pipe_ready(d->pipe, d->relay.process, RELAY_MS, &relay, &status);

	if (number != OS_OK || relay == OS_RELAY_SILENT) {
		return jail_fail_os(d->os, number, diag, JAIL_EPROTECTION, "door", "",
			"the relay inside does not answer on 127.0.0.1:%u", d->proxy_port);
	}
	/* A status of Windows' own (0xc0000142, ...): it did not come as far as our first line. */
	return relay == OS_RELAY_READY
		       ? 0
		       : jail_fail(diag, JAIL_EPROTECTION, "door",
				 status == RELAY_FAILED
					 ? "is another program listening on that port?"
					 : "",
				 "the relay inside, which was to listen on 127.0.0.1:%u, ended "
				 "with "
				 "status 0x%lx",
				 d->proxy_port, (unsigned long)status);
}

/* ---- the end ---- */

void door_close(struct door *d)
{
	if (d->pipe != 0) {
		d->os->pipe_close(d->pipe);
	}
	if (!d->taken && d->listener != -1) {
		d->os->socket_close(d->listener);
	}
}
