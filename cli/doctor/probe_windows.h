/*
 * sallyport doctor --probe on Windows. Private to cli/.
 */
#ifndef SALLYPORT_CLI_DOCTOR_PROBE_WINDOWS_H
#define SALLYPORT_CLI_DOCTOR_PROBE_WINDOWS_H

#include <stdbool.h>

/* Makes the attempts named, or all, and prints a table. Returns an exit status: 0 when all that
 * were made were held, and one was. */
int probe_all(bool jailed, char **names);

#endif
