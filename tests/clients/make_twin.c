/* SPDX-License-Identifier: MIT */
/*
 * make_twin OUT DTYPE AXES SHAPE [codec=zstd|none] [tile=N] [levels=N] [samples=pages|pixels|planes]
 *           [shard=N] [method=mean|nearest] [scale=S] [unit=U] [name=N] [alpha=N] < PIXELS
 *
 * A file that is a zipped OME-Zarr and an OME-TIFF pyramid, from raw little-endian pixels in C
 * order, plane after plane: make_twin a.ozx uint16 czyx 2,3,700,900 tile=256 < a.raw
 * Chunks that are all 0 are not stored. shard: tiles a side; 0: none. alpha: a channel, from 1 on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ozr/ozr.h"

struct job {
	const char *out;
	struct ozr_image_options opt;
	struct ozr_twin_options how;
	struct ozr_ctx *ctx;
	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_twin *twin;
};

static int parse_axes(struct job *j, const char *axes, const char *shape)
{
	struct ozr_image_options *o = &j->opt;
	char *end;
	for (; axes[o->rank] && o->rank < 5; o->rank++) {
		struct ozr_axis *a = &o->axes[o->rank];
		a->name[0] = axes[o->rank];
		a->kind = *a->name == 't'   ? OZR_AXIS_TIME
			  : *a->name == 'c' ? OZR_AXIS_CHANNEL
					    : OZR_AXIS_SPACE;
		o->shape[o->rank] = strtoull(shape, &end, 10);
		if (end == shape)
			return 0;
		shape = end + (*end == ',');
	}
	return o->rank >= 2 && !axes[o->rank] && !*shape;
}

static int parse_dtype(struct job *j, const char *name)
{
	for (int t = 0; t < OZR_DTYPES; t++) {
		j->opt.dtype = (enum ozr_dtype)t;
		if (strcmp(name, ozr_dtype_name(j->opt.dtype)) == 0)
			return 1;
	}
	return 0;
}

static int parse_option(struct job *j, const char *arg)
{
	static const char *const samples[] = {"auto", "pages", "pixels", "planes"};
	struct ozr_image_options *o = &j->opt;
	const char *value = strchr(arg, '=');
	unsigned y = o->rank - 2, x = o->rank - 1;
	if (!value++)
		return 0;
	switch (arg[0] * 256 + arg[1]) {
	case 'c' * 256 + 'o':
		return snprintf(o->codec.codec, sizeof o->codec.codec, "%s", value) > 0;
	case 't' * 256 + 'i':
		return (o->chunk[y] = o->chunk[x] = strtoull(value, NULL, 10)) > 0;
	case 's' * 256 + 'h':
		o->shard[y] = o->shard[x] = strtoull(value, NULL, 10);
		return !(o->no_shards = o->shard[x] == 0) || 1;
	case 'l' * 256 + 'e':
		return (o->levels = (int)strtol(value, NULL, 10)) > 0;
	case 'm' * 256 + 'e':
		o->method = strcmp(value, "nearest") == 0 ? OZR_NEAREST : OZR_MEAN;
		return 1;
	case 's' * 256 + 'c':
		return (o->scale[y] = o->scale[x] = strtod(value, NULL)) > 0;
	case 'u' * 256 + 'n':
		snprintf(o->axes[y].unit, sizeof o->axes[y].unit, "%s", value);
		return snprintf(o->axes[x].unit, sizeof o->axes[x].unit, "%s", value) > 0;
	case 'a' * 256 + 'l':
		return (o->alpha = strtoull(value, NULL, 10)) > 0;
	case 'n' * 256 + 'a':
		o->name = value;
		return 1;
	default:
		for (unsigned i = 0; i < 4; i++)
			if (strcmp(value, samples[i]) == 0)
				return j->how.samples = (enum ozr_twin_samples)i, 1;
		return 0;
	}
}

/* Level 0 comes plane by plane, the library makes the others. */
static int push_planes(struct job *j, struct ozr_err *err)
{
	const struct ozr_image_options *o = &j->opt;
	unsigned y = o->rank - 2, x = o->rank - 1;
	size_t bytes = (size_t)(o->shape[y] * o->shape[x] * ozr_dtype_size(o->dtype));
	struct ozr_box box = {.dtype = o->dtype, .data = malloc(bytes)};
	int code = OZR_OK, more = box.data != NULL;
	for (unsigned d = 0; d < o->rank; d++)
		box.count[d] = d < y ? 1 : o->shape[d];
	ozr_box_contiguous(&box, o->rank);
	while (more && !code) {
		if (fread(box.data, 1, bytes, stdin) != bytes) {
			snprintf(err->msg, sizeof err->msg, "too few pixels");
			code = OZR_IO;
			break;
		}
		code = ozr_pyramid_push(j->img, &box, NULL, err);
		more = 0; /* the next plane: z is the fastest axis */
		for (unsigned d = y; d-- > 0 && !more; box.start[d] = more ? box.start[d] : 0)
			more = ++box.start[d] < o->shape[d];
	}
	free(box.data);
	return code ? code : ozr_pyramid_finish(j->img, NULL, err);
}

static int make(struct job *j, struct ozr_err *err)
{
	const struct ozr_zip_options zip = {.head = OZR_TWIN_HEAD, .read_only = 1};
	struct ozr_twin_storage storage;
	struct ozr_store **z = &j->zip;
	/* tiles are given, shards in tiles: an extent in pixels for the library */
	for (unsigned d = j->opt.rank - 2; d < j->opt.rank; d++)
		j->opt.shard[d] *= j->opt.chunk[d];
	int code = ozr_twin_complete(&j->opt, &j->how, &storage, err);
	if (!code)
		code = ozr_ctx_new(NULL, &j->ctx, err);
	if (!code)
		code = ozr_zip_create_file(j->ctx, j->out, &zip, OZR_FLUSH_NONE, z, err);
	if (!code)
		code = ozr_image_create(*z, "", OZR_CREATE_DIRECT, &j->opt, &j->img, err);
	if (!code)
		code = ozr_twin_begin(*z, j->img, &j->how, &j->twin, err);
	if (!code)
		code = push_planes(j, err);
	if (!code)
		code = ozr_image_commit(j->img, NULL, err);
	if (!code)
		code = ozr_twin_finish(j->twin, NULL, err);
	if (!code)
		code = ozr_zip_commit(*z, err);
	ozr_twin_free(j->twin); /* what was not committed leaves nothing */
	ozr_image_close(j->img);
	ozr_store_unref(*z);
	ozr_ctx_unref(j->ctx);
	return code;
}

int main(int argc, char **argv)
{
	struct job j = {.out = argc > 1 ? argv[1] : ""};
	struct ozr_err err = {0};
	int fine = argc >= 5 && parse_dtype(&j, argv[2]) && parse_axes(&j, argv[3], argv[4]);
	for (int i = 5; i < argc && fine; i++)
		fine = parse_option(&j, argv[i]);
	if (!fine)
		return fprintf(stderr, "usage: make_twin OUT DTYPE AXES SHAPE [name=value...]\n"),
		       2;
	if (make(&j, &err))
		return fprintf(stderr, "make_twin: %s\n", err.msg), 1;
	return 0;
}
