/* SPDX-License-Identifier: MIT */
/*
 * Commit: the staged tree gets the target's name, and the tree that had it
 * goes. The two names are exchanged where the file system can; else the old
 * tree is moved aside first.
 *
 * Between the rename and the flush of the directory it can come to an undoing,
 * while somebody else makes a stage for the same target and cleans up. What is
 * replaced is therefore held by its lock of life first, which cleaners respect.
 * Without that hold nothing is undone: of a tree that somebody may be removing
 * nobody knows whether it is still whole, and the new one is. Nor is anything
 * removed, then, before the next run: a power loss may bring the old name back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "store/dir.h"
#include "store/stage.h"

enum { TRIES = 16 };

/* How the stage got the target's name. */
enum way { FRESH, EXCHANGED, ASIDE };

struct publishing {
	struct ozr_stage *st;
	enum way way;
	int hold;                 /* on the replaced tree; -1: none */
	char aside[NAME_MAX + 1]; /* its name when the way is ASIDE */
};

static int rename_in(const struct ozr_target *t, const char *from, const char *to, unsigned flags)
{
	return t->sys->renameat2(t->dir, from, t->dir, to, flags) ? errno : 0;
}

static int no_flags(int sys)
{
	return sys == EINVAL || sys == ENOSYS;
}

static int is_tree(const struct ozr_target *t, const char *name, uint64_t device, uint64_t inode)
{
	struct stat seen;
	return t->sys->fstatat(t->dir, name, &seen, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)seen.st_dev == device && (uint64_t)seen.st_ino == inode;
}

int ozr_stage_is_at(const struct ozr_stage *st, const char *name)
{
	const uint64_t *id = st->store->identity;
	return is_tree(&st->target, name, id[0], id[1]);
}

/* The replaced tree, wherever it is now. */
static const char *old_name(const struct publishing *p)
{
	return p->way == ASIDE ? p->aside : p->st->name;
}

/* --- Publishing ---------------------------------------------------------- */

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
static int publish_aside(struct publishing *p, const struct stat *checked)
{
	const struct ozr_target *t = &p->st->target;
	if (ozr_stage_name(t, OZR_ASIDE_MARK, p->aside, NULL))
		return EIO;
	int sys = rename_in(t, t->name, p->aside, 0);
	if (sys)
		return sys;
	if (!is_tree(t, p->aside, (uint64_t)checked->st_dev, (uint64_t)checked->st_ino))
		sys = EEXIST;
	if (!sys)
		sys = rename_in(t, p->st->name, t->name, 0);
	if (sys)
		(void)rename_in(t, p->aside, t->name, 0);
	return sys;
}

/* Exchange with what was checked just now, and nothing else. */
static int publish_exchanged(struct publishing *p, const struct stat *checked)
{
	const struct ozr_target *t = &p->st->target;
	const char *name = p->st->name;
	int sys = rename_in(t, name, t->name, RENAME_EXCHANGE);
	if (sys || is_tree(t, name, (uint64_t)checked->st_dev, (uint64_t)checked->st_ino))
		return sys;
	(void)rename_in(t, name, t->name, RENAME_EXCHANGE);
	return EEXIST;
}

static int publish_over(struct publishing *p, struct ozr_err *err)
{
	const struct ozr_target *t = &p->st->target;
	struct stat checked;
	int code = ozr_target_check(t, &checked, err);
	if (code)
		return code;
	if (ozr_stage_hold(t, t->name, &p->hold) != OZR_LIFE_HELD)
		p->hold = -1;
	p->way = EXCHANGED;
	int sys = publish_exchanged(p, &checked);
	if (no_flags(sys)) {
		p->way = ASIDE;
		sys = publish_aside(p, &checked);
	}
	if (!sys)
		return OZR_OK;
	ozr_stage_release(t, t->name, p->hold);
	p->hold = -1;
	if (sys == EEXIST)
		return ozr_fail(err, OZR_EXISTS, "'%s' was changed by somebody else", t->name);
	return sys == ENOENT ? OZR_NOT_FOUND : ozr_dir_fail(err, sys, "replace", t->name);
}

static int publish(struct publishing *p, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	const struct ozr_target *t = &p->st->target;
	ozr_quote(quoted, t->name, strlen(t->name));
	/* What is to be replaced may come and go; not for ever. */
	for (int i = 0; i < TRIES; i++) {
		int code = p->st->replace ? publish_over(p, err) : OZR_NOT_FOUND;
		if (code != OZR_NOT_FOUND)
			return code;
		p->way = FRESH;
		int sys = publish_fresh(p->st);
		if (!sys)
			return OZR_OK;
		if (sys != EEXIST && sys != ENOTEMPTY)
			return ozr_dir_fail(err, sys, "create", t->name);
		if (!p->st->replace)
			return ozr_fail(err, OZR_EXISTS, "'%s' exists", quoted);
	}
	return ozr_fail(err, OZR_BUSY, "'%s' is being replaced by somebody else", quoted);
}

/* --- Undoing --------------------------------------------------------------- */

/* Our tree back to its hidden name; nobody else's. */
static int take_back(const struct ozr_stage *st, unsigned flags)
{
	const struct ozr_target *t = &st->target;
	const char *from = flags ? st->name : t->name, *to = flags ? t->name : st->name;
	if (!ozr_stage_is_at(st, t->name) || rename_in(t, from, to, flags))
		return 0;
	if (ozr_stage_is_at(st, st->name))
		return 1;
	/* somebody was faster: it was theirs */
	(void)rename_in(t, st->name, t->name, flags ? flags : RENAME_NOREPLACE);
	return 0;
}

/* 1 when the target is what it was before. Then the staged tree has its hidden name. */
static int undo(const struct publishing *p)
{
	const struct ozr_target *t = &p->st->target;
	if (p->way != FRESH && p->hold < 0)
		return 0;
	if (!take_back(p->st, p->way == EXCHANGED ? RENAME_EXCHANGE : 0))
		return 0;
	if (p->way != ASIDE || rename_in(t, p->aside, t->name, 0) == 0)
		return 1;
	/* Neither has the name: the new one again, or else the next run gives it to the old one. */
	return rename_in(t, p->st->name, t->name, 0) != 0;
}

/* --- Commit ------------------------------------------------------------------ */

static int flush_names(struct publishing *p, struct ozr_err *err)
{
	const struct ozr_target *t = &p->st->target;
	if (p->st->durability == OZR_FLUSH_NONE || ozr_dir_fsync(t->sys, t->dir) == 0)
		return OZR_OK;
	int code = ozr_dir_fail(err, errno, "flush the directory of", t->name);
	if (undo(p))
		return code;
	if (err) {
		size_t len = strlen(err->msg);
		snprintf(err->msg + len, sizeof err->msg - len,
			 "; the new tree is in place, a power loss may undo that");
	}
	return code;
}

static int prepare(const struct ozr_stage *st, struct ozr_err *err)
{
	if (st->pid != getpid())
		return ozr_fail(err, OZR_BAD_ARG,
				"'%s' is being made by the process that this one was forked from",
				st->target.name);
	return ozr_store_sync(st->store, err);
}

int ozr_stage_commit(struct ozr_stage *st, struct ozr_err *err)
{
	const struct ozr_target *t = &st->target;
	struct publishing p = {.st = st, .way = FRESH, .hold = -1};
	int code = prepare(st, err);
	if (!code)
		code = publish(&p, err);
	if (code) {
		ozr_stage_abort(st);
		return code;
	}
	code = flush_names(&p, err);
	if (code && ozr_stage_is_at(st, st->name)) { /* undone */
		ozr_stage_release(t, t->name, p.hold);
		ozr_stage_abort(st);
		return code;
	}
	ozr_stage_let_go(t->sys, t->dir, t->name, st->lock);
	st->lock = -1;
	/* The new tree is in place; an old one that resists is hidden and waits for the next run. */
	if (!code && p.way != FRESH)
		(void)ozr_tree_drop(t->sys, t->dir, old_name(&p), NULL);
	if (p.hold >= 0)
		t->sys->close(p.hold);
	ozr_stage_free(st);
	return code;
}
