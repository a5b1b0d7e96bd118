/* SPDX-License-Identifier: MIT */
/*
 * A commit whose last step fails, the flush of the directory that has the new
 * name already: the old tree is back or the new one stays, whole, whatever
 * others do to the same target in that very moment, and whatever else fails.
 */
#include "base/sys.h"
#include "ozr/store.h"
#include "support/check.h"

static struct ozr_err err;
static struct ozr_ctx *plain; /* what others use */
static struct ozr_ctx *ctx;   /* over the seam below */
static struct ozr_sys sys;
static char dir[PATH_MAX], target[PATH_MAX];

static const char *const files[] = {"c/0", "c/1", "s/zarr.json", "zarr.json"};
enum { FILES = sizeof files / sizeof *files };

static int write_tree(struct ozr_store *s, unsigned generation)
{
	unsigned char bytes[100];
	int code = OZR_OK;
	for (unsigned i = 0; i < FILES && !code; i++) {
		fill_bytes(bytes, sizeof bytes, generation * 10 + i);
		code = ozr_store_put(s, files[i], bytes, sizeof bytes, OZR_PUT_REPLACE, &err);
	}
	return code;
}

/* The generation that is at the target, whole: 0 for nothing, -1 for a mixture. */
static int generation_there(void)
{
	unsigned char want[100], got[101];
	if (!exists(target))
		return 0;
	for (unsigned g = 1; g < 10; g++) {
		unsigned same = 0;
		for (unsigned i = 0; i < FILES; i++) {
			fill_bytes(want, sizeof want, g * 10 + i);
			same += read_file(join(target, files[i]), got, sizeof got) == 100 &&
				memcmp(want, got, 100) == 0;
		}
		if (same == FILES && count_entries(target, "") == 3)
			return (int)g;
	}
	return -1;
}

static int make(struct ozr_ctx *c, unsigned generation, int replace)
{
	struct ozr_stage *st = NULL;
	int code = ozr_stage_new(c, target, replace, OZR_FLUSH_CLOSE, &st, &err);
	if (code)
		return code;
	CHECK_OK(write_tree(ozr_stage_store(st), generation));
	return ozr_stage_commit(st, &err);
}

/* --- The seam ----------------------------------------------------------------- */

enum other { NOBODY, CLEANS, REPLACES, REMOVES, OTHERS };

static struct {
	enum other other;
	int exchange;  /* names can be exchanged */
	int after;     /* the flush has failed: what follows is the undoing */
	int fail_from; /* renames of the undoing that fail: this one, from 1, ... */
	int fail_to;   /* ... to this one */
	int renames;
} seam;

static int failing_fsync(int fd)
{
	struct stat st, parent;
	CHECK(fstat(fd, &st) == 0 && stat(dir, &parent) == 0);
	if (st.st_ino != parent.st_ino || seam.after)
		return 0;
	seam.after = 1;
	struct ozr_stage *stage = NULL;
	struct ozr_err mine = err;
	switch (seam.other) {
	case CLEANS:
		CHECK_OK(ozr_stage_new(plain, target, 1, OZR_FLUSH_NONE, &stage, &err));
		ozr_stage_abort(stage);
		break;
	case REPLACES:
		CHECK_OK(make(plain, 9, 1));
		break;
	case REMOVES:
		CHECK_OK(ozr_tree_remove(plain, target, &err));
		break;
	default:
		break;
	}
	err = mine;
	errno = EIO;
	return -1;
}

static int failing_renameat2(int from_dir, const char *from, int to_dir, const char *to,
			     unsigned flags)
{
	if (flags && !seam.exchange) {
		errno = EINVAL;
		return -1;
	}
	if (seam.after && ++seam.renames >= seam.fail_from && seam.renames <= seam.fail_to) {
		errno = EIO;
		return -1;
	}
	return ozr_sys_real.renameat2(from_dir, from, to_dir, to, flags);
}

/* --- The matrix ----------------------------------------------------------------- */

static void one(int replace, int exchange, enum other other, int fail_from, int fail_to)
{
	temp_dir(dir);
	snprintf(target, sizeof target, "%s", join(dir, "t.zarr"));
	if (replace)
		CHECK_OK(make(plain, 1, 0));
	memset(&seam, 0, sizeof seam);
	seam.other = other;
	seam.exchange = exchange;
	seam.fail_from = fail_from;
	seam.fail_to = fail_to;
	CHECK_CODE(OZR_IO, make(ctx, 2, replace));
	CHECK(seam.after && strstr(err.msg, "flush the directory of"));

	int before = replace ? 1 : 0, there = generation_there();
	if (other == REPLACES) {
		CHECK(there == 9);
	} else if (other == REMOVES) {
		CHECK(there == 0 || there == before);
	} else if (!fail_from) {
		CHECK(there == before && !strstr(err.msg, "in place"));
	} else {
		/* with names that cannot be exchanged two failures leave none, until the next run */
		CHECK(there == before || there == 2 || (there == 0 && !exchange));
		CHECK(there != 2 || strstr(err.msg, "in place"));
	}
	/* The next run finds what is whole, and leaves nothing hidden. */
	struct ozr_stage *st = NULL;
	CHECK_OK(ozr_stage_new(plain, target, 1, OZR_FLUSH_NONE, &st, &err));
	int now = generation_there();
	CHECK(there ? now == there : now == before || other == REMOVES);
	ozr_stage_abort(st);
	CHECK(generation_there() == now && count_entries(dir, ".ozr-") == 0);
	CHECK(now == 0 || !exists(join(target, ".ozr-lock")));
	CHECK_OK(make(plain, 3, 1));
	CHECK(generation_there() == 3 && count_entries(dir, "") == 1);
	remove_tree(dir);
}

int main(void)
{
	struct ozr_ctx_options opt = {.sys = &sys};
	sys = ozr_sys_real;
	sys.fsync = failing_fsync;
	sys.renameat2 = failing_renameat2;
	CHECK_OK(ozr_ctx_new(NULL, &plain, &err));
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	for (int replace = 0; replace < 2; replace++)
		for (int exchange = 0; exchange < 2; exchange++)
			for (int other = NOBODY; other < OTHERS; other++)
				for (int from = 0; from <= 4; from++)
					for (int to = from; to <= (from ? 4 : 0); to++)
						one(replace, exchange, (enum other)other, from, to);
	ozr_ctx_unref(ctx);
	ozr_ctx_unref(plain);
	return 0;
}
