/* SPDX-License-Identifier: MIT */
/*
 * A hierarchy that appears whole or not at all. It is written to a hidden
 * sibling of the target and gets the target's name by one rename at the end; a
 * tree that it replaces gets the hidden name in the same instant and is then
 * removed. Whenever the process dies, the target is as before or complete.
 *
 * On file systems that cannot exchange two names the old tree is moved aside
 * first; between two renames the target is missing then, and the next stage
 * for it puts the old tree back if we die there.
 *
 * Leftovers are hidden and bear the target's name, so that the next stage for
 * the same target finds and removes them (stage_life.c).
 * Threads: a stage belongs to one thread, its store to any.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "store/dir.h"
#include "store/stage.h"

enum { TRIES = 16 };

struct ozr_stage {
	struct ozr_ctx *ctx; /* owned reference */
	struct ozr_target target;
	struct ozr_store *store;
	int64_t pid; /* whose stage it is: a forked child neither publishes nor removes it */
	int lock;    /* holds the stage; -1 where there are no locks */
	int replace;
	enum ozr_durability durability;
	char name[NAME_MAX + 1]; /* of the hidden directory; of the old tree once published */
};

/* How the stage got the target's name. */
enum way { FRESH, EXCHANGED, ASIDE };

/* --- New ---------------------------------------------------------------- */

static int may_use_target(const struct ozr_target *t, int replace, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	struct stat st;
	if (replace) {
		int code = ozr_target_check(t, NULL, err);
		return code == OZR_NOT_FOUND ? OZR_OK : code;
	}
	if (t->sys->fstatat(t->dir, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return ozr_fail(err, OZR_EXISTS, "'%s' exists",
				ozr_quote(quoted, t->name, strlen(t->name)));
	return errno == ENOENT ? OZR_OK : ozr_dir_fail(err, errno, "look at", t->name);
}

/* Make the hidden directory and hold it. */
static int make_hidden(struct ozr_stage *st, struct ozr_err *err)
{
	const struct ozr_target *t = &st->target;
	int sys = EEXIST;
	for (int i = 0; i < TRIES; i++) {
		int code = ozr_stage_name(t, OZR_STAGE_MARK, st->name, err);
		if (code)
			return code;
		if (t->sys->mkdirat(t->dir, st->name, 0777)) {
			sys = errno;
			if (sys == EEXIST)
				continue;
			break;
		}
		enum ozr_life life = ozr_stage_hold(t, st->name, &st->lock);
		if (life == OZR_LIFE_HELD || life == OZR_LIFE_UNKNOWN)
			return OZR_OK;
		if (life == OZR_LIFE_ERROR) {
			sys = errno;
			(void)ozr_tree_drop(t->sys, t->dir, st->name, NULL);
			break;
		}
		/* A cleaner took the newborn for dead; it will be gone in a moment. */
	}
	return ozr_dir_fail(err, sys, "make a directory beside", t->name);
}

static int open_store(struct ozr_stage *st, const char *location, struct ozr_err *err)
{
	const struct ozr_target *t = &st->target;
	int fd = ozr_dir_resolve(t->sys, t->dir, st->name,
				 O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return ozr_dir_fail(err, errno, "open the stage of", t->name);
	return ozr_dir_open_fd(st->ctx, fd, location, OZR_UPDATE, st->durability, &st->store, err);
}

static void stage_free(struct ozr_stage *st)
{
	struct ozr_ctx *ctx = st->ctx;
	if (st->lock >= 0)
		st->target.sys->close(st->lock);
	ozr_store_unref(st->store);
	ozr_target_close(&st->target);
	ozr_free(ctx, st);
	ozr_ctx_unref(ctx);
}

int ozr_stage_new(struct ozr_ctx *ctx, const char *target, int replace,
		  enum ozr_durability durability, struct ozr_stage **out, struct ozr_err *err)
{
	struct ozr_stage *st = ozr_calloc(ctx, 1, sizeof *st, err);
	if (!st)
		return ozr_alloc_code(err);
	st->lock = -1;
	st->pid = getpid();
	st->replace = replace;
	st->durability = durability;
	int code = ozr_target_open(ctx, target, &st->target, err);
	if (code) {
		ozr_free(ctx, st);
		return code;
	}
	st->ctx = ozr_ctx_ref(ctx);
	ozr_stage_clean(&st->target);
	code = may_use_target(&st->target, replace, err);
	if (!code)
		code = make_hidden(st, err);
	if (code) {
		stage_free(st);
		return code;
	}
	code = open_store(st, target, err);
	if (code) {
		ozr_stage_abort(st);
		return code;
	}
	*out = st;
	return OZR_OK;
}

struct ozr_store *ozr_stage_store(struct ozr_stage *st)
{
	return st->store;
}

void ozr_stage_abort(struct ozr_stage *st)
{
	if (!st)
		return;
	/* While we hold the lock nobody else cleans up; what fails here they do later. */
	if (st->pid == getpid())
		(void)ozr_tree_drop(st->target.sys, st->target.dir, st->name, NULL);
	stage_free(st);
}

/* --- Commit ------------------------------------------------------------- */

static int rename_in(const struct ozr_target *t, const char *from, const char *to, unsigned flags)
{
	return t->sys->renameat2(t->dir, from, t->dir, to, flags) ? errno : 0;
}

static int no_flags(int sys)
{
	return sys == EINVAL || sys == ENOSYS;
}

/* To a name that is free. A plain rename of a directory replaces at most an empty one. */
static int publish_fresh(const struct ozr_stage *st)
{
	const struct ozr_target *t = &st->target;
	struct stat seen;
	int sys = rename_in(t, st->name, t->name, RENAME_NOREPLACE);
	if (!no_flags(sys))
		return sys;
	if (t->sys->fstatat(t->dir, t->name, &seen, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	return errno == ENOENT ? rename_in(t, st->name, t->name, 0) : errno;
}

/* Without exchange: the old tree aside, the new one in, or the old one back. */
static int publish_aside(struct ozr_stage *st, const struct stat *checked, char aside[NAME_MAX + 1])
{
	const struct ozr_target *t = &st->target;
	struct stat got;
	if (ozr_stage_name(t, OZR_ASIDE_MARK, aside, NULL))
		return EIO;
	int sys = rename_in(t, t->name, aside, 0);
	if (sys)
		return sys;
	/* checked here: once the new tree is in place, whoever cleans up may remove this one */
	if (t->sys->fstatat(t->dir, aside, &got, AT_SYMLINK_NOFOLLOW))
		return errno;
	sys = got.st_dev == checked->st_dev && got.st_ino == checked->st_ino ? 0 : EEXIST;
	if (!sys)
		sys = rename_in(t, st->name, t->name, 0);
	if (sys)
		(void)rename_in(t, aside, t->name, 0);
	return sys;
}

static void undo(const struct ozr_stage *st, enum way way, const char *aside)
{
	const struct ozr_target *t = &st->target;
	if (way == EXCHANGED) {
		(void)rename_in(t, st->name, t->name, RENAME_EXCHANGE);
		return;
	}
	(void)rename_in(t, t->name, st->name, 0);
	if (way == ASIDE)
		(void)rename_in(t, aside, t->name, 0);
}

/* Exchange with what was checked just now, and nothing else. */
static int publish_over(struct ozr_stage *st, enum way *way, char aside[NAME_MAX + 1],
			struct ozr_err *err)
{
	const struct ozr_target *t = &st->target;
	struct stat checked, got;
	int code = ozr_target_check(t, &checked, err);
	if (code)
		return code;
	*way = EXCHANGED;
	int sys = rename_in(t, st->name, t->name, RENAME_EXCHANGE);
	if (no_flags(sys)) {
		*way = ASIDE;
		sys = publish_aside(st, &checked, aside);
		if (!sys)
			return OZR_OK;
	}
	if (sys)
		return sys == ENOENT ? OZR_NOT_FOUND : ozr_dir_fail(err, sys, "replace", t->name);
	if (t->sys->fstatat(t->dir, *way == ASIDE ? aside : st->name, &got, AT_SYMLINK_NOFOLLOW) ==
		    0 &&
	    got.st_dev == checked.st_dev && got.st_ino == checked.st_ino)
		return OZR_OK;
	undo(st, *way, aside);
	return ozr_fail(err, OZR_EXISTS, "'%s' was changed by somebody else", t->name);
}

static int publish(struct ozr_stage *st, enum way *way, char aside[NAME_MAX + 1],
		   struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	const struct ozr_target *t = &st->target;
	ozr_quote(quoted, t->name, strlen(t->name));
	/* What is to be replaced may come and go; not for ever. */
	for (int i = 0; i < TRIES; i++) {
		int code = st->replace ? publish_over(st, way, aside, err) : OZR_NOT_FOUND;
		if (code != OZR_NOT_FOUND)
			return code;
		*way = FRESH;
		int sys = publish_fresh(st);
		if (!sys)
			return OZR_OK;
		if (sys != EEXIST && sys != ENOTEMPTY)
			return ozr_dir_fail(err, sys, "create", t->name);
		if (!st->replace)
			return ozr_fail(err, OZR_EXISTS, "'%s' exists", quoted);
	}
	return ozr_fail(err, OZR_BUSY, "'%s' is being replaced by somebody else", quoted);
}

int ozr_stage_commit(struct ozr_stage *st, struct ozr_err *err)
{
	const struct ozr_target *t = &st->target;
	char aside[NAME_MAX + 1];
	enum way way = FRESH;
	int code = OZR_OK;
	if (st->pid != getpid())
		code = ozr_fail(err, OZR_BAD_ARG,
				"'%s' is being made by the process that this one was forked from",
				t->name);
	if (!code)
		code = ozr_store_sync(st->store, err);
	if (!code)
		code = publish(st, &way, aside, err);
	if (!code && st->durability != OZR_FLUSH_NONE && ozr_dir_fsync(t->sys, t->dir)) {
		code = ozr_dir_fail(err, errno, "flush the directory of", t->name);
		undo(st, way, aside);
	}
	if (code) {
		ozr_stage_abort(st);
		return code;
	}
	ozr_stage_let_go(t->sys, t->dir, t->name, st->lock);
	st->lock = -1;
	/* The new tree is in place; an old one that resists is hidden and waits for the next run. */
	if (way != FRESH)
		(void)ozr_tree_drop(t->sys, t->dir, way == ASIDE ? aside : st->name, NULL);
	stage_free(st);
	return OZR_OK;
}
