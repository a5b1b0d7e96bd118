/* SPDX-License-Identifier: MIT */
/*
 * Life and death of stages. The stage's own lock file, ".ozr-lock" in its
 * root, is locked on one byte that no key uses for as long as its process
 * lives; death releases it. Cleaning takes the same lock first, so that a
 * stage is either its maker's or its cleaner's: a maker that finds a cleaner
 * at its newborn directory takes another name. A tree that is being replaced is
 * held in the same way.
 *
 * Where the file system has no locks nobody can tell, and nothing is removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "store/dir.h"
#include "store/stage.h"

enum {
	HEX = 16,
	/* Bytes of the target's name in a hidden name; the rest fits NAME_MAX. */
	NAME_PART = NAME_MAX - (int)sizeof OZR_STAGE_MARK - HEX,
};

/* ".<name><mark>" */
static void name_prefix(const struct ozr_target *t, const char *mark, char out[NAME_MAX + 1])
{
	size_t len = strlen(t->name);
	if (len > NAME_PART) {
		len = NAME_PART;
		while (len && ((unsigned char)t->name[len] & 0xC0) == 0x80)
			len--; /* not inside a character */
	}
	snprintf(out, NAME_MAX + 1, ".%.*s%s", (int)len, t->name, mark);
}

int ozr_stage_name(const struct ozr_target *t, const char *mark, char out[NAME_MAX + 1],
		   struct ozr_err *err)
{
	uint64_t random;
	if (t->sys->random(&random, sizeof random))
		return ozr_dir_fail(err, errno, "choose a name beside", t->name);
	name_prefix(t, mark, out);
	size_t len = strlen(out);
	snprintf(out + len, NAME_MAX + 1 - len, "%016" PRIx64, random);
	return OZR_OK;
}

static int is_hidden_name(const struct ozr_target *t, const char *mark, const char *name)
{
	char prefix[NAME_MAX + 1];
	name_prefix(t, mark, prefix);
	size_t len = strlen(prefix);
	return strncmp(name, prefix, len) == 0 && strlen(name + len) == HEX &&
	       strspn(name + len, "0123456789abcdef") == HEX;
}

/* --- The lock of life --------------------------------------------------- */

static enum ozr_life lock_life(const struct ozr_sys *sys, int fd)
{
	struct stat st;
	int bad;
	do
		bad = sys->lock(fd, F_OFD_SETLK, OZR_LOCK_LIFE, 1, F_WRLCK) ? errno : 0;
	while (bad == EINTR);
	if (bad == EAGAIN || bad == EACCES)
		return OZR_LIFE_BUSY;
	if (bad == ENOLCK || bad == EINVAL || bad == EOPNOTSUPP || bad == ENOSYS)
		return OZR_LIFE_UNKNOWN;
	if (bad || sys->fstat(fd, &st))
		return OZR_LIFE_ERROR;
	return st.st_nlink ? OZR_LIFE_HELD : OZR_LIFE_GONE;
}

enum ozr_life ozr_stage_hold(const struct ozr_target *t, const char *name, int *lock)
{
	char path[NAME_MAX + sizeof OZR_LOCK_FILE + 2];
	snprintf(path, sizeof path, "%s/" OZR_LOCK_FILE, name);
	int fd = ozr_dir_resolve(t->sys, t->dir, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
				 0666);
	if (fd < 0)
		return errno == ENOENT ? OZR_LIFE_GONE : OZR_LIFE_ERROR;
	enum ozr_life life = lock_life(t->sys, fd);
	if (life == OZR_LIFE_HELD) {
		*lock = fd;
		return life;
	}
	int sys = errno;
	t->sys->close(fd);
	errno = sys;
	return life;
}

void ozr_stage_let_go(const struct ozr_sys *sys, int dir, const char *name, int lock)
{
	char path[NAME_MAX + 1];
	snprintf(path, sizeof path, "%s", name);
	int root =
		ozr_dir_resolve(sys, dir, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	/* All bytes of the file: when we get them no key is locked, and whoever opened the file
	 * before it goes will see that it has no name and open a new one. */
	int idle = lock < 0 || sys->lock(lock, F_OFD_SETLK, 0, 0, F_WRLCK) == 0;
	/* Only our own: the name may lead to a tree that has replaced ours already. */
	struct stat mine, there;
	if (root >= 0 && lock >= 0 &&
	    (sys->fstat(lock, &mine) ||
	     sys->fstatat(root, OZR_LOCK_FILE, &there, AT_SYMLINK_NOFOLLOW) ||
	     mine.st_dev != there.st_dev || mine.st_ino != there.st_ino))
		idle = 0;
	if (root >= 0 && idle)
		(void)sys->unlinkat(root, OZR_LOCK_FILE, 0);
	if (root >= 0)
		sys->close(root);
	if (lock >= 0)
		sys->close(lock);
}

void ozr_stage_release(const struct ozr_target *t, const char *name, int lock)
{
	if (lock >= 0)
		ozr_stage_let_go(t->sys, t->dir, name, lock);
}

/* --- Leftovers ---------------------------------------------------------- */

static void drop_if_dead(const struct ozr_target *t, const char *name)
{
	int lock = -1;
	if (ozr_stage_hold(t, name, &lock) != OZR_LIFE_HELD)
		return;
	(void)ozr_tree_drop(t->sys, t->dir, name, NULL);
	t->sys->close(lock);
}

/* A replaced tree of a process that could not exchange names: it died either before the new
 * tree had the target's name (then the old one gets it back) or after. One that lives holds the
 * tree that it replaces (stage_commit.c). */
static void restore_or_drop(const struct ozr_target *t, const char *name)
{
	struct stat st;
	int lock = -1;
	enum ozr_life life = ozr_stage_hold(t, name, &lock);
	if (life == OZR_LIFE_BUSY || life == OZR_LIFE_GONE)
		return;
	if (t->sys->fstatat(t->dir, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		(void)ozr_tree_drop(t->sys, t->dir, name, NULL);
	} else if (errno == ENOENT) {
		if (t->sys->renameat2(t->dir, name, t->dir, t->name, 0) == 0)
			name = t->name;
		ozr_stage_release(t, name, lock);
		return;
	}
	if (lock >= 0)
		t->sys->close(lock);
}

void ozr_stage_clean(const struct ozr_target *t)
{
	int fd = ozr_dir_resolve(t->sys, t->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : t->sys->fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			t->sys->close(fd);
		return;
	}
	const struct dirent *e;
	while ((e = t->sys->readdir(dir)) != NULL) {
		struct stat st;
		int stage = is_hidden_name(t, OZR_STAGE_MARK, e->d_name);
		if (!stage && !is_hidden_name(t, OZR_ASIDE_MARK, e->d_name))
			continue;
		if (t->sys->fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISDIR(st.st_mode))
			continue;
		if (stage)
			drop_if_dead(t, e->d_name);
		else
			restore_or_drop(t, e->d_name);
	}
	t->sys->closedir(dir);
}
