/* SPDX-License-Identifier: MIT */
/*
 * Versions of files on a file system that uses inodes again and stamps files
 * with the last tick of a slow clock, both played by the system-call seam: a
 * chunk that was replaced within one tick is never served from the cache, and
 * one that is old enough is.
 */
#include <linux/magic.h>

#include "base/sys.h"
#include "ozr/array.h"
#include "support/check.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

static struct ozr_err err;
static struct ozr_sys sys;
static char root[PATH_MAX];

/* What every regular file seems to be, and when. */
static struct {
	int64_t stamp, now; /* ns */
	long type;          /* of the file system; 0: it cannot tell */
} fake;

static int fake_fstat(int fd, struct stat *st)
{
	if (ozr_sys_real.fstat(fd, st) || !S_ISREG(st->st_mode))
		return 0;
	st->st_ino = 4711;
	st->st_ctim.tv_sec = st->st_mtim.tv_sec = (time_t)(fake.stamp / S);
	st->st_ctim.tv_nsec = st->st_mtim.tv_nsec = (long)(fake.stamp % S);
	return 0;
}

static int fake_fstatfs(int fd, struct statfs *fs)
{
	if (ozr_sys_real.fstatfs(fd, fs) || !fake.type)
		return -1;
	fs->f_type = (__typeof__(fs->f_type))fake.type;
	return 0;
}

static int64_t fake_now_ns(void)
{
	return fake.now;
}

static struct ozr_store *open_store(struct ozr_ctx *ctx, int flags)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_dir(ctx, root, flags, OZR_FLUSH_NONE, &s, &err));
	return s;
}

static uint64_t version(struct ozr_store *s)
{
	struct ozr_object *o = NULL;
	CHECK_OK(ozr_object_open(s, "value", &o, &err));
	uint64_t v = o->version;
	ozr_object_close(o);
	CHECK(v != 0);
	return v;
}

/* Is the file trusted at this age on this file system? */
static int trusted(struct ozr_ctx *ctx, int64_t age, long type)
{
	fake.type = type;
	fake.now = fake.stamp + age;
	struct ozr_store *s = open_store(ctx, OZR_READ);
	uint64_t one = version(s), two = version(s);
	ozr_store_unref(s);
	return one == two;
}

static void test_age(struct ozr_ctx *ctx)
{
	static const long local[] = {EXT4_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC};
	static const long far[] = {NFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, MSDOS_SUPER_MAGIC, 0};
	write_file(join(root, "value"), "x", 1);
	for (int second = 0; second < 2; second++) {
		/* the margin in the second of the stamp, and beyond it */
		fake.stamp = 1700000000 * S + (second ? 995 : 500) * MS;
		for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
			CHECK(!trusted(ctx, -5 * MS, local[i]));
			CHECK(!trusted(ctx, 0, local[i]));
			CHECK(!trusted(ctx, 20 * MS, local[i]));
			CHECK(trusted(ctx, 20 * MS + 1, local[i]));
			CHECK(!trusted(ctx, -3600 * S, local[i]));
			CHECK(trusted(ctx, 3600 * S, local[i]));
		}
		for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
			CHECK(!trusted(ctx, 21 * MS, far[i]));
			CHECK(!trusted(ctx, 3000 * MS, far[i]));
			CHECK(trusted(ctx, 3000 * MS + 1, far[i]));
		}
	}
	/* a stamp of whole seconds is up to two seconds older than its file */
	fake.stamp = 1700000000 * S;
	CHECK(!trusted(ctx, 2500 * MS, EXT4_SUPER_MAGIC));
	CHECK(trusted(ctx, 3001 * MS, EXT4_SUPER_MAGIC));
	/* other stamps, other versions */
	uint64_t before, after;
	struct ozr_store *s = open_store(ctx, OZR_READ);
	before = version(s);
	fake.stamp += 1;
	fake.now += S;
	after = version(s);
	CHECK(before != after && version(s) == after);
	ozr_store_unref(s);
}

/* --- Chunks --------------------------------------------------------------- */

enum { SIDE = 64 };

/* Replace all elements by the same value: compressed chunks of one size. */
static void replace(struct ozr_array *a, unsigned char value)
{
	unsigned char bytes[SIDE * SIDE];
	memset(bytes, value, sizeof bytes);
	struct ozr_box b = {.count = {SIDE, SIDE}, .data = bytes, .dtype = OZR_UINT8};
	ozr_box_contiguous(&b, 2);
	CHECK_OK(ozr_array_write(a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
}

/* A part of the chunk, so that what is decoded for it is kept. */
static unsigned char element(struct ozr_array *a)
{
	unsigned char got = 0;
	struct ozr_box b = {.start = {3, 5}, .count = {1, 1}, .data = &got, .dtype = OZR_UINT8};
	ozr_box_contiguous(&b, 2);
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	return got;
}

static uint64_t decoded(const struct ozr_ctx *ctx)
{
	struct ozr_stats s;
	ozr_ctx_stats(ctx, &s);
	return s.bytes_decoded;
}

static void test_replaced_in_one_tick(struct ozr_ctx *ctx, const char *codec, int sharded)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT8, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {SIDE / 2, SIDE}};
	struct ozr_array *writer = NULL, *reader = NULL;
	strcpy(opt.codec.codec, codec);
	for (unsigned d = 0; sharded && d < 2; d++)
		opt.shard[d] = SIDE;
	fake.type = EXT4_SUPER_MAGIC;
	fake.stamp = 1700000000 * S + 500 * MS;
	fake.now = fake.stamp + 4 * MS;
	struct ozr_store *s = open_store(ctx, OZR_UPDATE);
	CHECK_OK(ozr_array_create(s, "a", &opt, &writer, &err));
	CHECK_OK(ozr_array_publish(writer, &err));
	CHECK_OK(ozr_array_open(s, "a", OZR_READ, &reader, &err));
	for (unsigned char value = 1; value < 20; value++) {
		replace(writer, value);
		CHECK(element(reader) == value);
		CHECK(element(reader) == value);
	}
	/* The tick has passed: what takes the inode now is stamped later. */
	fake.now = fake.stamp + 25 * MS;
	CHECK(element(reader) == 19);
	uint64_t before = decoded(ctx);
	for (int i = 0; i < 5; i++)
		CHECK(element(reader) == 19);
	CHECK(decoded(ctx) == before);
	replace(writer, 20);
	fake.stamp = fake.now;
	CHECK(element(reader) == 20);
	ozr_array_close(reader);
	ozr_array_close(writer);
	ozr_store_unref(s);
	remove_tree(join(root, "a"));
}

int main(void)
{
	struct ozr_ctx_options opt = {.threads = 2, .sys = &sys};
	struct ozr_ctx *ctx = NULL;
	sys = ozr_sys_real;
	sys.fstat = fake_fstat;
	sys.fstatfs = fake_fstatfs;
	sys.now_ns = fake_now_ns;
	temp_dir(root);
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	test_age(ctx);
	for (int sharded = 0; sharded < 2; sharded++) {
		test_replaced_in_one_tick(ctx, "zstd", sharded);
		test_replaced_in_one_tick(ctx, "blosc-lz4", sharded);
	}
	ozr_ctx_unref(ctx);
	remove_tree(root);
	return 0;
}
