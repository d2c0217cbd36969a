/*
 * The user's folders and name on POSIX systems.
 */
#include "cli/place.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* The jail's network is its own: the port is free there. */
enum { PROXY_PORT = 3128 };

const char place_state_cure[] = "neither HOME nor XDG_STATE_HOME is set";

/* Each for the wrong direction: who reads or writes hears the error of a closed descriptor. */
void place_hold_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			_exit(EXIT_OURS);
		}
	}
}

int place_state(char *ret_path, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state != NULL && state[0] == '/') {
		n = snprintf(ret_path, size, "%s/sallyport", state);
	} else if (home != NULL && home[0] == '/') {
		n = snprintf(ret_path, size, "%s/.local/state/sallyport", home);
	}
	return n >= 0 && (size_t)n < size ? 0 : -1;
}

int place_try_folders(char *path)
{
	if (access(path, F_OK) == 0) {
		return 0;
	}
	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash != NULL) {
			*slash = '\0';
		}
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			return -1;
		}
		if (slash == NULL) {
			return 0;
		}
		*slash = '/';
	}
}

int place_make_folders(char *path)
{
	return place_try_folders(path) == 0
		       ? 0
		       : complain("cannot make the record folder %s: %s", path, strerror(errno));
}

/* The file first, as nsswitch.conf has it nearly everywhere: to read that and to look for a daemon
 * that caches names costs a start more than all of this. */
const char *place_user(void)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *user = NULL;
	static char name[256];

	while (file != NULL && (user = fgetpwent(file)) != NULL && user->pw_uid != geteuid()) {
	}
	if (user == NULL) {
		user = getpwuid(geteuid());
	}
	if (user != NULL) {
		snprintf(name, sizeof(name), "%s", user->pw_name);
	}
	if (file != NULL) {
		fclose(file);
	}
	return user != NULL ? name : "?";
}

char *const *place_environment(void)
{
	return environ;
}

uint16_t place_proxy_port(void)
{
	return PROXY_PORT;
}
