/*
 * Verbs that Windows does not have yet: said so, never done by half.
 */
#include "cli/verbs.h"

int verb_files(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return complain("files is not there on Windows yet");
}

int verb_connect(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return complain("connect is not there on Windows: ssh finds its way through the proxy by "
			"other means");
}
