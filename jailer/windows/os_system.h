/*
 * The functions behind the table of os.h, one file a part of Windows, and what they share. Only
 * os_*.c, pump.c and relay.c include this and <windows.h>.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_OS_SYSTEM_H
#define SALLYPORT_JAILER_WINDOWS_OS_SYSTEM_H

#include "jailer/windows/os.h"

#include <winsock2.h>
#include <windows.h>
#include <accctrl.h>

enum { OS_WIDE = 4200, OS_ENVIRONMENT = 32768 };

/* ---- os_machine.c ---- */

bool os_wide(const char *text, wchar_t *ret_wide, int size);
/* With \\?\ before it: as it is written, at any length. */
bool os_wide_path(const char *path, wchar_t ret_wide[OS_WIDE]);
bool os_narrow(const wchar_t *wide, char *ret_text, int size);
uint32_t os_last_error(void);
/* A function of a DLL in System32, or NULL. */
FARPROC os_find(const wchar_t *dll, const char *name);
bool os_own_sid(char ret_sid[OS_SID_MAX]);
/* Allow entries for the user and the SID alone, with a low label so that the
 * container may write; the caller frees with LocalFree. No generic rights: they are read back. */
uint32_t os_descriptor(
	DWORD own_rights, const char *sid, DWORD rights, PSECURITY_DESCRIPTOR *ret_descriptor);
/* Has the object exactly that list and that label? */
uint32_t os_descriptor_is(HANDLE object, SE_OBJECT_TYPE type, DWORD own_rights, const char *sid,
	DWORD rights, bool *ret_exact);

uint32_t os_random(void *buf, size_t len);
uint32_t os_processors(uint32_t *ret_n);
uint32_t os_is_elevated(bool *ret_elevated);
uint32_t os_service_running(const char *name, bool *ret_running);
uint32_t os_lock_take(const char *name, enum os_lock whose, uintptr_t *ret_lock);
void os_lock_give(uintptr_t lock);
void os_error_text(uint32_t error, char *text, size_t size);
uint32_t os_state_folder(char ret_path[WINPATH_MAX]);

/* ---- os_files.c ---- */

/* Who it is, whatever it is called. */
uint32_t os_identity_of(HANDLE file, struct os_identity *ret_identity);
uint32_t os_file_look(const char *path, struct os_file *ret_file);
uint32_t os_folder_make(const char *path, enum os_folder whose);
uint32_t os_folder_remove(const char *path);
uint32_t os_tree_remove(const char *path);
uint32_t os_folder_list(const char *path, void (*each)(void *, const char *), void *arg);
uint32_t os_file_write(const char *path, const void *data, size_t len);
uint32_t os_file_copy(const char *from, const char *to);
uint32_t os_file_remove(const char *path);
uint32_t os_journal_open(const char *path, uintptr_t *ret_journal);
uint32_t os_journal_append(uintptr_t journal, const char *line);
uint32_t os_journal_read(uintptr_t journal, char **ret_text);
void os_journal_close(uintptr_t journal);
uint32_t os_junction_make(const char *path, const char *target);
uint32_t os_junction_read(const char *path, char ret_target[WINPATH_MAX]);

/* ---- os_access.c ---- */

uint32_t os_grant_add(const char *path, const struct os_identity *identity, const char *sid,
	enum os_access access);
uint32_t os_grant_read(const char *path, const struct os_identity *identity, const char *sid,
	enum os_access *ret_access);
uint32_t os_grant_remove(const char *path, const char *sid);

/* ---- os_container.c ---- */

uint32_t os_profile_create(const char *name, char ret_sid[OS_SID_MAX]);
uint32_t os_profile_sid(const char *name, char ret_sid[OS_SID_MAX]);
uint32_t os_profile_delete(const char *name);
uint32_t os_exemptions_get(char **ret_sids);
uint32_t os_exemptions_set(const char *sids);
uint32_t os_desktop_make(const char *name, const char *sid, uintptr_t *ret_desktop);
uint32_t os_desktop_check(uintptr_t desktop, const char *sid, bool *ret_exact);
void os_desktop_close(uintptr_t desktop);

/* ---- os_job.c ---- */

uint32_t os_job_make(uintptr_t *ret_job, uintptr_t *ret_port);
uint32_t os_job_limit(uintptr_t job, const struct os_job_limits *limits);
uint32_t os_job_read(uintptr_t job, struct os_job_limits *ret_limits);
uint32_t os_job_end(uintptr_t job);
void os_job_close(uintptr_t job, uintptr_t port);

/* ---- os_process.c ---- */

uint32_t os_process_make(const struct os_start *start, struct os_process *ret_process);
uint32_t os_process_token(uintptr_t process, struct os_token *ret_token);
uint32_t os_process_in_job(uintptr_t process, uintptr_t job, bool *ret_in);
uint32_t os_process_mitigations(uintptr_t process, uint32_t *ret_mitigations);
uint32_t os_process_resume(const struct os_process *process);
uint32_t os_process_end(const struct os_process *process);
void os_process_close(struct os_process *process);
uint32_t os_standard_handles(uintptr_t ret_handles[3]);
uint32_t os_own_program(char ret_path[WINPATH_MAX]);

/* ---- os_wait.c ---- */

uint32_t os_wait_end(const struct os_wait *wait, enum os_event *ret_event, uint32_t *ret_status);

/* ---- os_door.c ---- */

uint32_t os_listen(uint16_t port, intptr_t *ret_socket, uint16_t *ret_port);
void os_socket_close(intptr_t socket);
uint32_t os_pipe_make(const char *name, const char *sid, uint16_t port, uintptr_t *ret_pipe);
uint32_t os_pipe_admit(uintptr_t pipe, uintptr_t process);
uint32_t os_pipe_check(uintptr_t pipe, const char *sid, bool *ret_exact);
uint32_t os_pipe_ready(uintptr_t pipe, uintptr_t relay, uint32_t timeout_ms,
	enum os_relay *ret_relay, uint32_t *ret_status);
void os_pipe_close(uintptr_t pipe);

#endif
