/* SPDX-License-Identifier: MIT */
/*
 * Renaming whole hierarchies: one system call, so that a reader finds the old
 * name or the new one. Nothing is ever replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "store/dir.h"
#include "store/tree.h"

/* A plain rename of a directory replaces at most an empty one. */
static int rename_free(const struct ozr_target *from, const struct ozr_target *to)
{
	const struct ozr_sys *sys = from->sys;
	struct stat seen;

	if (!sys->renameat2(from->dir, from->name, to->dir, to->name, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (sys->fstatat(to->dir, to->name, &seen, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	if (errno != ENOENT)
		return errno;
	return sys->renameat2(from->dir, from->name, to->dir, to->name, 0) ? errno : 0;
}

static int rename_checked(const struct ozr_target *from, const struct ozr_target *to,
			  struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	int code = ozr_target_check(from, NULL, err);

	if (code == OZR_EXISTS) {
		code = OZR_DENIED;
		if (err)
			err->code = code;
	}
	if (code)
		return code;
	ozr_quote(quoted, to->name, strlen(to->name));
	int sys = rename_free(from, to);
	if (sys == EEXIST || sys == ENOTEMPTY)
		return ozr_fail(err, OZR_EXISTS, "'%s' exists", quoted);
	if (sys == EXDEV)
		return ozr_fail(err, OZR_UNSUPPORTED, "'%s' is on another file system", quoted);
	return sys ? ozr_dir_fail(err, sys, "rename", from->name) : OZR_OK;
}

int ozr_tree_rename(struct ozr_ctx *ctx, const char *from, const char *to, struct ozr_err *err)
{
	struct ozr_target a, b;
	int code = ozr_target_open(ctx, from, &a, err);

	if (code)
		return code;
	code = ozr_target_open(ctx, to, &b, err);
	if (!code) {
		code = rename_checked(&a, &b, err);
		ozr_target_close(&b);
	}
	ozr_target_close(&a);
	return code;
}
