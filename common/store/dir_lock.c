/* SPDX-License-Identifier: MIT */
/*
 * Locks of the directory store: one file ".ozr-lock" in the root, made on
 * demand, and one byte of it for each key, chosen by the hash of the key.
 *
 * The locks are open-file-description locks. Each holder has a description of
 * its own, so that threads of one process exclude each other like processes
 * do, and the kernel drops the lock with the last descriptor: the death of a
 * holder, however sudden, releases it. The hold lasts over I/O by intention;
 * it is no mutex of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "store/dir.h"

struct token {
	int fd;
	int64_t pid; /* a forked child shares the lock, and leaves it to the parent */
	uint64_t byte;
};

/* Take the byte of a key, waiting or not. 0, or errno. */
static int take(const struct ozr_sys *sys, int fd, uint64_t byte, int wait)
{
	while (sys->lock(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, byte, 1, F_WRLCK))
		if (errno != EINTR)
			return errno;
	return 0;
}

static int cannot_lock(int sys, const char *key, struct ozr_err *err)
{
	if (sys == ENOLCK || sys == EINVAL || sys == EOPNOTSUPP || sys == ENOSYS)
		return ozr_fail(err, OZR_UNSUPPORTED, "lock '%s': the file system has no locks",
				key);
	if (sys == EAGAIN || sys == EACCES)
		return ozr_fail(err, OZR_BUSY, "lock '%s': somebody else holds it", key);
	return ozr_dir_fail(err, sys, "lock", key);
}

/* Open and lock once. *gone: the file was removed while we waited, so that others lock a new
 * one by now and ours excludes nobody. */
static int lock_once(const struct ozr_dir_store *s, const char *key, int wait, struct token *t,
		     int *gone, struct ozr_err *err)
{
	struct stat st;
	int fd = ozr_dir_resolve(s->sys, s->root, OZR_LOCK_FILE,
				 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0 && errno == ENOENT) /* it is made where there is none, if there is a place */
		return ozr_fail(err, OZR_CHANGED,
				"lock '%s': the store was removed or replaced meanwhile", key);
	if (fd < 0)
		return ozr_dir_fail(err, errno, "open", OZR_LOCK_FILE);
	int sys = take(s->sys, fd, t->byte, wait);
	if (!sys && s->sys->fstat(fd, &st))
		sys = errno;
	if (sys) {
		s->sys->close(fd);
		return cannot_lock(sys, key, err);
	}
	*gone = st.st_nlink == 0;
	t->fd = fd;
	return OZR_OK;
}

static int lock_key(struct ozr_store *base, const char *key, int wait, void **token,
		    struct ozr_err *err)
{
	const struct ozr_dir_store *s = ozr_dir(base);
	struct token *t = ozr_alloc(base->ctx, sizeof *t, err);
	if (!t)
		return ozr_alloc_code(err);
	t->pid = getpid();
	t->byte = ozr_hash(2, key, strlen(key)) & OZR_LOCK_KEY_MASK;
	for (;;) {
		int gone = 0;
		int code = lock_once(s, key, wait, t, &gone, err);
		if (code) {
			ozr_free(base->ctx, t);
			return code;
		}
		if (!gone)
			break;
		s->sys->close(t->fd);
	}
	*token = t;
	return OZR_OK;
}

int ozr_dir_lock(struct ozr_store *base, const char *key, void **token, struct ozr_err *err)
{
	return lock_key(base, key, 1, token, err);
}

int ozr_dir_try_lock(struct ozr_store *base, const char *key, void **token, struct ozr_err *err)
{
	return lock_key(base, key, 0, token, err);
}

void ozr_dir_unlock(struct ozr_store *base, void *token)
{
	const struct ozr_sys *sys = ozr_dir(base)->sys;
	struct token *t = token;
	/* Closing alone would leave it to a child that was forked meanwhile. */
	if (t->pid == getpid())
		(void)sys->lock(t->fd, F_OFD_SETLK, t->byte, 1, F_UNLCK);
	sys->close(t->fd);
	ozr_free(base->ctx, t);
}
