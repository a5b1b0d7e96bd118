/* SPDX-License-Identifier: MIT */
/*
 * Open shards: one object, one version, and the way from a chunk's coordinates
 * to its encoded bytes through one index (or, nested, several). Decoded
 * indices live in the context's cache under the object's version. A shard that
 * is encoded as a whole is decoded into memory first.
 */
#include "array/read.h"

#include <string.h>

#include "base/key.h"

/* The decoded bytes of a shard (or of a nested one) that has filters around it. */
struct ozr_unfiltered {
	struct ozr_unfiltered *next;
	uint64_t identity; /* of the encoded bytes */
	struct ozr_buf buf;
	struct ozr_bytes_at at;
};

static int unfilter(struct ozr_shard *s, const struct ozr_chain *chain,
		    const struct ozr_bytes_at *from, struct ozr_worker *w,
		    const struct ozr_bytes_at **out, struct ozr_err *err)
{
	struct ozr_ctx *ctx = s->a->ctx;
	uint64_t limit = ozr_min_u64(ozr_ctx_limits(ctx)->object_bytes, SIZE_MAX / 2);
	struct ozr_unfiltered *u;
	struct ozr_range all = {0, from->size};
	void *encoded;

	for (u = s->unfiltered; u; u = u->next) {
		if (u->identity == from->identity) {
			*out = &u->at;
			return OZR_OK;
		}
	}
	if (from->size > limit)
		return ozr_fail(err, OZR_LIMIT,
				"shard has %llu bytes, the limit (object_bytes) is %llu",
				(unsigned long long)from->size, (unsigned long long)limit);
	encoded = ozr_worker_scratch(w, OZR_SCRATCH_ENCODED, from->size, err);
	u = encoded ? ozr_calloc(ctx, 1, sizeof(*u), err) : NULL;
	if (!u)
		return ozr_alloc_code(err);
	ozr_buf_init(&u->buf, ctx, (size_t)limit);
	int rc = from->read(from, 1, &all, &encoded, err);
	if (rc == OZR_OK)
		rc = ozr_shard_unfilter(chain, w, encoded, (size_t)from->size, &u->buf, err);
	if (rc) {
		ozr_buf_release(&u->buf);
		ozr_free(ctx, u);
		return rc;
	}
	u->identity = from->identity;
	u->at = ozr_bytes_at_memory(u->buf.data, u->buf.len);
	u->at.identity = ozr_hash(from->identity, "unfiltered", 10) | 1;
	u->next = s->unfiltered;
	s->unfiltered = u;
	*out = &u->at;
	return OZR_OK;
}

int ozr_shard_open(struct ozr_shard *s, const struct ozr_array *a, const uint64_t *coord,
		   struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];

	memset(s, 0, sizeof(*s));
	s->a = a;
	int rc = ozr_meta_key(&a->meta, a->path, coord, key, err);
	struct ozr_hint hint = ozr_shard_hint(&a->meta.grid);
	if (rc == OZR_OK)
		rc = ozr_object_open_for(a->store, key, &hint, &s->object, err);
	if (rc == OZR_NOT_FOUND) {
		s->object = NULL;
		return OZR_OK;
	}
	if (rc == OZR_OK)
		s->at = ozr_bytes_at_object(s->object,
					    ozr_bytes_identity(a, key, s->object->version));
	return rc;
}

void ozr_shard_close(struct ozr_shard *s)
{
	if (!s->a)
		return;
	for (unsigned l = 0; l < OZR_MAX_NESTING; l++)
		ozr_entry_release(s->index[l]);
	while (s->unfiltered) {
		struct ozr_unfiltered *u = s->unfiltered;
		s->unfiltered = u->next;
		ozr_buf_release(&u->buf);
		ozr_free(s->a->ctx, u);
	}
	ozr_object_close(s->object);
	memset(s, 0, sizeof(*s));
}

static int fill_index(const struct ozr_shard_layout *layout, const struct ozr_bytes_at *at,
		      struct ozr_ctx *ctx, struct ozr_shard_entry *entry, struct ozr_err *err)
{
	struct ozr_range range = {0, layout->index_bytes};
	void *bytes;
	int rc;

	if (at->size < layout->index_bytes)
		return ozr_fail(
			err, OZR_CORRUPT, "shard has %llu bytes, its index alone needs %llu",
			(unsigned long long)at->size, (unsigned long long)layout->index_bytes);
	if (!layout->index_at_start)
		range.offset = at->size - layout->index_bytes;
	bytes = ozr_alloc(ctx, layout->index_bytes, err);
	if (!bytes)
		return ozr_alloc_code(err);
	rc = at->read(at, 1, &range, &bytes, err);
	if (rc == OZR_OK)
		rc = ozr_shard_index_decode(layout, bytes, at->size, entry, err);
	ozr_free(ctx, bytes);
	return rc;
}

/* The decoded index of level l of the bytes at, from the cache or into it. */
static int get_index(struct ozr_shard *s, unsigned l, const struct ozr_bytes_at *at,
		     const struct ozr_shard_entry **out, struct ozr_err *err)
{
	const struct ozr_shard_layout *layout = s->a->meta.grid.level[l].layout;
	struct ozr_entry *entry;
	int fill, rc;

	if (s->index[l] && s->index_id[l] == at->identity) {
		*out = ozr_entry_bytes(s->index[l]);
		return OZR_OK;
	}
	rc = ozr_cache_get(s->a->ctx, ozr_array_cache_key(at->identity, OZR_CACHED_INDEX, l),
			   (size_t)layout->entries * sizeof(struct ozr_shard_entry), &entry, &fill,
			   err);
	if (rc)
		return rc;
	if (fill) {
		rc = fill_index(layout, at, s->a->ctx, ozr_entry_bytes(entry), err);
		if (rc) {
			ozr_cache_abandon(entry);
			return rc;
		}
		ozr_cache_publish(entry);
	}
	ozr_entry_release(s->index[l]);
	s->index[l] = entry;
	s->index_id[l] = at->identity;
	*out = ozr_entry_bytes(entry);
	return OZR_OK;
}

int ozr_shard_find(struct ozr_shard *s, const uint64_t *chunk, struct ozr_worker *w,
		   struct ozr_bytes_at *out, struct ozr_err *err)
{
	const struct ozr_grid *g = &s->a->meta.grid;
	const struct ozr_bytes_at *root = &s->at; /* offsets are relative to this ... */
	uint64_t offset = 0, size = s->at.size;   /* ... and the level's bytes are these of it */
	const struct ozr_shard_entry *index;

	memset(out, 0, sizeof(*out));
	if (!s->object)
		return OZR_OK;
	for (unsigned l = 0; l < g->depth; l++) {
		struct ozr_bytes_at at = ozr_bytes_at_window(root, offset, size);
		int rc = OZR_OK;
		if (g->level[l].layout->has_filters) {
			rc = unfilter(s, g->level[l].chain, &at, w, &root, err);
			if (rc)
				return rc;
			offset = 0;
			size = root->size;
			at = ozr_bytes_at_window(root, 0, size);
		}
		rc = get_index(s, l, &at, &index, err);
		if (rc)
			return rc;
		const struct ozr_shard_entry *e = &index[ozr_grid_entry(g, l, chunk)];
		if (e->offset == UINT64_MAX && e->length == UINT64_MAX)
			return OZR_OK;
		offset += e->offset; /* inside size: checked when the index was decoded */
		size = e->length;
	}
	*out = ozr_bytes_at_window(root, offset, size);
	return OZR_OK;
}
