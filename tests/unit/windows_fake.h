/*
 * A Windows that exists only in memory, fails the call it is told to, lies in the answer it is told
 * to, or ends the process in the middle. Fixed size and without pointers but to constants: it can
 * lie in memory that outlives the process.
 */
#ifndef SALLYPORT_TESTS_WINDOWS_FAKE_H
#define SALLYPORT_TESTS_WINDOWS_FAKE_H

#include "jailer/windows/os.h"

enum fake_lie {
	LIE_NONE = 0,
	LIE_PROFILE_SID,
	LIE_BFE,
	LIE_FIREWALL,
	LIE_JOB_KILL,
	LIE_JOB_BREAKAWAY,
	LIE_JOB_MEMORY,
	LIE_JOB_PROCESSES,
	LIE_JOB_CPU,
	LIE_JOB_UI,
	LIE_CONTAINER,
	LIE_TOKEN_SID,
	LIE_RESTRICTED,
	LIE_CAPABILITIES,
	LIE_INTEGRITY,
	LIE_IN_JOB,
	LIE_MITIGATIONS,
	LIE_GRANT,
	LIE_IDENTITY, /* another folder stands at the path than was looked at */
	LIE_JUNCTION_TARGET,
	LIE_JUNCTION_PLAIN,
	LIE_JUNCTION_REAL,
	LIE_PIPE, /* only with a pipe for a door */
	LIE_DESKTOP,
	LIE_READY,    /* only with a pipe for a door */
	LIE_EXEMPTED, /* only with an exemption */
	LIE_OTHERS,   /* somebody else's exemption is lost with ours; only with one */
	LIES
};

enum { FAKE_FILES = 64, FAKE_ACTS = 128, FAKE_PATH = 200, FAKE_TEXT = 8192, FAKE_PROCESSES = 4 };

struct fake_file {
	bool used, is_folder, is_junction, held, is_program;
	bool is_others;        /* whose list is not ours to change */
	enum os_access access; /* of the container */
	unsigned char number;  /* its identity */
	char path[FAKE_PATH], target[FAKE_PATH];
};

struct fake_process {
	bool made, resumed, ended, closed, is_relay;
	char program[FAKE_PATH], line[FAKE_PATH], folder[FAKE_PATH];
};

struct fake {
	/* What is wanted of it. */
	unsigned fail_at, crash_at; /* number of the call, from 1; 0 never */
	enum fake_lie lie;
	unsigned lie_after; /* honest answers to that question first */
	bool elevated;
	unsigned processors;
	enum os_event event;
	uint32_t relay_status; /* the relay ends with it at once; 0: it lives */
	const char *gone;      /* a name that folders list and that is not there any more */

	/* What it saw. */
	unsigned calls, asked;
	char failed[32]; /* name of the call that failed */
	struct fake_file files[FAKE_FILES];
	char journal[FAKE_TEXT];
	char exemptions[512], profile[OS_NAME_MAX];
	struct fake_process processes[FAKE_PROCESSES];
	unsigned n_processes;
	unsigned shut;      /* of what is below view and home, out of a process's reach */
	int locks, handles; /* held, open */
	uintptr_t admitted; /* the process that the pipe lets in */
	struct os_job_limits limits;
	/* What was changed and not yet undone, in order; an undoing out of order is counted. */
	char acts[FAKE_ACTS][FAKE_PATH];
	unsigned n_acts, disorder;
	unsigned undone;
};

extern struct fake *fake;
extern const struct jail_os fake_os;

/* Empty but for these: C:\proj, C:\tools, C:\bin\tool.exe, C:\Windows\System32\cmd.exe, the state
 * folder. */
void fake_reset(struct fake *f);
struct fake_file *fake_find(const char *path);
struct fake_file *fake_add(const char *path, bool is_folder);
/* What differs from a fresh one, in words; NULL when nothing does. */
const char *fake_left(void);

#endif
