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

void ozr_stage_free(struct ozr_stage *st)
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
		ozr_stage_free(st);
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
	/* While we hold the lock nobody else cleans up; what fails here they do later. After a
	 * commit that failed half-way the name may be that of somebody else's tree. */
	if (st->pid == getpid() && (!st->store || ozr_stage_is_at(st, st->name)))
		(void)ozr_tree_drop(st->target.sys, st->target.dir, st->name, NULL);
	ozr_stage_free(st);
}
