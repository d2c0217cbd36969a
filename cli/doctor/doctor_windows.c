/*
 * sallyport doctor on Windows: what this machine gives of what a run needs, and --repair, which
 * takes back what runs left behind that crashed; --probe is in probe_windows.c. Also the inner half
 * of the door, as a verb.
 */
#include "cli/doctor/probe_windows.h"
#include "cli/verbs.h"
#include "jailer/windows/os.h"
#include "jailer/windows/repair.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <windows.h>

static const char usage[] =
	"usage: sallyport doctor [--repair | --probe [NAME...] | --control [NAME...]]\n\n"
	"Says what this Windows gives of what a run needs.\n\n"
	"  --probe      tries to get out of a jail, each attempt in a run of its own, in a new\n"
	"               folder below this one; exit status 1 when one got out or none was made\n"
	"  --control    the same attempts without a jail: shows which of them are real\n"
	"  --repair     takes back what crashed runs left behind: profiles, grants, junctions,\n"
	"               loopback exemptions; exit status 1 when something has to stay\n";

/* ---- the machine ---- */

typedef LONG(WINAPI *get_version_fn)(OSVERSIONINFOW *version);

static void show_version(void)
{
	HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
	OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof(version)};
	get_version_fn get =
		ntdll != NULL ? (get_version_fn)(void *)GetProcAddress(ntdll, "RtlGetVersion")
			      : NULL;

	if (get != NULL && get(&version) == 0) {
		printf("Windows    %lu.%lu.%lu\n", (unsigned long)version.dwMajorVersion,
			(unsigned long)version.dwMinorVersion,
			(unsigned long)version.dwBuildNumber);
	}
	if (ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL) {
		puts("           this is Wine, which has no AppContainer");
	}
}

static void show_rights(const struct jail_os *os)
{
	bool elevated = false;

	if (os->is_elevated(&elevated) == OS_OK) {
		printf("rights     %s\n",
			elevated ? "elevated; a jail needs none of it" : "not elevated");
	}
}

static bool show_service(const struct jail_os *os, const char *name)
{
	bool running = false;
	uint32_t error = os->service_running(name, &running);

	printf("%-10s %s %s\n", error == OS_OK && running ? "up" : "DOWN", "service", name);
	if (error != OS_OK || !running) {
		puts("           without it an AppContainer's network is open: start it");
	}
	return error == OS_OK && running;
}

static bool show_container(const struct jail_os *os)
{
	char sid[OS_SID_MAX], text[OS_TEXT_MAX];
	uint32_t error = os->profile_sid("sallyport-doctor", sid);

	if (error == OS_OK) {
		puts("up         AppContainer");
		return true;
	}
	os->error_text(error, text, sizeof(text));
	printf("DOWN       AppContainer: %s\n", text);
	return false;
}

static int show_machine(void)
{
	const struct jail_os *os = &jail_os_windows;
	bool up;

	show_version();
	show_rights(os);
	up = show_container(os);
	up = show_service(os, "BFE") && up;
	up = show_service(os, "MpsSvc") && up;
	puts(up ? "\nwhat can be asked beforehand is there; each run reads the rest back"
		: "\nnothing can be run in a jail here: the reason stands above");
	return up ? 0 : 1;
}

/* ---- repair ---- */

static int repair(void)
{
	struct jail_diag diag = {.message = ""};
	unsigned undone = 0, failed = 0;

	if (jail_repair(&undone, &failed, &diag) != 0) {
		return complain("%s", diag.message);
	}
	printf("%u taken back, %u have to stay\n", undone, failed);
	return failed > 0 ? 1 : 0;
}

int verb_doctor(int argc, char **argv)
{
	if (argc == 1) {
		return show_machine();
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--repair") == 0) {
		return repair();
	}
	if (strcmp(argv[1], "--probe") == 0 || strcmp(argv[1], "--control") == 0) {
		return probe_all(argv[1][2] == 'p', argv + 2);
	}
	return complain("doctor does not know %s; sallyport doctor --help says more", argv[1]);
}

int verb_relay(int argc, char **argv)
{
	return jail_relay(argc, argv);
}
