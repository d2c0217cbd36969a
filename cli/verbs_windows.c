/*
 * Verbs that Windows does not have yet: said so, never done by half.
 */
#include "cli/changes/verb.h"
#include "cli/verbs.h"

int verb_changes(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return complain("changes is not there on Windows: no run can be started with --review");
}

int changes_sum_up(const char *record_dir, const char *run)
{
	(void)record_dir;
	(void)run;
	return 0;
}

int verb_connect(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return complain("connect is not there on Windows: ssh finds its way through the proxy by "
			"other means");
}

int verb_shell(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return complain("shell is not there on Windows: sallyport run -- cmd");
}
