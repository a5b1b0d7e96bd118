/* SPDX-License-Identifier: MIT */
/*
 * Paths of the directory store: resolving beneath the root, making directories
 * on demand, and pushing directory entries to the disk.
 *
 * A directory is looked for before it is made: a put opens its file first and
 * comes here only when that finds no directory, so directories that are there
 * cost nothing. Which ones are known to be on the disk is remembered in a table
 * of fingerprints; forgetting one costs another fsync, nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/ctx.h"
#include "store/dir.h"

int ozr_dir_fail(struct ozr_err *err, int sys, const char *what, const char *key)
{
	char quoted[OZR_QUOTE_MAX];
	ozr_quote(quoted, key, strlen(key));
	if (sys == EXDEV)
		return ozr_fail(err, OZR_DENIED, "%s '%s': a symbolic link leads out of the store",
				what, quoted);
	if (sys == ELOOP)
		return ozr_fail(err, OZR_DENIED, "%s '%s': a symbolic link may not be followed",
				what, quoted);
	if (sys == ENOTDIR)
		return ozr_fail(err, OZR_BAD_FORMAT,
				"%s '%s': a part of the path is a file, not a directory", what,
				quoted);
	int code = ozr_fail_errno(err, sys, "%s '%s'", what, quoted);
	if (code != OZR_NOT_FOUND)
		return code;
	if (err)
		err->code = OZR_IO;
	return OZR_IO;
}

int ozr_dir_resolve(const struct ozr_sys *sys, int dir, const char *path, int flags, mode_t mode)
{
	/* EAGAIN: a rename elsewhere kept the kernel from being sure that ".." of a link stays
	 * beneath the root. It clears soon; the bound is for file systems that mean it. */
	for (int outrun = 0;;) {
		int fd = sys->open_beneath(dir, path, flags, mode);
		if (fd >= 0 || !(errno == EINTR || (errno == EAGAIN && ++outrun < 100)))
			return fd;
	}
}

/* Copy the first len bytes of a key, or "." for none. */
static void copy_path(char path[OZR_KEY_MAX + 1], const char *key, size_t len)
{
	if (!len) {
		key = ".";
		len = 1;
	}
	memcpy(path, key, len);
	path[len] = '\0';
}

/* Bytes of key that name its directory. */
static size_t parent_len(const char *key)
{
	const char *slash = strrchr(key, '/');
	return slash ? (size_t)(slash - key) : 0;
}

int ozr_dir_parent(const struct ozr_dir_store *s, const char *key, int flags, const char **leaf)
{
	char path[OZR_KEY_MAX + 1];
	size_t len = parent_len(key);
	copy_path(path, key, len);
	*leaf = key + len + (len != 0);
	return ozr_dir_resolve(s->sys, s->root, path, flags | O_DIRECTORY | O_CLOEXEC, 0);
}

int ozr_dir_write_flags(const struct ozr_dir_store *s)
{
	return s->durability == OZR_FLUSH_NONE ? O_PATH : O_RDONLY;
}

int ozr_dir_fsync(const struct ozr_sys *sys, int fd)
{
	while (sys->fsync(fd)) {
		if (errno == EINVAL || errno == EOPNOTSUPP)
			return 0;
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

int ozr_dir_flushes(const struct ozr_dir_store *s, int parent)
{
	if (s->durability != OZR_FLUSH_CLOSE)
		return s->durability == OZR_FLUSH_EACH;
	/* sync() flushes the file system of the root; what is mounted below it is not covered. */
	struct stat st;
	return s->sys->fstat(parent, &st) || (uint64_t)st.st_dev != s->device;
}

/* --- Which directories are on the disk ----------------------------------- */

static uint64_t fingerprint(const char *path)
{
	uint64_t hash = ozr_hash(1, path, strlen(path));
	return hash ? hash : 1;
}

static int is_settled(struct ozr_dir_store *s, const char *path)
{
	uint64_t mark = fingerprint(path);
	return atomic_load(&s->settled[mark % OZR_DIR_SETTLED]) == mark;
}

static void set_settled(struct ozr_dir_store *s, const char *path, int settled)
{
	uint64_t mark = fingerprint(path);
	_Atomic uint64_t *slot = &s->settled[mark % OZR_DIR_SETTLED];
	if (settled)
		atomic_store(slot, mark);
	else
		atomic_compare_exchange_strong(slot, &mark, 0);
}

int ozr_dir_settle(struct ozr_dir_store *s, const char *key, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	const char *leaf;
	for (const char *end = strchr(key, '/'); end; end = strchr(end + 1, '/')) {
		copy_path(path, key, (size_t)(end - key));
		if (is_settled(s, path))
			continue;
		int parent = ozr_dir_parent(s, path, O_RDONLY, &leaf);
		int bad = parent < 0 || ozr_dir_fsync(s->sys, parent);
		int sys = errno;
		if (parent >= 0)
			s->sys->close(parent);
		if (bad)
			return ozr_dir_fail(err, sys, "flush the directory of", path);
		set_settled(s, path, 1);
	}
	return OZR_OK;
}

/* --- Making directories ------------------------------------------------- */

/* One directory whose parent is there. 0, or errno. */
static int make_one(struct ozr_dir_store *s, const char *path)
{
	const char *leaf;
	int sys = 0;
	int parent = ozr_dir_parent(s, path, O_PATH, &leaf);
	if (parent < 0)
		return errno;
	if (s->sys->mkdirat(parent, leaf, 0777) == 0)
		set_settled(s, path, 0);
	else if (errno != EEXIST) /* another writer was faster */
		sys = errno;
	s->sys->close(parent);
	return sys;
}

int ozr_dir_make(struct ozr_dir_store *s, const char *key, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	size_t full = parent_len(key), len = full;
	int sys = ENOENT;
	/* Up to the deepest directory that can be made (mostly the last one), */
	while (len && sys == ENOENT) {
		copy_path(path, key, len);
		sys = make_one(s, path);
		if (sys == ENOENT)
			len = parent_len(path);
	}
	/* then down again. */
	while (!sys && len < full) {
		len += 1 + strcspn(key + len + 1, "/");
		copy_path(path, key, len);
		sys = make_one(s, path);
	}
	return sys && full ? ozr_dir_fail(err, sys, "make the directory of", key) : OZR_OK;
}
