/*
 * Folders put together from layers. Each returns -1 with errno set.
 */
#ifndef SALLYPORT_JAILER_OVERLAY_H
#define SALLYPORT_JAILER_OVERLAY_H

/*
 * Says in `layer` that `path` (relative) is absent from the folder `below`. What is not there needs
 * nothing.
 */
int overlay_whiteout(int layer, int below, const char *path);
/* When all are said: the layer itself looks like `below` again. */
int overlay_finish(int layer, int below);
/*
 * An overlay, attached nowhere. `lower` are folders from the top down with colons between them;
 * `upper` and `work` may be NULL: then nothing can be written. None of them has other odd
 * characters: the caller gives them names.
 */
int overlay_mount(const char *lower, const char *upper, const char *work);

#endif
