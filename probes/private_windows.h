/*
 * What the probes of Windows share. Private to probes/.
 */
#ifndef SALLYPORT_PROBES_PRIVATE_WINDOWS_H
#define SALLYPORT_PROBES_PRIVATE_WINDOWS_H

#include "probes/probes.h"

#define PROBE(name) void name(const struct probe_targets *t, struct probe_result *result)

void probe_say(struct probe_result *result, enum probe_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Held when `failed`, with Windows' number for it. */
void probe_judge(struct probe_result *result, bool failed, const char *what, unsigned long error);
/* Runs a line and gives its exit status; -1 when it cannot be started. */
long probe_run_line(const char *line);

/* services_windows.c: what works on behalf of others */
PROBE(probe_bits);
PROBE(probe_com);
PROBE(probe_tasks);
PROBE(probe_winrm);
PROBE(probe_clipboard);
PROBE(probe_desktop);

#endif
