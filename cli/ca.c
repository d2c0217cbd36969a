/*
 * sallyport ca: the CA of a long-running gateway, kept in a folder. A run makes its own and keeps
 * it in memory; only this one is ever on a disk.
 */
#include "certs/certs.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: sallyport ca init DIR [NAME] [DAYS]\n"
	"       sallyport ca show DIR\n"
	"       sallyport ca export DIR\n"
	"\n"
	"init makes a CA for `sallyport gateway --ca DIR`: DIR/ca.pem, and DIR/ca.key, which only "
	"its owner may\n"
	"read. One that is there is never overwritten. NAME is \"Sallyport gateway CA\" and DAYS "
	"365 when not said.\n"
	"show prints its name's fingerprint, export the certificate for clients to believe. "
	"Neither prints\n"
	"the key; all of them refuse one that others can read.\n";

static int init(int argc, char **argv)
{
	const char *name = argc > 3 ? argv[3] : "Sallyport gateway CA";
	struct certs_diag diag = {0};
	struct certs_ca *ca = NULL;
	unsigned long days = 365;
	char dir[PATH_MAX], *end;
	int status = 0;

	if (argc > 4) {
		days = strtoul(argv[4], &end, 10);
		if (*end != '\0' || days == 0 || days > 36500) {
			return complain("ca init wants 1 to 36500 days: %s", argv[4]);
		}
	}
	if (snprintf(dir, sizeof(dir), "%s", argv[2]) >= (int)sizeof(dir)) {
		return complain("the path of the CA's folder is too long");
	}
	status = place_make_folders(dir);
	if (status == 0 && (certs_ca_create(name, (unsigned)days, &ca, &diag) != CERTS_OK ||
				   certs_ca_save(ca, dir, &diag) != CERTS_OK)) {
		status = complain("the CA cannot be made: %s", diag.message);
	}
	if (status == 0) {
		printf("%s/ca.pem\nSHA-256 %s\n", dir, certs_ca_fingerprint(ca));
	}
	certs_ca_destroy(ca);
	return status;
}

static int tell(const char *dir, bool whole)
{
	struct certs_diag diag = {0};
	struct certs_ca *ca;

	if (certs_ca_load(dir, &ca, &diag) != CERTS_OK) {
		return complain("the CA cannot be used: %s", diag.message);
	}
	if (whole) {
		fputs(certs_ca_pem(ca), stdout);
	} else {
		printf("%s/ca.pem\nSHA-256 %s\n", dir, certs_ca_fingerprint(ca));
	}
	certs_ca_destroy(ca);
	return 0;
}

int verb_ca(int argc, char **argv)
{
	struct certs_diag diag = {0};

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (argc < 3) {
		return complain("ca wants init, show or export, and a folder: sallyport ca --help");
	}
	if (certs_init(&diag) != CERTS_OK) {
		return complain("%s", diag.message);
	}
	if (strcmp(argv[1], "init") == 0 && argc <= 5) {
		return init(argc, argv);
	}
	if (strcmp(argv[1], "show") == 0 && argc == 3) {
		return tell(argv[2], false);
	}
	if (strcmp(argv[1], "export") == 0 && argc == 3) {
		return tell(argv[2], true);
	}
	return complain("ca wants init, show or export, and a folder: sallyport ca --help");
}
