/* SPDX-License-Identifier: MIT */
/*
 * The inside of an array handle, shared by the files of this folder.
 */
#ifndef OZR_ARRAY_IMPL_H
#define OZR_ARRAY_IMPL_H

#include <stdatomic.h>

#include "array/meta.h"
#include "base/cache.h"
#include "base/ctx.h"

struct ozr_writer;

struct ozr_array {
	struct ozr_ctx *ctx;     /* owned reference */
	struct ozr_store *store; /* owned reference */
	char *path;
	struct ozr_meta meta;
	uint64_t id;                   /* of {store, path}, for cache keys */
	int fresh;                     /* made by ozr_array_create() in this handle */
	_Atomic uint64_t meta_version; /* of the metadata object; 0: not published yet */
	_Atomic uint64_t seen_version; /* a later one, found to be the same array */
	struct ozr_writer *writer;     /* NULL: read-only */
};

/* An empty handle: closed by ozr_array_close(). */
int ozr_array_new(struct ozr_store *s, const char *path, struct ozr_array **out,
		  struct ozr_err *err) OZR_MUST_CHECK;
/* Read and parse what is at path. */
int ozr_array_load(struct ozr_store *s, const char *path, struct ozr_meta *meta, uint64_t *version,
		   struct ozr_err *err) OZR_MUST_CHECK;
/* After chunks were found missing: OZR_OK when the array is still the one that was opened
 * (or has grown), else OZR_CHANGED. */
int ozr_array_still_there(struct ozr_array *a, struct ozr_err *err) OZR_MUST_CHECK;
/* Put members into the attributes that this handle knows (null members delete): all of a change
 * before the array is published, else what follows one in the store. */
int ozr_array_merge_attributes(struct ozr_array *a, const struct ozr_json *changes,
			       struct ozr_err *err) OZR_MUST_CHECK;
/* Put "array 'path': " in front. */
int ozr_array_context(const struct ozr_array *a, int rc, struct ozr_err *err);

/* What a cached block of bytes is. */
enum ozr_cached {
	OZR_CACHED_INDEX,
	OZR_CACHED_TABLE,
	OZR_CACHED_CHUNK,
	OZR_CACHED_BLOCK,
	OZR_CACHED_ENCODED /* of a chunk, where reading them costs a round trip */
};

/* One version of a stored value: {array, key, object version}; windows hash their offset in. */
uint64_t ozr_bytes_identity(const struct ozr_array *a, const char *key, uint64_t version);
struct ozr_cache_key ozr_array_cache_key(uint64_t identity, enum ozr_cached kind, uint64_t number);

/* An open object as bytes for the codecs. */
struct ozr_bytes_at ozr_bytes_at_object(struct ozr_object *o, uint64_t identity);

/* Hooks of the write side; all are no-ops on read-only handles. */
int ozr_writer_new(struct ozr_array *a, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_writer_free(struct ozr_writer *w);
/* OZR_BAD_ARG in a forked child, whose copy of the parent's handle may not write. */
int ozr_writer_owned(const struct ozr_writer *w, struct ozr_err *err) OZR_MUST_CHECK;
/* A read of what may wait in this handle. Between hold and release nothing of what the boxes touch
 * is published, so that what is stored and what waits are of one moment; overlay puts what waits
 * over what was read. */
struct ozr_hold {
	struct ozr_writer *writer;
	struct ozr_open_shard **shard; /* sorted by address */
	size_t n;
};
int ozr_hold_begin(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		   const struct ozr_call *call, struct ozr_hold *hold,
		   struct ozr_err *err) OZR_MUST_CHECK;
int ozr_hold_overlay(const struct ozr_hold *hold, size_t n, const struct ozr_box *boxes,
		     const struct ozr_call *call, struct ozr_err *err) OZR_MUST_CHECK;
/* Ends what begin began, also after an error; publishes what was completed meanwhile. */
int ozr_hold_release(struct ozr_hold *hold, const struct ozr_call *call,
		     struct ozr_err *err) OZR_MUST_CHECK;

#endif
