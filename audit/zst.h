/*
 * Segments compressed with zstd: NNNNNN.jsonl.zst in place of NNNNNN.jsonl. zst_libzstd.c;
 * zst_windows.c has none. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_ZST_H
#define SALLYPORT_AUDIT_ZST_H

/* The text as a file of its own, to be read and closed. -1 with errno. */
int zst_open(int dir, const char *name);
/* 0, or -1 with errno; `fresh` is then of no use. Both names are in `dir`. */
int zst_compress(int dir, const char *name, const char *fresh);

#endif
