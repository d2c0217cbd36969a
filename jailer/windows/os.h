/*
 * Everything the jail asks of Windows, as one const table: os_windows.c fills it with the system's
 * own calls, the tests with one that fails and lies. What decides and orders stands above it and
 * runs anywhere.
 *
 * Every call returns 0 or a Windows error number. Outputs are untouched on failure. Handles are
 * opaque, 0 is none. Texts are UTF-8, paths canonical (path.h), SIDs in the form "S-1-15-2-...".
 * Sources: Microsoft Learn, the page of the function that each comment names.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_OS_H
#define SALLYPORT_JAILER_WINDOWS_OS_H

#include "jailer/windows/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Windows error numbers that decide something here. */
enum {
	OS_OK = 0,
	OS_EFILE = 2,       /* ERROR_FILE_NOT_FOUND */
	OS_EPATH = 3,       /* ERROR_PATH_NOT_FOUND */
	OS_EACCESS = 5,     /* ERROR_ACCESS_DENIED */
	OS_EMEMORY = 8,     /* ERROR_NOT_ENOUGH_MEMORY */
	OS_ESHARING = 32,   /* ERROR_SHARING_VIOLATION: somebody holds it */
	OS_EEXISTS = 183,   /* ERROR_ALREADY_EXISTS, also for ERROR_FILE_EXISTS */
	OS_ENOFORMAT = 193, /* ERROR_BAD_EXE_FORMAT */
	OS_EABSENT = 127,   /* ERROR_PROC_NOT_FOUND: this Windows does not have the call */
	OS_ECHANGED = 1006, /* ERROR_FILE_INVALID: another file stands at the path now */
};

enum { OS_SID_MAX = 192, OS_NAME_MAX = 64, OS_TEXT_MAX = 256 };

/* One file or folder of the machine, whatever its name: volume and number. FILE_ID_INFO. */
struct os_identity {
	unsigned char bytes[24];
};

struct os_file {
	bool exists, is_folder, is_reparse;
	bool may_grant;              /* this user may change its access list */
	struct os_identity identity; /* of the last name itself */
	char real[WINPATH_MAX];      /* where it lies when every link is followed */
};

/* Who may open a folder that is made. */
enum os_folder {
	OS_FOLDER_PRIVATE = 0, /* its user, the system and administrators, whatever is above it */
	OS_FOLDER_INHERITS,    /* whoever the folder above it says, and passes on */
};

enum os_access {
	OS_ACCESS_NONE = 0,
	OS_ACCESS_READ,  /* read, list, execute */
	OS_ACCESS_WRITE, /* and create, write, delete; never change rights or owner */
};

struct os_token {
	bool is_container, is_restricted; /* restricted: a less privileged AppContainer */
	uint32_t capabilities;
	uint32_t integrity; /* 0x1000 = low */
	char sid[OS_SID_MAX];
};

struct os_job_limits {
	bool kill_on_close, may_break_away;
	uint64_t memory;    /* bytes of the whole job; 0 none */
	uint32_t processes; /* at once; 0 none */
	uint32_t cpu;       /* hundredths of a percent of all processors together; 0 none */
	uint32_t ui;        /* JOB_OBJECT_UILIMIT_* */
};

enum os_mitigation {
	OS_MITIGATION_EXTENSIONS = 1, /* no extension points (AppInit, hooks, IMEs) */
	OS_MITIGATION_REMOTE = 2,     /* no images from other machines */
	OS_MITIGATION_ASLR = 4,       /* bottom-up and high entropy */
	OS_MITIGATIONS = 7,
};

struct os_start {
	const char *program;     /* canonical path */
	const char *line;        /* the command line, quoted */
	const char *folder;      /* where it starts */
	const char *environment; /* "A=b\0C=d\0\0", sorted */
	const char *sid;         /* the container */
	const char *desktop;     /* name, or NULL */
	uintptr_t job;
	uintptr_t handles[4]; /* inherited and nothing else; the first three are stdin, out, err */
	size_t n_handles;
};

struct os_process {
	uintptr_t process, thread;
};

enum os_event {
	OS_EVENT_NONE = 0,
	OS_EVENT_EXIT,      /* the command has ended */
	OS_EVENT_RELAY,     /* the relay has ended: there is no door any more */
	OS_EVENT_WAKE,      /* the caller's socket became readable */
	OS_EVENT_TIME,      /* the time given is over */
	OS_EVENT_MEMORY,    /* the job's memory limit was hit */
	OS_EVENT_PROCESSES, /* the job's limit of processes was hit */
	OS_EVENT_CLOSE,     /* the console closes, the user logs off */
};

enum os_relay {
	OS_RELAY_SILENT = 0,
	OS_RELAY_READY,
	OS_RELAY_ENDED,
};

/* Whom a lock keeps out. */
enum os_lock {
	OS_LOCK_USER = 0, /* this user's other runs; nobody else can hold it */
	OS_LOCK_MACHINE,  /* every run on the machine; administrators only */
};

struct os_wait {
	uintptr_t process, relay, port;
	intptr_t wake;       /* a socket, or -1 */
	uint64_t timeout_ms; /* 0: for ever */
};

struct jail_os {
	/* ---- machine ---- */
	uint32_t (*random)(void *buf, size_t len);
	/* GetActiveProcessorCount, of all groups. */
	uint32_t (*processors)(uint32_t *ret_n);
	uint32_t (*is_elevated)(bool *ret_elevated);
	/* QueryServiceStatusEx: SERVICE_RUNNING. */
	uint32_t (*service_running)(const char *name, bool *ret_running);
	/* One holder at a time; waits. Of the user: a file in the state folder that nobody else may
	 * open. Of the machine: CreateMutexW. */
	uint32_t (*lock_take)(const char *name, enum os_lock whose, uintptr_t *ret_lock);
	void (*lock_give)(uintptr_t lock);
	void (*error_text)(uint32_t error, char *text, size_t size);

	/* ---- files ---- */
	/* SHGetKnownFolderPath(FOLDERID_LocalAppData). */
	uint32_t (*state_folder)(char ret_path[WINPATH_MAX]);
	/* Of the last name itself, no link followed. An absent file is no error. */
	uint32_t (*file_look)(const char *path, struct os_file *ret_file);
	/* OS_EEXISTS when anything has that name. */
	uint32_t (*folder_make)(const char *path, enum os_folder whose);
	/* An empty folder, or a junction without what it leads to; one that is absent is no error.
	 */
	uint32_t (*folder_remove)(const char *path);
	/* A folder with everything in it, no link followed; one that is absent is no error. */
	uint32_t (*tree_remove)(const char *path);
	uint32_t (*folder_list)(
		const char *path, void (*each)(void *arg, const char *name), void *arg);
	/* A new file, on disk when this returns; OS_EEXISTS. */
	uint32_t (*file_write)(const char *path, const void *data, size_t len);
	uint32_t (*file_copy)(const char *from, const char *to);
	uint32_t (*file_remove)(const char *path); /* one that is absent is no error */
	/* Opens or makes; nobody else can write or remove it until it is closed. OS_ESHARING. */
	uint32_t (*journal_open)(const char *path, uintptr_t *ret_journal);
	uint32_t (*journal_append)(
		uintptr_t journal, const char *line); /* on disk when it returns */
	/* The caller frees. */
	uint32_t (*journal_read)(uintptr_t journal, char **ret_text);
	void (*journal_close)(uintptr_t journal);
	/* FSCTL_SET_REPARSE_POINT, FSCTL_GET_REPARSE_POINT: IO_REPARSE_TAG_MOUNT_POINT. A junction
	 * has an access list of its own, inherited like a folder's: Windows asks it as well. */
	uint32_t (*junction_make)(const char *path, const char *target);
	uint32_t (*junction_read)(const char *path, char ret_target[WINPATH_MAX]);
	/*
	 * One more entry of the access list, on the folder and all in it, each opened without
	 * following a link and changed by its handle. OS_ECHANGED, and nothing is changed, when
	 * what was opened does not lie at the path or is another than `identity` (NULL: whatever
	 * lies there).
	 */
	uint32_t (*grant_add)(const char *path, const struct os_identity *identity, const char *sid,
		enum os_access access);
	uint32_t (*grant_read)(const char *path, const struct os_identity *identity,
		const char *sid, enum os_access *ret_access);
	uint32_t (*grant_remove)(const char *path, const char *sid);

	/* ---- container ---- */
	uint32_t (*profile_create)(const char *name, char ret_sid[OS_SID_MAX]);
	/* DeriveAppContainerSidFromAppContainerName: what the name alone says. */
	uint32_t (*profile_sid)(const char *name, char ret_sid[OS_SID_MAX]);
	uint32_t (*profile_delete)(const char *name); /* an absent one is no error */
	/* NetworkIsolationGet/SetAppContainerConfig: the whole machine's list, SIDs with spaces
	 * between. The caller frees. */
	uint32_t (*exemptions_get)(char **ret_sids);
	uint32_t (*exemptions_set)(const char *sids);
	/* CreateDesktopW, open to the user and the SID. */
	uint32_t (*desktop_make)(const char *name, const char *sid, uintptr_t *ret_desktop);
	/* As pipe_check. */
	uint32_t (*desktop_check)(uintptr_t desktop, const char *sid, bool *ret_exact);
	void (*desktop_close)(uintptr_t desktop);

	/* ---- job ---- */
	uint32_t (*job_make)(uintptr_t *ret_job, uintptr_t *ret_port);
	uint32_t (*job_limit)(uintptr_t job, const struct os_job_limits *limits);
	uint32_t (*job_read)(uintptr_t job, struct os_job_limits *ret_limits);
	/* Ends all in it and waits until it is empty. */
	uint32_t (*job_end)(uintptr_t job);
	void (*job_close)(uintptr_t job, uintptr_t port);

	/* ---- processes ---- */
	/* CreateProcessW, suspended: SECURITY_CAPABILITIES, JOB_LIST, HANDLE_LIST,
	 * MITIGATION_POLICY and ALL_APPLICATION_PACKAGES_POLICY in one call. */
	uint32_t (*process_make)(const struct os_start *start, struct os_process *ret_process);
	uint32_t (*process_token)(uintptr_t process, struct os_token *ret_token);
	uint32_t (*process_in_job)(uintptr_t process, uintptr_t job, bool *ret_in);
	uint32_t (*process_mitigations)(uintptr_t process, uint32_t *ret_mitigations);
	uint32_t (*process_resume)(const struct os_process *process);
	uint32_t (*process_end)(const struct os_process *process); /* TerminateProcess, waits */
	void (*process_close)(struct os_process *process);
	uint32_t (*standard_handles)(uintptr_t ret_handles[3]);
	uint32_t (*own_program)(char ret_path[WINPATH_MAX]);
	uint32_t (*wait)(
		const struct os_wait *wait, enum os_event *ret_event, uint32_t *ret_status);

	/* ---- door ---- */
	/* Exclusively on 127.0.0.1; 0 takes any port. Not inherited, not blocking. */
	uint32_t (*listen)(uint16_t port, intptr_t *ret_socket, uint16_t *ret_port);
	void (*socket_close)(intptr_t socket);
	/* A named pipe, first of its name, for the user and the SID, no remote clients; what comes
	 * through it goes to the port (pump.c). */
	uint32_t (*pipe_make)(
		const char *name, const char *sid, uint16_t port, uintptr_t *ret_pipe);
	/* The one process whose connections are let through, before it runs; nobody's are till
	 * then. GetNamedPipeClientProcessId. */
	uint32_t (*pipe_admit)(uintptr_t pipe, uintptr_t process);
	/* Are its access list and its label, entry by entry, the ones that were set? */
	uint32_t (*pipe_check)(uintptr_t pipe, const char *sid, bool *ret_exact);
	/* Waits for the relay's word that it listens, or its end, at most this long. `status` is
	 * its exit status when it has ended. */
	uint32_t (*pipe_ready)(uintptr_t pipe, uintptr_t relay, uint32_t timeout_ms,
		enum os_relay *ret_relay, uint32_t *ret_status);
	void (*pipe_close)(uintptr_t pipe);
};

extern const struct jail_os jail_os_windows; /* os_windows.c */

#endif
