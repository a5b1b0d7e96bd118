/* SPDX-License-Identifier: MIT */
/*
 * Images that plans are made of: metadata in memory, without a single pixel, so
 * that shapes may be as large as metadata can say.
 */
#ifndef OZR_TESTS_PLAN_TESTING_H
#define OZR_TESTS_PLAN_TESTING_H

#include <inttypes.h>
#include <stdarg.h>

#include "check.h"
#include "plan.h"

struct sample {
	const char *axes; /* "tczyx", one letter each; '?': a kind of its own; NULL: a bare array */
	unsigned rank, levels;
	uint64_t shape[4][OZR_MAX_RANK];
	const char *dtype; /* NULL: uint16 */
	const char *more;  /* members beside multiscales, after a comma; NULL */
	int no_scales;     /* all levels claim a scale of 1 */
};

struct text {
	char at[8192];
	size_t n;
};

__attribute__((format(printf, 2, 3))) MAYBE_UNUSED static void add(struct text *text,
								   const char *format, ...)
{
	va_list args;
	int got;

	va_start(args, format);
	got = vsnprintf(text->at + text->n, sizeof(text->at) - text->n, format, args);
	va_end(args);
	CHECK(got >= 0 && (size_t)got < sizeof(text->at) - text->n);
	text->n += (size_t)got;
}

static void sample_array(struct ozr_store *store, const struct sample *s, unsigned level,
			 const char *key)
{
	struct text text = {.n = 0};
	struct ozr_err err;

	add(&text, "{\"zarr_format\":3,\"node_type\":\"array\",\"data_type\":\"%s\",\"shape\":[",
	    s->dtype ? s->dtype : "uint16");
	for (unsigned d = 0; d < s->rank; d++)
		add(&text, "%s%" PRIu64, d ? "," : "", s->shape[level][d]);
	add(&text, "],\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[");
	for (unsigned d = 0; d < s->rank; d++)
		add(&text, "%s%u", d ? "," : "", d + 1);
	add(&text, "]}},\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":0,"
		   "\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]}");
	CHECK_OK(ozr_store_put(store, key, text.at, text.n, OZR_PUT_REPLACE, &err));
}

static void sample_group(struct ozr_store *store, const struct sample *s)
{
	struct text text = {.n = 0};
	struct ozr_err err;

	add(&text, "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{"
		   "\"version\":\"0.5\",\"multiscales\":[{\"axes\":[");
	for (unsigned d = 0; d < s->rank; d++) {
		const char *type = strchr("zyx", s->axes[d]) ? "space"
				   : s->axes[d] == 't'       ? "time"
				   : s->axes[d] == 'c'       ? "channel"
							     : "strange";

		add(&text, "%s{\"name\":\"%c\",\"type\":\"%s\"}", d ? "," : "",
		    s->axes[d] == '?' ? (int)('k' + d) : s->axes[d], type);
	}
	add(&text, "],\"datasets\":[");
	for (unsigned i = 0; i < s->levels; i++) {
		add(&text,
		    "%s{\"path\":\"%u\",\"coordinateTransformations\":[{\"type\":\"scale\","
		    "\"scale\":[",
		    i ? "," : "", i);
		for (unsigned d = 0; d < s->rank; d++)
			add(&text, "%s%u", d ? "," : "",
			    s->no_scales || s->shape[0][d] == s->shape[i][d] ? 1U : 1U << i);
		add(&text, "]}]}");
	}
	add(&text, "]}]%s}}}", s->more ? s->more : "");
	CHECK_OK(ozr_store_put(store, "zarr.json", text.at, text.n, OZR_PUT_REPLACE, &err));
}

/* Close it. */
MAYBE_UNUSED static struct ozr_image *sample_open(struct ozr_ctx *ctx, const struct sample *s)
{
	struct ozr_store *store;
	struct ozr_image *img;
	struct ozr_err err;
	char key[32];

	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	for (unsigned i = 0; i < s->levels; i++) {
		snprintf(key, sizeof(key), "%u/zarr.json", i);
		sample_array(store, s, i, s->axes ? key : "zarr.json");
	}
	if (s->axes)
		sample_group(store, s);
	CHECK_OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	ozr_store_unref(store);
	return img;
}

#endif
