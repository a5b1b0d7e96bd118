/* SPDX-License-Identifier: MIT */
/*
 * Writing a value of the directory store, so that no reader ever sees a part:
 *
 * 1. create ".ozr-tmp-*" (dir_temp.c) in the directory of the key, exclusively and
 *    without following links; directories are made on demand;
 * 2. write everything, over short writes and interruptions;
 * 3. flush the file, if each value is to be flushed;
 * 4. close it and look at the result: network file systems report there;
 * 5. rename it over the key, or to the key if that must be new;
 * 6. flush the directory, if 3 was done.
 *
 * Whatever fails, the temporary file is removed and the old value stands. A
 * store keeps at most OZR_DIR_PUTS_OPEN descriptors for puts; a put beyond
 * that opens its file again for each append.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "store/dir.h"

enum {
	TEMP_TRIES = 16, /* a taken name, or a directory that vanished, is tried again */
};

struct dir_put {
	struct ozr_put base;
	int fd;             /* -1: opened again for each append */
	int64_t pid;        /* whose put it is: a forked child neither publishes nor removes it */
	_Atomic int broken; /* a write failed: the file is not the value */
	int read_only;      /* nobody may write to the published file */
	char *key;          /* both lie behind the struct */
	char *temp;         /* path of the temporary file */
	size_t temp_dir;    /* its first bytes: the directory of the key with its '/' */
};

static const char *temp_name(const struct dir_put *p)
{
	return p->temp + p->temp_dir;
}

/* --- Begin -------------------------------------------------------------- */

static int name_temp(const struct dir_put *p, struct ozr_err *err)
{
	if (ozr_dir_temp_name(ozr_dir(p->base.store), p->temp + p->temp_dir, OZR_TEMP_MAX))
		return ozr_dir_fail(err, errno, "choose a name for", p->key);
	return OZR_OK;
}

static int create_temp(struct dir_put *p, struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(p->base.store);
	int sys = 0;
	for (int i = 0; i < TEMP_TRIES; i++) {
		int code = name_temp(p, err);
		if (code)
			return code;
		p->fd = ozr_dir_resolve(s->sys, s->root, p->temp,
					O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (p->fd >= 0)
			return OZR_OK;
		sys = errno;
		if (sys == ENOENT)
			code = ozr_dir_make(s, p->key, err);
		else if (sys != EEXIST)
			break;
		if (code)
			return code;
	}
	return ozr_dir_fail(err, sys, "write", p->key);
}

/* Give the descriptor up when too many puts hold one. */
static int ration_fd(struct dir_put *p, struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(p->base.store);
	if (atomic_fetch_add(&s->puts, 1) < OZR_DIR_PUTS_OPEN)
		return OZR_OK;
	atomic_fetch_sub(&s->puts, 1);
	int fd = p->fd;
	p->fd = -1;
	return s->sys->close(fd) ? ozr_dir_fail(err, errno, "write", p->key) : OZR_OK;
}

/* Close the descriptor that the put keeps. 0, or errno. */
static int drop_fd(struct dir_put *p)
{
	struct ozr_dir_store *s = ozr_dir(p->base.store);
	if (p->fd < 0)
		return 0;
	int sys = s->sys->close(p->fd) ? errno : 0;
	p->fd = -1;
	atomic_fetch_sub(&s->puts, 1);
	return sys;
}

/* Remove the temporary file; parent is its directory or -1. What cannot be removed is left to
 * a later listing. */
static void discard(struct dir_put *p, int parent)
{
	struct ozr_dir_store *s = ozr_dir(p->base.store);
	const char *leaf;
	(void)drop_fd(p);
	if (p->pid != getpid())
		return;
	int fd = parent >= 0 ? parent : ozr_dir_parent(s, p->key, O_PATH, &leaf);
	if (fd < 0)
		return;
	(void)s->sys->unlinkat(fd, temp_name(p), 0);
	if (fd != parent)
		s->sys->close(fd);
}

int ozr_dir_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
		      struct ozr_put **out, struct ozr_err *err)
{
	size_t len = strlen(key) + 1;
	const char *slash = strrchr(key, '/');
	(void)size_hint;
	struct dir_put *p = ozr_alloc(s->ctx, sizeof *p + 2 * len + OZR_TEMP_MAX, err);
	if (!p)
		return ozr_alloc_code(err);
	*p = (struct dir_put){.base.store = s, .fd = -1, .pid = getpid(), .key = (char *)(p + 1)};
	p->temp = p->key + len;
	p->temp_dir = slash ? (size_t)(slash - key) + 1 : 0;
	memcpy(p->key, key, len);
	memcpy(p->temp, key, p->temp_dir);
	int code = create_temp(p, err);
	if (!code) {
		code = ration_fd(p, err);
		if (code)
			discard(p, -1);
	}
	if (code)
		ozr_free(s->ctx, p);
	else
		*out = &p->base;
	return code;
}

/* --- Append ------------------------------------------------------------- */

/* 0, or errno. */
static int write_all(const struct ozr_sys *sys, int fd, const char *bytes, size_t len, uint64_t off)
{
	while (len) {
		ssize_t n = sys->pwrite(fd, bytes, len < INT_MAX ? len : INT_MAX, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		bytes += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return 0;
}

static int reopen(const struct dir_put *p)
{
	const struct ozr_dir_store *s = ozr_dir(p->base.store);
	return ozr_dir_resolve(s->sys, s->root, p->temp, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
}

static int may_go_on(const struct dir_put *p, struct ozr_err *err)
{
	if (p->broken)
		return ozr_fail(err, OZR_BAD_ARG, "write '%s': an append failed before", p->key);
	if (p->pid != getpid())
		return ozr_fail(
			err, OZR_BAD_ARG,
			"write '%s': was begun by the process that this one was forked from",
			p->key);
	return OZR_OK;
}

int ozr_dir_put_patch(struct ozr_put *base, uint64_t offset, const void *bytes, size_t len,
		      struct ozr_err *err)
{
	struct dir_put *p = (struct dir_put *)base;
	const struct ozr_sys *sys = ozr_dir(base->store)->sys;
	int code = may_go_on(p, err);
	if (code)
		return code;
	int fd = p->fd >= 0 ? p->fd : reopen(p);
	int bad = fd < 0 ? errno : write_all(sys, fd, bytes, len, offset);
	if (fd >= 0 && p->fd < 0 && sys->close(fd) && !bad)
		bad = errno;
	if (!bad)
		return OZR_OK;
	p->broken = 1;
	return ozr_dir_fail(err, bad, "write", p->key);
}

int ozr_dir_put_read_at(struct ozr_put *base, uint64_t offset, void *bytes, size_t len,
			struct ozr_err *err)
{
	const struct dir_put *p = (const struct dir_put *)base;
	const struct ozr_sys *sys = ozr_dir(base->store)->sys;
	int code = may_go_on(p, err);
	if (code)
		return code;
	int fd = p->fd >= 0 ? p->fd : reopen(p);
	int bad = fd < 0 ? errno : ozr_read_all(sys, fd, bytes, len, offset);
	if (fd >= 0 && p->fd < 0)
		sys->close(fd);
	return bad ? ozr_dir_fail(err, bad, "read", p->key) : OZR_OK;
}

int ozr_dir_put_append(struct ozr_put *base, const void *bytes, size_t len, struct ozr_err *err)
{
	return ozr_dir_put_patch(base, base->size, bytes, len, err);
}

int ozr_dir_put_read_only(struct ozr_put *base, struct ozr_err *err)
{
	(void)err;
	((struct dir_put *)base)->read_only = 1;
	return OZR_OK;
}

/* --- Commit and abort --------------------------------------------------- */

/* Take the right to write away. 0, or errno. */
static int protect(const struct dir_put *p)
{
	const struct ozr_sys *sys = ozr_dir(p->base.store)->sys;
	struct stat st;
	if (sys->fstat(p->fd, &st))
		return errno;
	return sys->fchmod(p->fd, st.st_mode & 0777 & ~(mode_t)0222) ? errno : 0;
}

/* The bytes are final: flush them if wanted, close. */
static int finish_file(struct dir_put *p, int flush, struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(p->base.store);
	int bad = 0;
	/* Without the flush a renamed file may survive a power loss empty. */
	if ((flush || p->read_only) && p->fd < 0) {
		p->fd = reopen(p);
		if (p->fd < 0)
			return ozr_dir_fail(err, errno, "write", p->key);
		atomic_fetch_add(&s->puts, 1);
	}
	if (p->read_only)
		bad = protect(p);
	while (flush && !bad && s->sys->fdatasync(p->fd))
		if (errno != EINTR)
			bad = errno;
	int closed = drop_fd(p);
	if (bad || closed)
		return ozr_dir_fail(err, bad ? bad : closed, "write", p->key);
	return OZR_OK;
}

/* Name the file without replacing anything. 0, or errno. */
static int rename_new(const struct ozr_sys *sys, int dir, const char *temp, const char *leaf)
{
	if (sys->renameat2(dir, temp, dir, leaf, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* The file system (NFS, for one) cannot; a link never replaces either. */
	if (sys->linkat(dir, temp, dir, leaf, 0))
		return errno == EPERM || errno == ENOSYS ? EOPNOTSUPP : errno;
	(void)sys->unlinkat(dir, temp, 0);
	return 0;
}

static int publish(const struct dir_put *p, int dir, const char *leaf, enum ozr_put_mode mode,
		   struct ozr_err *err)
{
	struct ozr_dir_store *s = ozr_dir(p->base.store);
	int bad;
	atomic_store(&s->dirty, 1);
	if (mode == OZR_PUT_CREATE_ONLY) {
		bad = rename_new(s->sys, dir, temp_name(p), leaf);
		if (bad == EOPNOTSUPP)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"write '%s': the file system can neither rename without "
					"replacing nor link",
					p->key);
	} else {
		bad = s->sys->renameat2(dir, temp_name(p), dir, leaf, 0) ? errno : 0;
	}
	if (bad == EISDIR)
		return ozr_fail(err, OZR_BAD_FORMAT, "write '%s': is a directory, not a value",
				p->key);
	return bad ? ozr_dir_fail(err, bad, "write", p->key) : OZR_OK;
}

int ozr_dir_put_commit(struct ozr_put *base, enum ozr_put_mode mode, struct ozr_placement *out,
		       struct ozr_err *err)
{
	struct dir_put *p = (struct dir_put *)base;
	struct ozr_dir_store *s = ozr_dir(base->store);
	const char *leaf;
	int flush, published = 0, code;
	(void)out; /* a file of its own: offset 0 */
	int parent = ozr_dir_parent(s, p->key, ozr_dir_write_flags(s), &leaf);
	if (parent < 0) {
		code = ozr_dir_fail(err, errno, "write", p->key);
		goto out;
	}
	code = may_go_on(p, err);
	if (code)
		goto out;
	flush = ozr_dir_flushes(s, parent);
	code = finish_file(p, flush, err);
	if (!code && flush)
		code = ozr_dir_settle(s, p->key, err);
	if (!code)
		code = publish(p, parent, leaf, mode, err);
	published = !code;
	if (published && flush && ozr_dir_fsync(s->sys, parent))
		code = ozr_dir_fail(err, errno, "flush the directory of", p->key);
out:
	if (!published)
		discard(p, parent);
	if (parent >= 0)
		s->sys->close(parent);
	ozr_free(s->base.ctx, p);
	return code;
}

void ozr_dir_put_abort(struct ozr_put *base)
{
	discard((struct dir_put *)base, -1);
	ozr_free(base->store->ctx, base);
}
