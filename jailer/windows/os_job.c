/*
 * The job: everything the run starts, its limits, its end.
 */
#include "jailer/windows/os_system.h"

enum { END_MS = 5000 };

uint32_t os_job_make(uintptr_t *ret_job, uintptr_t *ret_port)
{
	JOBOBJECT_ASSOCIATE_COMPLETION_PORT associate = {NULL, NULL};
	HANDLE job = CreateJobObjectW(NULL, NULL);

	if (job == NULL) {
		return os_last_error();
	}
	associate.CompletionPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	if (associate.CompletionPort == NULL ||
		!SetInformationJobObject(job, JobObjectAssociateCompletionPortInformation,
			&associate, sizeof(associate))) {
		uint32_t error = os_last_error();

		if (associate.CompletionPort != NULL) {
			CloseHandle(associate.CompletionPort);
		}
		CloseHandle(job);
		return error;
	}
	*ret_job = (uintptr_t)job;
	*ret_port = (uintptr_t)associate.CompletionPort;
	return OS_OK;
}

uint32_t os_job_limit(uintptr_t job, const struct os_job_limits *limits)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION e = {0};
	JOBOBJECT_BASIC_UI_RESTRICTIONS ui = {limits->ui};
	JOBOBJECT_CPU_RATE_CONTROL_INFORMATION cpu = {0};

	e.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
	if (limits->kill_on_close) {
		e.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
	}
	if (limits->memory != 0) {
		e.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
		e.JobMemoryLimit = limits->memory;
	}
	if (limits->processes != 0) {
		e.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
		e.BasicLimitInformation.ActiveProcessLimit = limits->processes;
	}
	if (!SetInformationJobObject(
		    (HANDLE)job, JobObjectExtendedLimitInformation, &e, sizeof(e)) ||
		!SetInformationJobObject(
			(HANDLE)job, JobObjectBasicUIRestrictions, &ui, sizeof(ui))) {
		return os_last_error();
	}
	if (limits->cpu != 0) {
		cpu.ControlFlags =
			JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
		cpu.CpuRate = limits->cpu;
		if (!SetInformationJobObject(
			    (HANDLE)job, JobObjectCpuRateControlInformation, &cpu, sizeof(cpu))) {
			return os_last_error();
		}
	}
	return OS_OK;
}

uint32_t os_job_read(uintptr_t job, struct os_job_limits *ret_limits)
{
	const DWORD breakaway =
		JOB_OBJECT_LIMIT_BREAKAWAY_OK | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION e = {0};
	JOBOBJECT_BASIC_UI_RESTRICTIONS ui = {0};
	JOBOBJECT_CPU_RATE_CONTROL_INFORMATION cpu = {0};
	struct os_job_limits limits = {0};
	DWORD flags;

	if (!QueryInformationJobObject(
		    (HANDLE)job, JobObjectExtendedLimitInformation, &e, sizeof(e), NULL) ||
		!QueryInformationJobObject(
			(HANDLE)job, JobObjectBasicUIRestrictions, &ui, sizeof(ui), NULL) ||
		!QueryInformationJobObject(
			(HANDLE)job, JobObjectCpuRateControlInformation, &cpu, sizeof(cpu), NULL)) {
		return os_last_error();
	}
	flags = e.BasicLimitInformation.LimitFlags;
	limits.kill_on_close = (flags & JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE) != 0;
	limits.may_break_away = (flags & breakaway) != 0;
	limits.memory = (flags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0 ? e.JobMemoryLimit : 0;
	limits.processes = (flags & JOB_OBJECT_LIMIT_ACTIVE_PROCESS) != 0
				   ? e.BasicLimitInformation.ActiveProcessLimit
				   : 0;
	limits.ui = ui.UIRestrictionsClass;
	if ((cpu.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP) != 0) {
		limits.cpu = cpu.CpuRate;
	}
	*ret_limits = limits;
	return OS_OK;
}

uint32_t os_job_end(uintptr_t job)
{
	ULONGLONG deadline = GetTickCount64() + END_MS;
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION count;

	if (!TerminateJobObject((HANDLE)job, 1)) {
		return os_last_error();
	}
	for (;;) {
		if (!QueryInformationJobObject((HANDLE)job, JobObjectBasicAccountingInformation,
			    &count, sizeof(count), NULL)) {
			return os_last_error();
		}
		if (count.ActiveProcesses == 0) {
			return OS_OK;
		}
		if (GetTickCount64() > deadline) {
			return WAIT_TIMEOUT;
		}
		Sleep(2);
	}
}

void os_job_close(uintptr_t job, uintptr_t port)
{
	CloseHandle((HANDLE)job);
	CloseHandle((HANDLE)port);
}
