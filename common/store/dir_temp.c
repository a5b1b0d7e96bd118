/* SPDX-License-Identifier: MIT */
/*
 * Temporary names, and whose they are:
 * ".ozr-tmp-<where, 16 hex>-<pid>-<serial>-<random, 16 hex>". `where` stands for
 * this boot of this host and the name space of its process ids, so that a
 * process id means something: containers and hosts that share a file system
 * do not take each other's writers for dead.
 *
 * A listing by a store that may write removes what dead writers have left: of
 * processes that can be seen to be gone an hour after the last change, of
 * those that cannot be seen (other hosts, containers, boots) after two days,
 * which leaves room for clocks that differ and writers that wait. Never what
 * belongs to a living process; an id that was used again costs a file that
 * stays hidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "store/dir.h"

enum { DEAD_SECONDS = 3600, UNSEEN_SECONDS = 48 * 3600, HEX = 16 };

static uint64_t hash_file(const struct ozr_sys *sys, uint64_t hash, const char *path)
{
	char text[256];
	int fd = sys->open(path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? -1 : sys->pread(fd, text, sizeof text, 0);
	if (fd >= 0)
		sys->close(fd);
	return n > 0 ? ozr_hash(hash, text, (size_t)n) : 0;
}

/* This host, boot and name space, or 0 where it cannot be told. */
static uint64_t find_where(const struct ozr_sys *sys)
{
	struct stat st;
	uint64_t hash = hash_file(sys, 3, "/proc/sys/kernel/random/boot_id");
	if (hash) /* copies of a running machine have its boot in common, but not their name */
		hash = hash_file(sys, hash, "/proc/sys/kernel/hostname");
	if (!hash || sys->fstatat(AT_FDCWD, "/proc/self/ns/pid", &st, 0))
		return 0;
	const uint64_t space[] = {(uint64_t)st.st_dev, (uint64_t)st.st_ino};
	return ozr_hash(hash, space, sizeof space) | 1;
}

/* Found out once for each store; several threads find the same. */
static uint64_t where_of(struct ozr_dir_store *s)
{
	uint64_t where = atomic_load(&s->where);
	if (!where) {
		where = find_where(s->sys);
		atomic_store(&s->where, where);
	}
	return where;
}

int ozr_dir_temp_name(struct ozr_dir_store *s, char *out, size_t size)
{
	uint64_t random;
	if (s->sys->random(&random, sizeof random))
		return -1;
	snprintf(out, size, OZR_TEMP_PREFIX "%016" PRIx64 "-%ld-%" PRIx64 "-%016" PRIx64,
		 where_of(s), (long)getpid(), ozr_ctx_serial(s->base.ctx), random);
	return 0;
}

/* The process that a name tells, or 0 when it is not one that we can see. */
static long visible_pid(struct ozr_dir_store *s, const char *name)
{
	char prefix[sizeof OZR_TEMP_PREFIX + HEX + 1];
	uint64_t where = where_of(s);
	snprintf(prefix, sizeof prefix, OZR_TEMP_PREFIX "%016" PRIx64 "-", where);
	size_t len = strlen(prefix);
	if (!where || strncmp(name, prefix, len) != 0)
		return 0;
	long pid = strtol(name + len, NULL, 10);
	return pid > 0 ? pid : 0;
}

int ozr_dir_temp_is_stale(struct ozr_dir_store *s, int dir, const char *name)
{
	const struct ozr_sys *sys = s->sys;
	long pid = visible_pid(s, name);
	struct stat st;
	if (pid && sys->alive(pid))
		return 0;
	if (sys->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return 0;
	return sys->now_ns() / 1000000000 - (int64_t)st.st_mtim.tv_sec >
	       (pid ? DEAD_SECONDS : UNSEEN_SECONDS);
}
