/* SPDX-License-Identifier: MIT */
/*
 * Images made in an archive: pushed by threads or pulled, sharded or not, in
 * archives over memory, a folder, a part of a store, and a store whose puts
 * only append. What is read from the finished archive equals a model of
 * plain loops; an image that fails leaves nothing behind.
 */
#include "../support/fault.h"
#include "../support/scene.h"
#include "ozr/zip.h"

static struct ozr_err err;

enum { THREADS = 4 };

/* --- Parents ------------------------------------------------------------------------- */

enum parent { MEMORY, FOLDER, PART, APPENDING, PARENTS };

static struct ozr_store_ops poor;
static const struct ozr_store_ops *rich;
static char root[PATH_MAX];

static struct ozr_store *open_parent(struct ozr_ctx *ctx, enum parent kind)
{
	struct ozr_store *s = NULL, *whole;
	if (kind == MEMORY)
		return scene_store_mem(ctx);
	CHECK_OK(ozr_store_open_dir(ctx, root, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	if (kind == PART) {
		whole = s;
		CHECK_OK(ozr_store_open_sub(whole, "some/where", &s, &err));
		ozr_store_unref(whole);
	} else if (kind == APPENDING) {
		rich = s->ops;
		poor = *rich;
		poor.put_patch = NULL;
		s->ops = &poor;
	}
	return s;
}

/* --- Filling ------------------------------------------------------------------------- */

struct pusher {
	struct scene *s;
	struct ozr_image *img;
	unsigned first; /* plane, of every THREADS */
	int code;
	struct ozr_err err;
};

static void *push_planes(void *arg)
{
	struct pusher *p = arg;
	const uint64_t *n = p->s->opt.shape;
	const size_t plane = (size_t)(n[1] * n[2]) * p->s->size;
	for (uint64_t z = p->first; z < n[0] && !p->code; z += THREADS) {
		struct ozr_box box = {.start = {z},
				      .count = {1, n[1], n[2]},
				      .data = p->s->want[0] + z * plane,
				      .dtype = p->s->opt.dtype};
		ozr_box_contiguous(&box, 3);
		p->code = ozr_pyramid_push(p->img, &box, NULL, &p->err);
	}
	return NULL;
}

static int push(struct ozr_image *img, struct scene *s)
{
	struct pusher p[THREADS];
	pthread_t id[THREADS];
	int code = OZR_OK;
	for (unsigned i = 0; i < THREADS; i++) {
		p[i] = (struct pusher){.s = s, .img = img, .first = i};
		CHECK(pthread_create(&id[i], NULL, push_planes, &p[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(id[i], NULL);
		if (p[i].code && !code) {
			code = p[i].code;
			err = p[i].err;
		}
	}
	return code;
}

static int pull(struct ozr_image *img, struct scene *s)
{
	return ozr_pyramid_pull(img, &s->source, NULL, &err);
}

typedef int (*filling)(struct ozr_image *img, struct scene *s);

/* Create, fill, commit the image, commit the archive. */
static int make(struct ozr_store *parent, struct scene *s, filling fill,
		const struct ozr_zip_options *opt)
{
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	int code = ozr_zip_create(parent, "a.ozx", opt, &zip, &err);
	if (code)
		return code;
	code = ozr_image_create(zip, "", OZR_CREATE_DIRECT, &s->opt, &img, &err);
	if (!code)
		code = fill(img, s);
	if (!code)
		code = ozr_image_commit(img, NULL, &err);
	ozr_image_close(img);
	if (!code)
		code = ozr_zip_commit(zip, &err);
	ozr_store_unref(zip);
	return code;
}

static void compare(struct ozr_store *parent, const struct scene *s)
{
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	CHECK_OK(ozr_store_open_zip(parent, "a.ozx", OZR_READ, &zip, &err));
	CHECK_OK(ozr_image_open(zip, "", OZR_READ, &img, &err));
	scene_compare(s, img);
	ozr_image_close(img);
	ozr_store_unref(zip);
}

static struct ozr_image_options options(int shards, int version)
{
	const uint64_t shape[] = {21, 50, 47}, chunk[] = {4, 8, 16};
	struct ozr_image_options opt = scene_options(OZR_UINT16, 3, shape, chunk);
	opt.levels = 3;
	opt.ome_version = version;
	opt.no_shards = !shards;
	if (shards) {
		opt.shard[0] = 8;
		opt.shard[1] = 16;
		opt.shard[2] = 32;
	}
	return opt;
}

static void test_images(void)
{
	static const filling fillings[] = {pull, push};
	struct ozr_ctx *ctx = scene_ctx(THREADS, NULL);
	for (int kind = 0; kind < PARENTS; kind++) {
		for (int i = 0; i < 6; i++) {
			const struct ozr_image_options opt =
				options(i % 3 == 0, i % 3 == 2 ? 4 : 5);
			struct scene s;
			quick_temp_dir(root);
			scene_open(&s, &opt);
			scene_paint(&s, (uint64_t)i);
			struct ozr_store *parent = open_parent(ctx, (enum parent)kind);
			CHECK_OK(make(parent, &s, fillings[i / 3], NULL));
			compare(parent, &s);
			ozr_store_unref(parent);
			scene_close(&s);
			remove_tree(root);
		}
	}
	ozr_ctx_unref(ctx);
}

/* --- An archive that is read while it is made -------------------------------------------- */

/* A label beside its image, a second image, what is there is seen. */
static void test_labels(void)
{
	struct ozr_image_options opt = options(1, 5), label = opt;
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *parent = scene_store_mem(ctx), *zip = NULL;
	struct ozr_image *img = NULL, *of = NULL, *again = NULL;
	struct scene s, l;
	label.method = OZR_MODE;
	scene_open(&s, &opt);
	scene_paint(&s, 1);
	scene_open(&l, &label);
	scene_paint(&l, 2);
	CHECK_OK(ozr_zip_create(parent, "a.ozx", NULL, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	CHECK_OK(ozr_label_create(img, "cells", &label, &of, &err));
	CHECK_OK(pull(of, &l));
	CHECK_OK(ozr_image_commit(of, NULL, &err));
	ozr_image_close(of);
	CHECK_OK(pull(img, &s));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_CODE(OZR_EXISTS, ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &again, &err));
	/* The committed image is open, its values are not to be had yet. */
	char *json = NULL;
	CHECK_OK(ozr_image_attributes(img, &json, &err));
	CHECK(strstr(json, "multiscales"));
	ozr_text_free(json);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
	compare(parent, &s);
	CHECK_OK(ozr_store_open_zip(parent, "a.ozx", OZR_READ, &zip, &err));
	CHECK_OK(ozr_image_open(zip, "labels/cells", OZR_READ, &img, &err));
	scene_compare(&l, img);
	ozr_image_close(img);
	ozr_store_unref(zip);
	scene_close(&s);
	scene_close(&l);
	ozr_store_unref(parent);
	ozr_ctx_unref(ctx);
}

/* An image that is given up, then another one in the same archive. */
static void test_second_attempt(void)
{
	const struct ozr_image_options opt = options(1, 5), flat = options(0, 5);
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *parent = scene_store_mem(ctx), *zip = NULL;
	struct ozr_image *img = NULL;
	struct scene s, f;
	scene_open(&s, &opt);
	scene_paint(&s, 1);
	scene_open(&f, &flat);
	scene_paint(&f, 2);
	CHECK_OK(ozr_zip_create(parent, "a.ozx", NULL, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &flat, &img, &err));
	CHECK_OK(pull(img, &f));
	ozr_image_close(img);
	CHECK_CODE(OZR_NOT_FOUND, ozr_hierarchy_check(zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	CHECK_OK(pull(img, &s));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
	compare(parent, &s);
	scene_close(&s);
	scene_close(&f);
	ozr_store_unref(parent);
	ozr_ctx_unref(ctx);
}

/* --- Order -------------------------------------------------------------------------------- */

/* Where a member's name stands for the first time: in its local header. */
static const char *name_at(const char *archive, size_t len, const char *name)
{
	const char *at = memmem(archive, len, name, strlen(name));
	CHECK(at);
	return at;
}

/* Metadata lie before the pixels, the root's first, though they are complete only at the end. */
static void test_metadata_first(void)
{
	static const char *const names[] = {"0/zarr.json", "1/zarr.json", "2/zarr.json", "0/c/0"};
	enum { LONG = 20000 };
	struct ozr_image_options opt = options(1, 5);
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *parent = scene_store_mem(ctx), *zip = NULL;
	struct ozr_image *img = NULL;
	struct ozr_object *o = NULL;
	struct scene s;
	char json[LONG + 64];
	opt.omero = 1; /* windows are known last of all */
	scene_open(&s, &opt);
	scene_paint(&s, 1);
	CHECK_OK(ozr_zip_create(parent, "a.ozx", NULL, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	snprintf(json, sizeof json, "{\"note\": \"%0*d\"}", LONG, 7);
	CHECK_OK(ozr_image_set_attributes(img, json, &err));
	CHECK_OK(ozr_image_set_level_attributes(img, 1, json, &err));
	CHECK_OK(pull(img, &s));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
	compare(parent, &s);
	CHECK_OK(ozr_object_open(parent, "a.ozx", &o, &err));
	char *archive = malloc(o->size);
	const struct ozr_range all = {0, o->size};
	void *dst = archive;
	CHECK_OK(ozr_object_read(o, 1, &all, &dst, &err));
	const char *before = name_at(archive, o->size, "zarr.json");
	CHECK(before == archive + 30);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *at = name_at(archive, o->size, names[i]);
		CHECK(at > before);
		before = at;
	}
	free(archive);
	ozr_object_close(o);
	scene_close(&s);
	ozr_store_unref(parent);
	ozr_ctx_unref(ctx);
}

/* --- Faults ------------------------------------------------------------------------------- */

static long failures;

/* Returns whether the fault struck. */
static int fail_at(struct scene *s, enum parent kind, filling fill, int call, long at, int error)
{
	const struct ozr_zip_options opt = {.read_only = 1};
	struct ozr_ctx *ctx = scene_ctx(2, &fault_sys);
	struct ozr_store *parent = open_parent(ctx, kind);
	struct ozr_object *o = NULL;
	fault_arm(call, at, error, 0);
	const int code = make(parent, s, fill, &opt);
	const int struck = fault_disarm();
	failures += code != OZR_OK;
	if (code) {
		CHECK(struck);
		CHECK(call == FAULT_ALLOC || call == FAULT_RESIZE ? code == OZR_NO_MEMORY
								  : code != OZR_NOT_FOUND);
		CHECK(err.msg[0]);
		CHECK_CODE(OZR_NOT_FOUND, ozr_object_open(parent, "a.ozx", &o, &err));
	} else {
		compare(parent, s);
	}
	if (kind != MEMORY && call != FAULT_UNLINKAT && call != FAULT_OPEN_BENEATH)
		CHECK(count_entries(root, "") == !code);
	if (!code && kind != MEMORY)
		CHECK(unlink(join(root, "a.ozx")) == 0);
	ozr_store_unref(parent);
	ozr_ctx_unref(ctx);
	return struck;
}

static void test_faults(void)
{
	const uint64_t shape[] = {9, 20, 24}, chunk[] = {4, 8, 8};
	struct ozr_image_options opt = scene_options(OZR_UINT8, 3, shape, chunk);
	struct scene s;
	opt.levels = 2;
	opt.no_shards = 0;
	opt.shard[0] = opt.shard[1] = opt.shard[2] = 16;
	scene_open(&s, &opt);
	scene_paint(&s, 1);
	for (int kind = 0; kind < PARENTS; kind++) {
		if (kind == PART)
			continue;
		long most = 0;
		quick_temp_dir(root);
		failures = 0;
		for (int call = 0; call < FAULT_CALLS; call++) {
			const int error = call <= FAULT_RESIZE ? ENOMEM : EIO;
			for (int i = 0; i < 2; i++) {
				long n = 1;
				while (fail_at(&s, (enum parent)kind, i ? push : pull, call, n,
					       error))
					n += 1 + n / 16;
				most = n > most ? n : most;
			}
		}
		CHECK(most > 100 && failures > 50);
		remove_tree(root);
	}
	scene_close(&s);
}

int main(void)
{
	test_images();
	test_labels();
	test_second_attempt();
	test_metadata_first();
	test_faults();
	return 0;
}
