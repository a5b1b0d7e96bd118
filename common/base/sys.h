/* SPDX-License-Identifier: MIT */
/*
 * The system-call seam: every system call and every allocation the library
 * makes goes through this table, so that tests can count, fail, cut short or
 * kill at each of them. Functions behave as the calls they are named after
 * (result -1 and errno); ozr_sys_real is the real thing, EINTR not retried.
 */
#ifndef OZR_BASE_SYS_H
#define OZR_BASE_SYS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

struct ozr_sys {
	void *(*alloc)(size_t n); /* malloc */
	void *(*resize)(void *p, size_t n);
	void (*free)(void *p);
	/* Beneath root in the kernel (openat2 RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS; when
	 * the kernel has no openat2, component by component without following links). */
	int (*open_beneath)(int root, const char *path, int flags, mode_t mode);
	int (*open)(const char *path, int flags, mode_t mode);
	ssize_t (*pread)(int fd, void *buf, size_t n, off_t off);
	ssize_t (*write)(int fd, const void *buf, size_t n);
	ssize_t (*pwrite)(int fd, const void *buf, size_t n, off_t off);
	int (*fstat)(int fd, struct stat *st);
	int (*fstatat)(int dir, const char *name, struct stat *st, int flags);
	int (*fstatfs)(int fd, struct statfs *fs);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*syncfs)(int fd); /* the whole file system that fd lies on */
	int (*close)(int fd);
	int (*mkdirat)(int dir, const char *name, mode_t mode);
	int (*renameat2)(int from_dir, const char *from, int to_dir, const char *to,
			 unsigned flags);
	int (*linkat)(int from_dir, const char *from, int to_dir, const char *to, int flags);
	int (*unlinkat)(int dir, const char *name, int flags);
	char *(*realpath)(const char *path, char resolved[4096]); /* PATH_MAX bytes */
	int (*ftruncate)(int fd, off_t n);
	int (*fchmod)(int fd, mode_t mode);
	int (*fadvise)(int fd, off_t off, off_t len, int advice);
	int (*lock)(int fd, int cmd, uint64_t start, uint64_t len, short type); /* OFD locks */
	DIR *(*fdopendir)(int fd);
	struct dirent *(*readdir)(DIR *d); /* errno tells the end from an error */
	int (*closedir)(DIR *d);
	int (*alive)(long pid);             /* is there such a process? 1 when in doubt */
	int (*random)(void *buf, size_t n); /* getrandom, all n bytes */
	int64_t (*now_ns)(void); /* the clock that stamps files (coarse): ns since 1970 */
};

extern const struct ozr_sys ozr_sys_real;

/* All len bytes at offset. 0, or errno; EIO when the file ends before. */
int ozr_read_all(const struct ozr_sys *sys, int fd, void *bytes, size_t len, uint64_t offset);

#endif
