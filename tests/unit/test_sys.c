/* SPDX-License-Identifier: MIT */
/*
 * Resolution beneath a root, with openat2 and, in a process whose kernel seems
 * not to have it (a seccomp filter), by the walk. What differs: the walk takes
 * no symbolic link, not even one that stays inside; it must say EXDEV then,
 * never that the file is missing. Also the thin calls that are not plain libc.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "support/check.h"

/* From here on openat2 fails with this errno in this process. */
static int forbid_openat2(unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The errno of an open, or 0; what was opened holds `want` (unless NULL). */
static int try_open(int root, const char *path, int flags, const char *want)
{
	char bytes[64] = "";
	errno = 0;
	int fd = ozr_sys_real.open_beneath(root, path, flags | O_CLOEXEC, 0666);
	if (fd < 0)
		return errno;
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	if (want) {
		CHECK(ozr_sys_real.pread(fd, bytes, sizeof(bytes) - 1, 0) >= 0);
		CHECK(strcmp(bytes, want) == 0);
	}
	CHECK(ozr_sys_real.close(fd) == 0);
	return 0;
}

static void make_tree(const char *base)
{
	CHECK(mkdir(join(base, "root"), 0777) == 0);
	CHECK(mkdir(join(base, "root/a"), 0777) == 0);
	CHECK(mkdir(join(base, "root/a/b"), 0777) == 0);
	write_file(join(base, "outside"), "secret", 6);
	write_file(join(base, "root/top"), "top", 3);
	write_file(join(base, "root/a/b/file"), "deep", 4);
	CHECK(symlink("../outside", join(base, "root/out")) == 0);
	CHECK(symlink("..", join(base, "root/up")) == 0);
	CHECK(symlink("/", join(base, "root/abs")) == 0);
	CHECK(symlink("/proc/self/root", join(base, "root/magic")) == 0);
	CHECK(symlink("a/b/file", join(base, "root/in")) == 0);
	CHECK(symlink("b", join(base, "root/a/dir")) == 0);
	CHECK(symlink("loop", join(base, "root/loop")) == 0);
	CHECK(symlink("nowhere", join(base, "root/dangling")) == 0);
}

static void test_both(int root, int walk)
{
	static const char *const leaving[] = {
		"..",  "../outside", "a/../../outside", "/etc/passwd", "/",
		"out", "up/outside", "abs/etc/passwd",  "up",          "abs",
	};
	CHECK(try_open(root, "top", O_RDONLY, "top") == 0);
	CHECK(try_open(root, "a/b/file", O_RDONLY, "deep") == 0);
	CHECK(try_open(root, ".", O_RDONLY | O_DIRECTORY, NULL) == 0);
	CHECK(try_open(root, "a/b", O_RDONLY | O_DIRECTORY, NULL) == 0);
	CHECK(try_open(root, "a//b/", O_RDONLY | O_DIRECTORY, NULL) == 0);
	CHECK(try_open(root, "absent", O_RDONLY, NULL) == ENOENT);
	CHECK(try_open(root, "a/absent/x", O_RDONLY, NULL) == ENOENT);
	CHECK(try_open(root, "top/x", O_RDONLY, NULL) == ENOTDIR);
	CHECK(try_open(root, "top", O_RDONLY | O_DIRECTORY, NULL) == ENOTDIR);
	CHECK(try_open(root, "", O_RDONLY, NULL) == ENOENT);
	for (size_t i = 0; i < sizeof(leaving) / sizeof(leaving[0]); i++) {
		int got = try_open(root, leaving[i], O_RDONLY, NULL);
		if (got != EXDEV)
			fprintf(stderr, "%s: errno %d\n", leaving[i], got);
		CHECK(got == EXDEV);
	}
	int magic = try_open(root, "magic/etc/passwd", O_RDONLY, NULL);
	CHECK(magic == EXDEV || magic == ELOOP);
	CHECK(try_open(root, "loop", O_RDONLY, NULL) == (walk ? EXDEV : ELOOP));
	CHECK(try_open(root, "in", O_RDONLY, "deep") == (walk ? EXDEV : 0));
	CHECK(try_open(root, "a/dir/file", O_RDONLY, "deep") == (walk ? EXDEV : 0));
	/* Creating: new ones, never through a link. */
	CHECK(try_open(root, "a/new", O_RDWR | O_CREAT | O_EXCL, "") == 0);
	CHECK(try_open(root, "a/new", O_RDWR | O_CREAT | O_EXCL, NULL) == EEXIST);
	CHECK(unlinkat(root, "a/new", 0) == 0);
	CHECK(try_open(root, "dangling", O_RDWR | O_CREAT | O_EXCL, NULL) == EEXIST);
	CHECK(try_open(root, "no/such/dir", O_RDWR | O_CREAT, NULL) == ENOENT);
	char name[300];
	memset(name, 'n', sizeof(name));
	name[299] = 0;
	CHECK(try_open(root, name, O_RDONLY, NULL) == ENAMETOOLONG);
}

static int count_fds(void)
{
	return count_entries("/proc/self/fd", "");
}

static void test_walk(int root, unsigned error)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		int before = count_fds();
		if (!forbid_openat2(error)) {
			fprintf(stderr, "no seccomp here: the walk is not tested\n");
			_exit(0);
		}
		CHECK(syscall(SYS_openat2, root, "top", NULL, 0) < 0 && errno == (int)error);
		test_both(root, 1);
		CHECK(count_fds() == before);
		_exit(0);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void test_others(const char *base)
{
	const struct ozr_sys *sys = &ozr_sys_real;
	unsigned char a[300] = {0}, b[300] = {0};
	CHECK(sys->random(a, sizeof(a)) == 0 && sys->random(b, sizeof(b)) == 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK(sys->now_ns() > INT64_C(1500000000000000000));

	/* Two descriptions of one file exclude each other, on the bytes that both want. */
	int one = open(join(base, "lock"), O_RDWR | O_CREAT, 0666);
	int two = open(join(base, "lock"), O_RDWR);
	CHECK(one >= 0 && two >= 0);
	CHECK(sys->lock(one, F_OFD_SETLK, 10, 5, F_WRLCK) == 0);
	CHECK(sys->lock(two, F_OFD_SETLK, 14, 5, F_WRLCK) == -1);
	CHECK(errno == EAGAIN || errno == EACCES);
	CHECK(sys->lock(two, F_OFD_SETLK, 15, 5, F_WRLCK) == 0);
	CHECK(sys->lock(one, F_OFD_SETLK, 10, 5, F_UNLCK) == 0);
	CHECK(sys->lock(two, F_OFD_SETLK, 10, 5, F_WRLCK) == 0);
	CHECK(sys->lock(one, F_OFD_SETLK, UINT64_MAX, 1, F_WRLCK) == -1 && errno == EOVERFLOW);
	CHECK(sys->fadvise(one, 0, 0, POSIX_FADV_DONTNEED) == 0);
	CHECK(sys->fadvise(-1, 0, 0, POSIX_FADV_DONTNEED) == -1 && errno == EBADF);
	close(one);
	close(two);

	int dir = open(base, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0);
	write_file(join(base, "from"), "1", 1);
	CHECK(sys->renameat2(dir, "from", dir, "to", 1 /* RENAME_NOREPLACE */) == 0);
	write_file(join(base, "from"), "2", 1);
	CHECK(sys->renameat2(dir, "from", dir, "to", 1) == -1 && errno == EEXIST);
	CHECK(sys->renameat2(dir, "from", dir, "to", 0) == 0 && !exists(join(base, "from")));
	close(dir);
}

int main(void)
{
	char base[PATH_MAX];
	temp_dir(base);
	make_tree(base);
	int root = open(join(base, "root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(root >= 0);
	int before = count_fds();
	/* Kernels before 5.6 have the walk only. */
	int has =
		syscall(SYS_openat2, root, "top", NULL, 0) < 0 && errno != ENOSYS && errno != EPERM;
	test_both(root, !has);
	CHECK(count_fds() == before);
	test_walk(root, ENOSYS);
	test_walk(root, EPERM);
	test_others(base);
	close(root);
	remove_tree(base);
	return 0;
}
