/* SPDX-License-Identifier: MIT */
/*
 * Array metadata: documents in, struct out, and back. No I/O: text comes from
 * and goes to array.c. The parsed document is kept, so that members that we do
 * not know survive when the shape changes.
 */
#ifndef OZR_ARRAY_META_H
#define OZR_ARRAY_META_H

#include "array/grid.h"
#include "base/json.h"

struct ozr_meta {
	int zarr_format;
	struct ozr_grid grid;
	struct ozr_chain *chain; /* owned, of the stored objects */
	int key_v2;              /* chunk keys "0/1" instead of "c/0/1" */
	char separator;          /* '/' or '.' */
	int separator_given;     /* 0: v2 document without dimension_separator */
	int has_dim_names;
	char dim_names[OZR_MAX_RANK][32];
	struct ozr_json *doc;   /* owned: zarr.json or .zarray */
	struct ozr_json *attrs; /* owned: .zattrs of v2, or NULL */
};

/* Texts need not be NUL-terminated; zattrs may be NULL. On success the caller owns *out's
 * members (ozr_meta_release). */
int ozr_meta_parse_v2(struct ozr_ctx *ctx, const char *zarray, size_t zarray_len,
		      const char *zattrs, size_t zattrs_len, struct ozr_meta *out,
		      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_meta_parse_v3(struct ozr_ctx *ctx, const char *text, size_t len, struct ozr_meta *out,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* The metadata of a new array: checks the options, makes documents and chain. */
int ozr_meta_new(struct ozr_ctx *ctx, const struct ozr_array_options *opt, struct ozr_meta *out,
		 struct ozr_err *err) OZR_MUST_CHECK;
/* The metadata of a new array that is stored as `like` is, with another shape and attributes
 * (object text or NULL). */
int ozr_meta_like(struct ozr_ctx *ctx, const struct ozr_meta *like, const uint64_t *shape,
		  const char *attributes, struct ozr_meta *out, struct ozr_err *err) OZR_MUST_CHECK;
/* A caller's attributes as an object, empty when there are none. */
int ozr_meta_attributes(struct ozr_ctx *ctx, const char *text, struct ozr_json **out,
			struct ozr_err *err) OZR_MUST_CHECK;
void ozr_meta_release(struct ozr_meta *m);

/* Put m's shape into its document. */
int ozr_meta_set_shape(struct ozr_meta *m, const uint64_t *shape,
		       struct ozr_err *err) OZR_MUST_CHECK;
/* 1 when chunks read under one are right under the other: equal in all but attributes, and b
 * may be larger. */
int ozr_meta_compatible(struct ozr_ctx *ctx, const struct ozr_meta *a, const struct ozr_meta *b);
/* The key of a stored object. out: OZR_KEY_MAX + 1 bytes. */
int ozr_meta_key(const struct ozr_meta *m, const char *path, const uint64_t *shard, char *out,
		 struct ozr_err *err) OZR_MUST_CHECK;

/* For the parsers: shape and chunk extents (lists of equal length), and the chain's spec. */
int ozr_meta_extents(struct ozr_ctx *ctx, const struct ozr_jref *shape,
		     const struct ozr_jref *chunk, uint64_t *extent, struct ozr_chunk_spec *spec,
		     struct ozr_err *err) OZR_MUST_CHECK;
/* A name into 32 bytes, cut between characters. */
void ozr_meta_dim_name(char out[32], const char *name);

#endif
