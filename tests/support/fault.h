/* SPDX-License-Identifier: MIT */
/*
 * A struct ozr_sys that counts every call and makes chosen ones fail: the n-th
 * call of one kind, once or from then on, with an errno, or cut short to one
 * byte. Flushes are counted but not done: thousands of runs need not wait for
 * the disk. The state belongs to the test program; arm and disarm it while no other
 * thread is inside the library.
 *
 *	fault_arm(FAULT_PWRITE, 2, ENOSPC, 0);   the second pwrite fails
 *	... calls on a context made with .sys = &fault_sys ...
 *	fault_disarm();                          returns whether it struck
 */
#ifndef OZR_TESTS_FAULT_H
#define OZR_TESTS_FAULT_H

#include <errno.h>
#include <stdatomic.h>

#include "base/sys.h"

/* One for each member of struct ozr_sys that can fail. */
enum fault_call {
	FAULT_ALLOC,
	FAULT_RESIZE,
	FAULT_OPEN_BENEATH,
	FAULT_OPEN,
	FAULT_PREAD,
	FAULT_WRITE,
	FAULT_PWRITE,
	FAULT_FSTAT,
	FAULT_FSTATAT,
	FAULT_FSTATFS,
	FAULT_FDATASYNC,
	FAULT_FSYNC,
	FAULT_SYNCFS,
	FAULT_CLOSE,
	FAULT_MKDIRAT,
	FAULT_RENAMEAT2,
	FAULT_LINKAT,
	FAULT_UNLINKAT,
	FAULT_REALPATH,
	FAULT_FTRUNCATE,
	FAULT_FCHMOD,
	FAULT_LOCK,
	FAULT_FDOPENDIR,
	FAULT_READDIR,
	FAULT_CLOSEDIR,
	FAULT_RANDOM,
	FAULT_CALLS
};

#define FAULT_SHORT (-1) /* instead of an errno: transfer one byte */

static struct {
	_Atomic long seen[FAULT_CALLS]; /* calls since fault_arm() */
	_Atomic int struck;
	int call; /* enum fault_call; FAULT_CALLS: none */
	long at;  /* from 1 */
	int error;
	int sticky; /* all from at on */
} fault = {.call = FAULT_CALLS};

__attribute__((unused)) static void fault_arm(int call, long at, int error, int sticky)
{
	for (int i = 0; i < FAULT_CALLS; i++)
		fault.seen[i] = 0;
	fault.struck = 0;
	fault.call = call;
	fault.at = at;
	fault.error = error;
	fault.sticky = sticky;
}

__attribute__((unused)) static int fault_disarm(void)
{
	fault.call = FAULT_CALLS;
	return fault.struck;
}

/* Whether this call is to fail; errno is set then. */
static int fault_hits(int call)
{
	long n = atomic_fetch_add(&fault.seen[call], 1) + 1;
	if (call != fault.call || (fault.sticky ? n < fault.at : n != fault.at))
		return 0;
	fault.struck = 1;
	errno = fault.error;
	return 1;
}

/* For transfers: the length, or 1 when cut short, or 0 when the call fails. */
static size_t fault_length(int call, size_t n)
{
	if (!fault_hits(call))
		return n ? n : SIZE_MAX;
	return fault.error == FAULT_SHORT ? 1 : 0;
}

static void *fault_alloc(size_t n)
{
	return fault_hits(FAULT_ALLOC) ? NULL : ozr_sys_real.alloc(n);
}

static void *fault_resize(void *p, size_t n)
{
	return fault_hits(FAULT_RESIZE) ? NULL : ozr_sys_real.resize(p, n);
}

static void fault_free(void *p)
{
	ozr_sys_real.free(p);
}

static int fault_open_beneath(int root, const char *path, int flags, mode_t mode)
{
	return fault_hits(FAULT_OPEN_BENEATH) ? -1
					      : ozr_sys_real.open_beneath(root, path, flags, mode);
}

static int fault_open(const char *path, int flags, mode_t mode)
{
	return fault_hits(FAULT_OPEN) ? -1 : ozr_sys_real.open(path, flags, mode);
}

static ssize_t fault_pread(int fd, void *buf, size_t n, off_t off)
{
	size_t len = fault_length(FAULT_PREAD, n);
	return len ? ozr_sys_real.pread(fd, buf, len < n ? len : n, off) : -1;
}

static ssize_t fault_write(int fd, const void *buf, size_t n)
{
	size_t len = fault_length(FAULT_WRITE, n);
	return len ? ozr_sys_real.write(fd, buf, len < n ? len : n) : -1;
}

static ssize_t fault_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	size_t len = fault_length(FAULT_PWRITE, n);
	return len ? ozr_sys_real.pwrite(fd, buf, len < n ? len : n, off) : -1;
}

static int fault_fstat(int fd, struct stat *st)
{
	return fault_hits(FAULT_FSTAT) ? -1 : ozr_sys_real.fstat(fd, st);
}

static int fault_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	return fault_hits(FAULT_FSTATAT) ? -1 : ozr_sys_real.fstatat(dir, name, st, flags);
}

static int fault_fstatfs(int fd, struct statfs *fs)
{
	return fault_hits(FAULT_FSTATFS) ? -1 : ozr_sys_real.fstatfs(fd, fs);
}

static int fault_fdatasync(int fd)
{
	(void)fd;
	return fault_hits(FAULT_FDATASYNC) ? -1 : 0;
}

static int fault_fsync(int fd)
{
	(void)fd;
	return fault_hits(FAULT_FSYNC) ? -1 : 0;
}

static int fault_syncfs(int fd)
{
	(void)fd;
	return fault_hits(FAULT_SYNCFS) ? -1 : 0;
}

/* A close that fails has closed. */
static int fault_close(int fd)
{
	int hit = fault_hits(FAULT_CLOSE);
	int sys = errno;
	int rc = ozr_sys_real.close(fd);
	if (!hit)
		return rc;
	errno = sys;
	return -1;
}

static int fault_mkdirat(int dir, const char *name, mode_t mode)
{
	return fault_hits(FAULT_MKDIRAT) ? -1 : ozr_sys_real.mkdirat(dir, name, mode);
}

static int fault_renameat2(int from_dir, const char *from, int to_dir, const char *to,
			   unsigned flags)
{
	return fault_hits(FAULT_RENAMEAT2)
		       ? -1
		       : ozr_sys_real.renameat2(from_dir, from, to_dir, to, flags);
}

static int fault_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return fault_hits(FAULT_LINKAT) ? -1
					: ozr_sys_real.linkat(from_dir, from, to_dir, to, flags);
}

static int fault_unlinkat(int dir, const char *name, int flags)
{
	return fault_hits(FAULT_UNLINKAT) ? -1 : ozr_sys_real.unlinkat(dir, name, flags);
}

static char *fault_realpath(const char *path, char resolved[4096])
{
	return fault_hits(FAULT_REALPATH) ? NULL : ozr_sys_real.realpath(path, resolved);
}

static int fault_ftruncate(int fd, off_t n)
{
	return fault_hits(FAULT_FTRUNCATE) ? -1 : ozr_sys_real.ftruncate(fd, n);
}

static int fault_fchmod(int fd, mode_t mode)
{
	return fault_hits(FAULT_FCHMOD) ? -1 : ozr_sys_real.fchmod(fd, mode);
}

static int fault_fadvise(int fd, off_t off, off_t len, int advice)
{
	return ozr_sys_real.fadvise(fd, off, len, advice);
}

static int fault_lock(int fd, int cmd, uint64_t start, uint64_t len, short type)
{
	return fault_hits(FAULT_LOCK) ? -1 : ozr_sys_real.lock(fd, cmd, start, len, type);
}

static DIR *fault_fdopendir(int fd)
{
	return fault_hits(FAULT_FDOPENDIR) ? NULL : ozr_sys_real.fdopendir(fd);
}

static struct dirent *fault_readdir(DIR *d)
{
	return fault_hits(FAULT_READDIR) ? NULL : ozr_sys_real.readdir(d);
}

static int fault_closedir(DIR *d)
{
	int hit = fault_hits(FAULT_CLOSEDIR);
	int rc = ozr_sys_real.closedir(d);
	return hit ? -1 : rc;
}

static int fault_alive(long pid)
{
	return ozr_sys_real.alive(pid);
}

static int fault_random(void *buf, size_t n)
{
	return fault_hits(FAULT_RANDOM) ? -1 : ozr_sys_real.random(buf, n);
}

/* What was written just now is old enough for its decoded chunks to be kept (store/dir_version.c). */
static int64_t fault_now_ns(void)
{
	return ozr_sys_real.now_ns() + INT64_C(10000000000);
}

__attribute__((unused)) static const struct ozr_sys fault_sys = {
	.alloc = fault_alloc,
	.resize = fault_resize,
	.free = fault_free,
	.open_beneath = fault_open_beneath,
	.open = fault_open,
	.pread = fault_pread,
	.write = fault_write,
	.pwrite = fault_pwrite,
	.fstat = fault_fstat,
	.fstatat = fault_fstatat,
	.fstatfs = fault_fstatfs,
	.fdatasync = fault_fdatasync,
	.fsync = fault_fsync,
	.syncfs = fault_syncfs,
	.close = fault_close,
	.mkdirat = fault_mkdirat,
	.renameat2 = fault_renameat2,
	.linkat = fault_linkat,
	.unlinkat = fault_unlinkat,
	.realpath = fault_realpath,
	.ftruncate = fault_ftruncate,
	.fchmod = fault_fchmod,
	.fadvise = fault_fadvise,
	.lock = fault_lock,
	.fdopendir = fault_fdopendir,
	.readdir = fault_readdir,
	.closedir = fault_closedir,
	.alive = fault_alive,
	.random = fault_random,
	.now_ns = fault_now_ns,
};

#endif
