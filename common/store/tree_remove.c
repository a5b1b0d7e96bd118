/* SPDX-License-Identifier: MIT */
/*
 * Removing a hierarchy. Two walks: the first removes the metadata of every
 * level, from the root down, so that from its first step on nobody takes what
 * is left for an image and a reader that misses a chunk finds out why; the
 * second removes everything.
 *
 * Each directory is opened in its parent without following links, so that
 * nothing outside the tree is touched whatever others do to it meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/ctx.h"
#include "store/dir.h"
#include "store/tree.h"

/* Some file systems skip entries while others are removed: look again, but not for ever. */
enum { PASSES = 8 };

struct walk {
	const struct ozr_sys *sys;
	int metadata_only;
};

static int walk_dir(const struct walk *w, int parent, const char *name, unsigned depth,
		    struct ozr_err *err);

static int fail_at(const char *what, const char *name, struct ozr_err *err)
{
	return ozr_dir_fail(err, errno, what, name);
}

static int drop_file(const struct walk *w, int dir, const char *name, struct ozr_err *err)
{
	if (w->sys->unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return OZR_OK;
	return fail_at("remove", name, err);
}

/* What makes a directory a Zarr node; consolidated metadata first, for it speaks for all. */
static int drop_metadata(const struct walk *w, int dir, struct ozr_err *err)
{
	static const char *const names[] = {".zmetadata", "zarr.json", ".zgroup", ".zarray",
					    ".zattrs"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		/* A directory of that name is the second walk's. */
		if (w->sys->unlinkat(dir, names[i], 0) && errno != ENOENT && errno != EISDIR)
			return fail_at("remove", names[i], err);
	return OZR_OK;
}

static int visit(const struct walk *w, int dir, const struct dirent *e, unsigned depth,
		 struct ozr_err *err)
{
	const char *name = e->d_name;
	int is_dir = e->d_type == DT_DIR;
	struct stat st;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return OZR_OK;
	if (e->d_type == DT_UNKNOWN) {
		if (w->sys->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
			return errno == ENOENT ? OZR_OK : fail_at("look at", name, err);
		is_dir = S_ISDIR(st.st_mode);
	}
	if (is_dir)
		return walk_dir(w, dir, name, depth + 1, err);
	return w->metadata_only ? OZR_OK : drop_file(w, dir, name, err);
}

/* Takes fd over. */
static int visit_all(const struct walk *w, int fd, const char *name, unsigned depth,
		     struct ozr_err *err)
{
	int code = OZR_OK;
	DIR *dir = w->sys->fdopendir(fd);
	if (!dir) {
		code = fail_at("look at", name, err);
		w->sys->close(fd);
		return code;
	}
	if (w->metadata_only)
		code = drop_metadata(w, fd, err);
	while (!code) {
		errno = 0;
		const struct dirent *e = w->sys->readdir(dir);
		if (!e && errno)
			code = fail_at("look at", name, err);
		if (!e)
			break;
		code = visit(w, fd, e, depth, err);
	}
	w->sys->closedir(dir);
	return code;
}

static int walk_dir(const struct walk *w, int parent, const char *name, unsigned depth,
		    struct ozr_err *err)
{
	if (depth > OZR_TREE_DEPTH)
		return ozr_fail(err, OZR_LIMIT, "remove '%s': more than %d directories deep", name,
				OZR_TREE_DEPTH);
	for (int pass = 0; pass < PASSES; pass++) {
		int fd = ozr_dir_resolve(w->sys, parent, name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
		if (fd < 0)
			return errno == ENOENT ? OZR_OK : fail_at("look at", name, err);
		int code = visit_all(w, fd, name, depth, err);
		if (code || w->metadata_only)
			return code;
		if (w->sys->unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return OZR_OK;
		if (errno != ENOTEMPTY && errno != EEXIST)
			break;
	}
	return fail_at("remove", name, err);
}

int ozr_tree_drop(const struct ozr_sys *sys, int dir, const char *name, struct ozr_err *err)
{
	const struct walk metadata = {sys, 1}, rest = {sys, 0};
	int code = walk_dir(&metadata, dir, name, 1, err);
	return code ? code : walk_dir(&rest, dir, name, 1, err);
}

int ozr_tree_remove(struct ozr_ctx *ctx, const char *path, struct ozr_err *err)
{
	struct ozr_target t;
	int code = ozr_target_open(ctx, path, &t, err);
	if (code)
		return code;
	code = ozr_target_check(&t, NULL, err);
	if (code == OZR_EXISTS) {
		code = OZR_DENIED;
		if (err)
			err->code = code;
	}
	if (!code)
		code = ozr_tree_drop(t.sys, t.dir, t.name, err);
	ozr_target_close(&t);
	return code;
}
