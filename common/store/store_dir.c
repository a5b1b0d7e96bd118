/* SPDX-License-Identifier: MIT */
/*
 * A store over a directory: the key "c/0/1" is the file c/0/1 below the root.
 *
 * The root is held as a descriptor for the life of the store and every path is
 * resolved beneath it by the kernel: no "..", absolute path or symbolic link
 * leaves it, and moving or replacing the directory does not move the store.
 * A value is never changed in place (dir_put.c has the protocol), so an object
 * is an open descriptor: one version, whatever becomes of the key.
 *
 * What a crash can leave behind: temporary names ".ozr-tmp-*", which no listing
 * shows and which a writer that lists the directory later removes (dir_temp.c), and
 * empty directories. What it cannot leave: a value that is not whole.
 * Durability: nothing is flushed, or the whole file system once in sync(), or
 * each value before its name appears and its directory after.
 * Threads: any; the store has no mutex. Fork: a child may go on using it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "store/dir.h"
#include "store/tree.h"

struct dir_object {
	struct ozr_object base;
	int fd;
	char key[];
};

/* --- Objects ------------------------------------------------------------ */

static int not_found(const char *key, const char *why, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	return ozr_fail(err, OZR_NOT_FOUND, "'%s': %s", ozr_quote(quoted, key, strlen(key)), why);
}

/* Open the file of a key and see what it is. O_NONBLOCK: a FIFO must not hang us. */
static int open_value(const struct ozr_dir_store *s, const char *key, int *fd, struct stat *st,
		      struct ozr_err *err)
{
	int code = OZR_OK;
	int f = ozr_dir_resolve(s->sys, s->root, key, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				0);
	if (f < 0)
		return errno == ENOENT || errno == ENOTDIR ? not_found(key, "no such file", err)
							   : ozr_dir_fail(err, errno, "open", key);
	if (s->sys->fstat(f, st))
		code = ozr_dir_fail(err, errno, "look at", key);
	else if (S_ISDIR(st->st_mode))
		code = not_found(key, "is a directory, not a value", err);
	else if (!S_ISREG(st->st_mode))
		code = ozr_fail(err, OZR_BAD_FORMAT, "'%s': not a regular file", key);
	if (code)
		s->sys->close(f);
	else
		*fd = f;
	return code;
}

static int dir_open(struct ozr_store *base, const char *key, struct ozr_object **out,
		    struct ozr_err *err)
{
	const struct ozr_dir_store *s = ozr_dir(base);
	struct stat st;
	int fd = -1;
	int code = open_value(s, key, &fd, &st, err);
	if (code)
		return code;
	size_t len = strlen(key) + 1;
	struct dir_object *o = ozr_alloc(base->ctx, sizeof *o + len, err);
	if (!o) {
		s->sys->close(fd);
		return ozr_alloc_code(err);
	}
	o->base = (struct ozr_object){base, (uint64_t)st.st_size, ozr_dir_version(s, &st)};
	o->fd = fd;
	memcpy(o->key, key, len);
	*out = &o->base;
	return OZR_OK;
}

static int read_range(const struct ozr_sys *sys, const struct dir_object *o,
		      const struct ozr_range *r, char *dst, struct ozr_err *err)
{
	for (uint64_t done = 0; done < r->length;) {
		size_t want = (size_t)(r->length - done);
		ssize_t got = sys->pread(o->fd, dst + done, want < INT_MAX ? want : INT_MAX,
					 (off_t)(r->offset + done));
		if (got > 0) {
			done += (uint64_t)got;
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ESTALE)
			return ozr_fail(err, OZR_CHANGED, "'%s': was removed while it was read",
					o->key);
		if (got < 0)
			return ozr_dir_fail(err, errno, "read", o->key);
		return ozr_fail(err, OZR_CORRUPT, "'%s': shrank while it was read", o->key);
	}
	return OZR_OK;
}

static int dir_read(struct ozr_object *base, size_t n, const struct ozr_range *ranges,
		    void *const *dst, struct ozr_err *err)
{
	const struct ozr_sys *sys = ozr_dir(base->store)->sys;
	int code = OZR_OK;
	for (size_t i = 0; i < n && !code; i++)
		code = read_range(sys, (struct dir_object *)base, &ranges[i], dst[i], err);
	return code;
}

static void dir_advise(struct ozr_object *base, size_t n, const struct ozr_range *ranges)
{
	const struct ozr_sys *sys = ozr_dir(base->store)->sys;
	for (size_t i = 0; i < n; i++)
		sys->fadvise(((struct dir_object *)base)->fd, (off_t)ranges[i].offset,
			     (off_t)ranges[i].length, POSIX_FADV_WILLNEED);
}

static void dir_close(struct ozr_object *base)
{
	ozr_dir(base->store)->sys->close(((struct dir_object *)base)->fd);
	ozr_free(base->store->ctx, base);
}

/* --- Delete, sync ------------------------------------------------------- */

static int dir_del(struct ozr_store *base, const char *key, struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(base);
	const char *leaf;
	int code = OZR_OK;
	int parent = ozr_dir_parent(s, key, ozr_dir_write_flags(s), &leaf);
	if (parent < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? OZR_OK
			       : ozr_dir_fail(err, errno, "delete", key);
	if (s->sys->unlinkat(parent, leaf, 0)) {
		/* A directory is no value: the key is not there. */
		if (errno != ENOENT && errno != EISDIR)
			code = ozr_dir_fail(err, errno, "delete", key);
	} else {
		atomic_store(&s->dirty, 1);
		if (ozr_dir_flushes(s, parent) && ozr_dir_fsync(s->sys, parent))
			code = ozr_dir_fail(err, errno, "flush the directory of", key);
	}
	s->sys->close(parent);
	return code;
}

/* A link goes by itself: what it leads to may serve others. */
static int drop_below(const struct ozr_sys *sys, int parent, const char *leaf, const char *prefix,
		      struct ozr_err *err)
{
	struct stat st;
	if (sys->fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? OZR_OK : ozr_dir_fail(err, errno, "remove", prefix);
	if (S_ISLNK(st.st_mode))
		return sys->unlinkat(parent, leaf, 0) && errno != ENOENT
			       ? ozr_dir_fail(err, errno, "remove", prefix)
			       : OZR_OK;
	return S_ISDIR(st.st_mode) ? ozr_tree_drop(sys, parent, leaf, err) : OZR_OK;
}

static int dir_clear(struct ozr_store *base, const char *prefix, struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(base);
	const char *leaf;
	int parent = ozr_dir_parent(s, prefix, O_RDONLY, &leaf);
	if (parent < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? OZR_OK
			       : ozr_dir_fail(err, errno, "remove", prefix);
	int code = drop_below(s->sys, parent, leaf, prefix, err);
	atomic_store(&s->dirty, 1);
	if (!code && ozr_dir_flushes(s, parent) && ozr_dir_fsync(s->sys, parent))
		code = ozr_dir_fail(err, errno, "flush the directory of", prefix);
	s->sys->close(parent);
	return code;
}

static int dir_sync(struct ozr_store *base, struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(base);
	if (s->durability != OZR_FLUSH_CLOSE || !atomic_exchange(&s->dirty, 0))
		return OZR_OK;
	int code = OZR_OK;
	int fd = ozr_dir_resolve(s->sys, s->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		code = ozr_dir_fail(err, errno, "flush", ".");
	while (!code && s->sys->syncfs(fd))
		if (errno != EINTR)
			code = ozr_dir_fail(err, errno, "flush", ".");
	if (fd >= 0)
		s->sys->close(fd);
	if (code)
		atomic_store(&s->dirty, 1);
	return code;
}

/* --- Life --------------------------------------------------------------- */

static void dir_destroy(struct ozr_store *base)
{
	struct ozr_ctx *ctx = ozr_ctx_ref(base->ctx);
	ozr_dir(base)->sys->close(ozr_dir(base)->root);
	ozr_store_release(base);
	ozr_free(ctx, base);
	ozr_ctx_unref(ctx);
}

static const struct ozr_store_ops dir_ops = {
	.name = "directory",
	.open = dir_open,
	.read = dir_read,
	.advise = dir_advise,
	.close = dir_close,
	.put_begin = ozr_dir_put_begin,
	.put_append = ozr_dir_put_append,
	.put_patch = ozr_dir_put_patch,
	.put_write_at = ozr_dir_put_patch,
	.put_read_at = ozr_dir_put_read_at,
	.put_read_only = ozr_dir_put_read_only,
	.put_commit = ozr_dir_put_commit,
	.put_abort = ozr_dir_put_abort,
	.del = dir_del,
	.list = ozr_dir_list,
	.sync = dir_sync,
	.lock = ozr_dir_lock,
	.unlock = ozr_dir_unlock,
	.try_lock = ozr_dir_try_lock,
	.clear = dir_clear,
	.destroy = dir_destroy,
};

int ozr_dir_open_fd(struct ozr_ctx *ctx, int fd, const char *location, int flags,
		    enum ozr_durability durability, struct ozr_store **out, struct ozr_err *err)
{
	const struct ozr_sys *sys = ozr_ctx_sys(ctx);
	struct ozr_dir_store *s = NULL;
	struct stat st;
	int code = OZR_OK;
	if (sys->fstat(fd, &st)) {
		code = ozr_dir_fail(err, errno, "look at", location);
		goto out;
	}
	s = ozr_calloc(ctx, 1, sizeof *s, err);
	if (!s) {
		code = ozr_alloc_code(err);
		goto out;
	}
	unsigned caps = OZR_STORE_LIST;
	if (flags & OZR_UPDATE)
		caps |= OZR_STORE_WRITE | OZR_STORE_DELETE | OZR_STORE_LOCK;
	if (durability != OZR_FLUSH_NONE)
		caps |= OZR_STORE_DURABLE;
	code = ozr_store_init(&s->base, &dir_ops, ctx, location, caps, err);
	if (code)
		goto out;
	s->base.identity[0] = (uint64_t)st.st_dev;
	s->base.identity[1] = (uint64_t)st.st_ino;
	s->sys = sys;
	s->root = fd;
	s->durability = durability;
	s->device = (uint64_t)st.st_dev;
	s->own_clock = ozr_dir_own_clock(sys, fd);
	*out = &s->base;
	return OZR_OK;
out:
	ozr_free(ctx, s);
	sys->close(fd);
	return code;
}

int ozr_store_open_dir(struct ozr_ctx *ctx, const char *path, int flags,
		       enum ozr_durability durability, struct ozr_store **out, struct ozr_err *err)
{
	const struct ozr_sys *sys = ozr_ctx_sys(ctx);
	char resolved[PATH_MAX];
	int fd = -1;
	/* The policy of the host is asked about the place itself, not about a link to it. */
	if (sys->realpath(path, resolved)) {
		int code = ozr_ctx_allowed(ctx, resolved, flags & OZR_UPDATE, err);
		if (code)
			return code;
		fd = sys->open(resolved, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	}
	if (fd >= 0)
		return ozr_dir_open_fd(ctx, fd, path, flags, durability, out, err);
	if (errno == ENOENT)
		return not_found(path, "no such directory", err);
	if (errno == ENOTDIR)
		return not_found(path, "not a directory", err);
	return ozr_dir_fail(err, errno, "open", path);
}
