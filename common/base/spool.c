/* SPDX-License-Identifier: MIT */
/*
 * The scratch file. A value takes a slot whose size is the next power of two
 * (holes in the file cost no disk space); slots of dropped values wait in one
 * list for each size. The lock guards the lists and the end of the file and
 * is not held over I/O; the file is opened under a lock of its own, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "base/spool.h"

enum { SMALLEST = 12, CLASSES = 64 }; /* log2 of slot sizes */

struct ozr_spooled {
	struct ozr_spooled *next; /* in a free list */
	uint64_t offset, size;
	unsigned class;
};

struct ozr_spool {
	struct ozr_ctx *ctx;
	const struct ozr_sys *sys;
	pthread_mutex_t lock, opening;
	int fd; /* -1 before the first put; changed under both locks */
	uint64_t end;
	struct ozr_spooled *idle[CLASSES];
};

int ozr_spool_new(struct ozr_ctx *ctx, struct ozr_spool **out, struct ozr_err *err)
{
	struct ozr_err mine;
	struct ozr_spool *s = ozr_calloc(ctx, 1, sizeof *s, &mine);
	if (!s)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	s->ctx = ozr_ctx_ref(ctx);
	s->sys = ozr_ctx_sys(ctx);
	s->fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->opening, NULL);
	*out = s;
	return OZR_OK;
}

void ozr_spool_free(struct ozr_spool *s)
{
	if (!s)
		return;
	struct ozr_ctx *ctx = s->ctx;
	for (unsigned i = 0; i < CLASSES; i++)
		while (s->idle[i]) {
			struct ozr_spooled *v = s->idle[i];
			s->idle[i] = v->next;
			ozr_free(ctx, v);
		}
	if (s->fd >= 0)
		s->sys->close(s->fd);
	pthread_mutex_destroy(&s->opening);
	pthread_mutex_destroy(&s->lock);
	ozr_free(ctx, s);
	ozr_ctx_unref(ctx);
}

void ozr_spool_forked(struct ozr_spool *s)
{
	(void)ozr_lock_forked(&s->opening);
	if (ozr_lock_forked(&s->lock))
		return;
	for (unsigned i = 0; i < CLASSES; i++)
		s->idle[i] = NULL; /* abandoned: one may be half-linked */
}

/* File systems without O_TMPFILE: a file that loses its name at once. */
static int open_named(const struct ozr_sys *sys, const char *dir)
{
	char path[4096];
	uint64_t number;
	if (sys->random(&number, sizeof number) < 0)
		return -1;
	const int len =
		snprintf(path, sizeof path, "%s/.ozr-%016llx", dir, (unsigned long long)number);
	if (len < 0 || (size_t)len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	const int fd = sys->open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && sys->unlinkat(AT_FDCWD, path, 0) < 0) {
		const int saved = errno;
		sys->close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int ozr_scratch_open(const struct ozr_sys *sys, int *out, struct ozr_err *err)
{
	const char *dir = secure_getenv("TMPDIR");
	char quoted[OZR_QUOTE_MAX];
	if (!dir || !*dir)
		dir = "/var/tmp";
	size_t len = 0;
	while (dir[len])
		len++;
	int fd = sys->open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		fd = open_named(sys, dir);
	if (fd < 0)
		return ozr_fail_errno(err, errno, "scratch file in '%s'",
				      ozr_quote(quoted, dir, len));
	*out = fd;
	return OZR_OK;
}

static int open_file(struct ozr_spool *s, struct ozr_err *err)
{
	int fd;
	int rc = ozr_scratch_open(s->sys, &fd, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->fd = fd;
	pthread_mutex_unlock(&s->lock);
	return OZR_OK;
}

static int descriptor(struct ozr_spool *s, int *fd, struct ozr_err *err)
{
	int rc = OZR_OK;
	pthread_mutex_lock(&s->opening);
	pthread_mutex_lock(&s->lock);
	*fd = s->fd;
	pthread_mutex_unlock(&s->lock);
	if (*fd < 0) {
		rc = open_file(s, err);
		*fd = s->fd;
	}
	pthread_mutex_unlock(&s->opening);
	return rc;
}

static unsigned class_of(uint64_t n)
{
	unsigned c = SMALLEST;
	while (c < CLASSES - 1 && (uint64_t)1 << c < n)
		c++;
	return c;
}

static struct ozr_spooled *take_slot(struct ozr_spool *s, size_t n, struct ozr_err *err)
{
	const unsigned class = class_of(n);
	pthread_mutex_lock(&s->lock);
	struct ozr_spooled *v = s->idle[class];
	if (v)
		s->idle[class] = v->next;
	pthread_mutex_unlock(&s->lock);
	if (!v) {
		v = ozr_alloc(s->ctx, sizeof *v, err);
		if (!v)
			return NULL;
		v->class = class;
		pthread_mutex_lock(&s->lock);
		v->offset = s->end;
		s->end += (uint64_t)1 << class;
		pthread_mutex_unlock(&s->lock);
	}
	v->size = n;
	return v;
}

void ozr_spool_drop(struct ozr_spool *s, struct ozr_spooled *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&s->lock);
	v->next = s->idle[v->class];
	s->idle[v->class] = v;
	pthread_mutex_unlock(&s->lock);
}

int ozr_spool_put(struct ozr_spool *s, const void *bytes, size_t n, struct ozr_spooled **out,
		  struct ozr_err *err)
{
	int fd;
	int rc = descriptor(s, &fd, err);
	if (rc)
		return rc;
	struct ozr_err mine;
	struct ozr_spooled *v = take_slot(s, n, &mine);
	if (!v)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	for (size_t done = 0; done < n;) {
		const ssize_t part = s->sys->pwrite(fd, (const char *)bytes + done, n - done,
						    (off_t)(v->offset + done));
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0) {
			const int saved = part < 0 ? errno : ENOSPC;
			ozr_spool_drop(s, v);
			return ozr_fail_errno(err, saved, "write %zu bytes to the scratch file", n);
		}
		done += (size_t)part;
	}
	*out = v;
	return OZR_OK;
}

int ozr_spool_get(struct ozr_spool *s, const struct ozr_spooled *v, uint64_t offset, void *dst,
		  size_t n, struct ozr_err *err)
{
	if (offset > v->size || n > v->size - offset)
		return ozr_fail(err, OZR_BAD_ARG, "%zu bytes at %llu of %llu in the scratch file",
				n, (unsigned long long)offset, (unsigned long long)v->size);
	for (size_t done = 0; done < n;) {
		const ssize_t part = s->sys->pread(s->fd, (char *)dst + done, n - done,
						   (off_t)(v->offset + offset + done));
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return ozr_fail_errno(err, part < 0 ? errno : EIO,
					      "read %zu bytes of the scratch file", n);
		done += (size_t)part;
	}
	return OZR_OK;
}
