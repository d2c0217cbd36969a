/*
 * The digest of a Go module's zip as go.sum has it, from a stored body.
 */
#ifndef SALLYPORT_CLI_LOG_GO_ZIP_H
#define SALLYPORT_CLI_LOG_GO_ZIP_H

#include <stdbool.h>

/*
 * Hash1 of golang.org/x/mod/sumdb/dirhash, in hex, over the zip that DIR/bodies holds under that
 * SHA-256. False: there is no such body, it is not what its name says, no zip, or one that go would
 * not take either (golang.org/x/mod/zip: 500 MiB unpacked; a name twice).
 */
bool go_zip_hash(const char *dir, const char *sha256, char ret_hex[65]);

#endif
