/* SPDX-License-Identifier: MIT */
/*
 * The place of a hierarchy on a local file system, and whether what lies there
 * may be replaced or removed: only a Zarr hierarchy may, and only when its root
 * holds nothing else. Directories below are taken for groups, arrays and chunks;
 * files must be Zarr metadata, chunks of an array, or temporary files of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "store/dir.h"
#include "store/tree.h"

/* --- Splitting ---------------------------------------------------------- */

/* The length of path without trailing slashes and "." segments. */
static size_t trimmed(const char *path)
{
	size_t len = strlen(path);
	for (;;) {
		while (len > 1 && path[len - 1] == '/')
			len--;
		if (len < 2 || path[len - 1] != '.' || path[len - 2] != '/')
			return len;
		len--;
	}
}

/* "a/b" -> "a", "b"; "b" -> ".", "b"; "/b" -> "/", "b". */
static int split(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1],
		 struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	size_t len = trimmed(path), start = len;
	while (start && path[start - 1] != '/')
		start--;
	size_t size = len - start;
	ozr_quote(quoted, path, strlen(path));
	if (!size || (size <= 2 && strncmp(path + start, "..", size) == 0))
		return ozr_fail(err, OZR_BAD_ARG,
				"'%s': must end in the name of the image's directory", quoted);
	if (size > NAME_MAX || start >= PATH_MAX)
		return ozr_fail(err, OZR_BAD_ARG, "'%s': the name is too long", quoted);
	memcpy(name, path + start, size);
	name[size] = '\0';
	memcpy(parent, start ? path : ".", start ? start : 1);
	parent[start ? start : 1] = '\0';
	return OZR_OK;
}

static int no_parent(const char *parent, int sys, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	if (sys == ENOENT || sys == ENOTDIR)
		return ozr_fail(err, OZR_NOT_FOUND, "the directory '%s' does not exist",
				ozr_quote(quoted, parent, strlen(parent)));
	return ozr_dir_fail(err, sys, "open", parent);
}

/* The policy of the host, asked about the absolute path. */
static int ask_host(struct ozr_ctx *ctx, const char *parent, const char *name, struct ozr_err *err)
{
	char place[PATH_MAX + NAME_MAX + 2];
	if (!ozr_ctx_sys(ctx)->realpath(parent, place))
		return no_parent(parent, errno, err);
	size_t len = strlen(place);
	snprintf(place + len, sizeof place - len, "%s%s", len > 1 ? "/" : "", name);
	return ozr_ctx_allowed(ctx, place, 1, err);
}

int ozr_target_open(struct ozr_ctx *ctx, const char *path, struct ozr_target *out,
		    struct ozr_err *err)
{
	struct ozr_target t = {.sys = ozr_ctx_sys(ctx)};
	char parent[PATH_MAX];
	int code = split(path, parent, t.name, err);
	if (!code)
		code = ask_host(ctx, parent, t.name, err);
	if (code)
		return code;
	t.dir = t.sys->open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (t.dir < 0)
		return no_parent(parent, errno, err);
	*out = t;
	return OZR_OK;
}

void ozr_target_close(struct ozr_target *t)
{
	t->sys->close(t->dir);
	t->dir = -1;
}

/* --- What is there ------------------------------------------------------ */

/* Chunks that lie directly in an array: "0", "1.2.3", "c.0.0", "c". */
static int is_chunk_name(const char *name)
{
	if (strcmp(name, "c") == 0)
		return 1;
	if (strncmp(name, "c.", 2) == 0)
		name += 2;
	for (;;) {
		size_t digits = strspn(name, "0123456789");
		if (!digits)
			return 0;
		if (!name[digits])
			return 1;
		if (name[digits] != '.')
			return 0;
		name += digits + 1;
	}
}

int ozr_tree_is_root_metadata(const char *name)
{
	return strcmp(name, "zarr.json") == 0 || strcmp(name, ".zgroup") == 0 ||
	       strcmp(name, ".zarray") == 0;
}

int ozr_tree_is_document(const char *key)
{
	const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
	return ozr_tree_is_root_metadata(name) || strcmp(name, ".zattrs") == 0 ||
	       strcmp(name, ".zmetadata") == 0;
}

int ozr_tree_is_known_file(const char *name)
{
	return ozr_tree_is_document(name) || strcmp(name, OZR_LOCK_FILE) == 0 ||
	       strncmp(name, OZR_TEMP_PREFIX, strlen(OZR_TEMP_PREFIX)) == 0 || is_chunk_name(name);
}

struct look {
	int has_metadata;
	char foreign[NAME_MAX + 1]; /* the first in byte order; "" for none */
};

static int look_at(const struct ozr_target *t, int fd, const struct dirent *e, struct look *found,
		   struct ozr_err *err)
{
	const char *name = e->d_name;
	mode_t type = DTTOIF(e->d_type);
	struct stat st;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return OZR_OK;
	if (e->d_type == DT_UNKNOWN) {
		if (t->sys->fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
			return ozr_dir_fail(err, errno, "look at", name);
		type = st.st_mode & S_IFMT;
	}
	if (type == S_IFREG && ozr_tree_is_root_metadata(name))
		found->has_metadata = 1;
	if (type == S_IFDIR || (type == S_IFREG && ozr_tree_is_known_file(name)))
		return OZR_OK;
	if (!found->foreign[0] || strcmp(name, found->foreign) < 0)
		snprintf(found->foreign, sizeof found->foreign, "%s", name);
	return OZR_OK;
}

/* Takes fd over. */
static int look_through(const struct ozr_target *t, int fd, struct look *found, struct ozr_err *err)
{
	DIR *dir = t->sys->fdopendir(fd);
	int code = OZR_OK;
	if (!dir) {
		code = ozr_dir_fail(err, errno, "look at", t->name);
		t->sys->close(fd);
		return code;
	}
	while (!code) {
		errno = 0;
		const struct dirent *e = t->sys->readdir(dir);
		if (!e && errno)
			code = ozr_dir_fail(err, errno, "look at", t->name);
		if (!e)
			break;
		code = look_at(t, fd, e, found, err);
	}
	t->sys->closedir(dir);
	return code;
}

int ozr_target_check(const struct ozr_target *t, struct stat *st, struct ozr_err *err)
{
	char target[OZR_QUOTE_MAX], foreign[OZR_QUOTE_MAX];
	struct look found = {0};
	struct stat seen;
	ozr_quote(target, t->name, strlen(t->name));
	if (t->sys->fstatat(t->dir, t->name, &seen, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? ozr_fail(err, OZR_NOT_FOUND, "'%s' does not exist", target)
				       : ozr_dir_fail(err, errno, "look at", t->name);
	if (S_ISLNK(seen.st_mode))
		return ozr_fail(err, OZR_EXISTS, "'%s' is a symbolic link, not a directory",
				target);
	if (!S_ISDIR(seen.st_mode))
		return ozr_fail(err, OZR_EXISTS, "'%s' is a file, not a Zarr directory", target);
	int fd = ozr_dir_resolve(t->sys, t->dir, t->name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return ozr_dir_fail(err, errno, "look at", t->name);
	if (st && t->sys->fstat(fd, st)) {
		int sys = errno;
		t->sys->close(fd);
		return ozr_dir_fail(err, sys, "look at", t->name);
	}
	int code = look_through(t, fd, &found, err);
	if (code)
		return code;
	if (!found.has_metadata)
		return ozr_fail(err, OZR_EXISTS,
				"'%s' is a directory without zarr.json, .zgroup or .zarray",
				target);
	if (found.foreign[0])
		return ozr_fail(err, OZR_EXISTS, "'%s' holds '%s', which is not part of a Zarr",
				target, ozr_quote(foreign, found.foreign, strlen(found.foreign)));
	return OZR_OK;
}
