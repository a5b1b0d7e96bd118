/* SPDX-License-Identifier: MIT */
/*
 * The real system calls behind the seam, thin enough that nothing here needs
 * a test of its own but open_beneath: the kernel keeps a path below the root
 * (openat2); on kernels or sandboxes without it the path is walked component
 * by component and no symbolic link is followed. A link that is met there
 * fails with EXDEV, as one that leaves the root does with openat2: it must
 * not look like a missing file.
 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_link(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Open one component without following a link. */
static int open_step(int dir, const char *name, int flags, mode_t mode)
{
	if (strcmp(name, "..") == 0) {
		errno = EXDEV;
		return -1;
	}
	int fd = openat(dir, name, flags | O_NOFOLLOW, mode);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR) && is_link(dir, name))
		errno = EXDEV;
	return fd;
}

static int walk_beneath(int root, const char *path, int flags, mode_t mode)
{
	char part[NAME_MAX + 1];
	int dir = root;

	for (;;) {
		size_t n = strcspn(path, "/");
		if (n == 0 || n > NAME_MAX) {
			errno = n ? ENAMETOOLONG : path[0] ? EXDEV : ENOENT;
			break;
		}
		memcpy(part, path, n);
		part[n] = 0;
		path += n;
		while (*path == '/')
			path++;
		int last = !*path;
		int fd = open_step(dir, part, last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC,
				   last ? mode : 0);
		int saved = errno;
		if (dir != root)
			close(dir);
		errno = saved;
		if (fd < 0 || last)
			return fd;
		dir = fd;
	}
	if (dir != root) {
		int saved = errno;
		close(dir);
		errno = saved;
	}
	return -1;
}

static int real_open_beneath(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how;
	memset(&how, 0, sizeof(how));
	how.flags = (unsigned)flags;
	/* The kernel takes a mode only where it makes a file; O_TMPFILE has O_DIRECTORY in it. */
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

	long fd = -1;
	/* EAGAIN: something on the way was renamed meanwhile, and the kernel could not be sure. */
	for (int attempt = 0; attempt < 16; attempt++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	/* Sandboxes that predate the call answer EPERM instead of ENOSYS. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk_beneath(root, path, flags, mode);
	return (int)fd;
}

static int real_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static int real_renameat2(int from_dir, const char *from, int to_dir, const char *to,
			  unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static int real_fadvise(int fd, off_t off, off_t len, int advice)
{
	errno = posix_fadvise(fd, off, len, advice);
	return errno ? -1 : 0;
}

static int real_lock(int fd, int cmd, uint64_t start, uint64_t len, short type)
{
	struct flock fl;
	memset(&fl, 0, sizeof(fl));
	fl.l_type = type;
	fl.l_whence = SEEK_SET;
	fl.l_start = (off_t)start;
	fl.l_len = (off_t)len;
	if (fl.l_start < 0 || fl.l_len < 0) {
		errno = EOVERFLOW;
		return -1;
	}
	return fcntl(fd, cmd, &fl);
}

static int real_random(void *buf, size_t n)
{
	char *p = buf;
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int real_alive(long pid)
{
	return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

static int64_t real_now_ns(void)
{
	struct timespec t = {0};
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

const struct ozr_sys ozr_sys_real = {
	.alloc = malloc,
	.resize = realloc,
	.free = free,
	.open_beneath = real_open_beneath,
	.open = real_open,
	.pread = pread,
	.write = write,
	.pwrite = pwrite,
	.fstat = fstat,
	.fstatat = fstatat,
	.fstatfs = fstatfs,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.syncfs = syncfs,
	.close = close,
	.mkdirat = mkdirat,
	.renameat2 = real_renameat2,
	.linkat = linkat,
	.unlinkat = unlinkat,
	.realpath = realpath,
	.ftruncate = ftruncate,
	.fchmod = fchmod,
	.fadvise = real_fadvise,
	.lock = real_lock,
	.fdopendir = fdopendir,
	.readdir = readdir,
	.closedir = closedir,
	.alive = real_alive,
	.random = real_random,
	.now_ns = real_now_ns,
};

int ozr_read_all(const struct ozr_sys *sys, int fd, void *bytes, size_t len, uint64_t offset)
{
	char *to = bytes;
	while (len > 0) {
		ssize_t n = sys->pread(fd, to, len < INT_MAX ? len : INT_MAX, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		to += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}
