/* SPDX-License-Identifier: MIT */
/*
 * Versions of the directory store. A value's bytes never change under its
 * inode, so {device, inode, size, times} names a version; but a file system
 * uses inodes again, and stamps files with the time of the last timer tick (1
 * to 10 ms; newer kernels are finer). A value that is replaced twice within one
 * tick can come back with the inode, size and times of the first one.
 *
 * So a file is trusted only when its stamp is older than one that could still
 * be given: we hold it open, hence whatever takes its inode later is stamped
 * later than now. Until then each opening is a version of its own, and what is
 * cached of it serves that opening only. The clock is the one that the kernel
 * stamps with; the margin is for file systems that round its time.
 *
 * Only the change time counts: nobody can set it, as the modification time can
 * be. Stamps of whole seconds, and those of another machine's clock, get a
 * wide margin. A server that is ahead of us makes its files look young for so
 * much longer, which costs decoding. One that is behind us by more than the
 * margin makes them look older than they are, and then this guards nothing:
 * only inode, size and times speak. That takes two replacements within one tick
 * of the server and its inode again.
 */
#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/ctx.h"
#include "store/dir.h"

#define SECOND INT64_C(1000000000) /* in nanoseconds */

enum {
	MARGIN_MS = 20,       /* two ticks of the slowest timer */
	WIDE_MARGIN_MS = 3000 /* FAT rounds to two seconds */
};

/* Numbers that linux/magic.h lacks. */
enum { XFS_MAGIC = 0x58465342, ZFS_MAGIC = 0x2fc12fc1, BCACHEFS_MAGIC = (int)0xca451a4e };

int ozr_dir_own_clock(const struct ozr_sys *sys, int fd)
{
	struct statfs fs;
	if (sys->fstatfs(fd, &fs))
		return 0;
	switch ((uint32_t)fs.f_type) {
	case EXT4_SUPER_MAGIC: /* ext2 and ext3 too */
	case (uint32_t)XFS_MAGIC:
	case (uint32_t)BTRFS_SUPER_MAGIC:
	case (uint32_t)F2FS_SUPER_MAGIC:
	case (uint32_t)ZFS_MAGIC:
	case (uint32_t)BCACHEFS_MAGIC:
	case TMPFS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC: /* its upper layer is one of the others */
		return 1;
	default:
		return 0;
	}
}

static int too_young(const struct ozr_dir_store *s, const struct stat *st)
{
	const struct timespec *stamp = &st->st_ctim;
	int near = s->own_clock && (uint64_t)st->st_dev == s->device && stamp->tv_nsec != 0;
	int64_t past = s->sys->now_ns() - (near ? MARGIN_MS : WIDE_MARGIN_MS) * (SECOND / 1000);
	int64_t seconds = past / SECOND;
	return stamp->tv_sec > seconds ||
	       (stamp->tv_sec == seconds && stamp->tv_nsec >= past % SECOND);
}

uint64_t ozr_dir_version(const struct ozr_dir_store *s, const struct stat *st)
{
	const uint64_t parts[] = {
		(uint64_t)st->st_dev,          (uint64_t)st->st_ino,
		(uint64_t)st->st_size,         (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec, too_young(s, st) ? ozr_ctx_serial(s->base.ctx) : 0,
	};
	uint64_t hash = ozr_hash(0, parts, sizeof parts);
	return hash ? hash : 1;
}
