/* SPDX-License-Identifier: MIT */
/*
 * Encoded bytes: open objects as seen by the codecs, and the identities under
 * which what is decoded from them is cached. An identity names one version of
 * one value, so nothing in the cache has to be dropped when a value changes.
 */
#include "array/array_impl.h"

#include <inttypes.h>
#include <string.h>

uint64_t ozr_bytes_identity(const struct ozr_array *a, const char *key, uint64_t version)
{
	uint64_t id = ozr_hash(ozr_hash(a->id, key, strlen(key)), &version, sizeof(version));

	return id ? id : 1; /* 0 is "do not remember" */
}

struct ozr_cache_key ozr_array_cache_key(uint64_t identity, enum ozr_cached kind, uint64_t number)
{
	const uint64_t what[] = {identity, (uint64_t)kind, number};

	return (struct ozr_cache_key){ozr_hash(identity, what, sizeof(what)),
				      ozr_hash(~identity, what, sizeof(what))};
}

/* Ranges are relative to the window [base, base + size) of the object. */
static int read_object(const struct ozr_bytes_at *at, size_t n, const struct ozr_range *ranges,
		       void *const *dst, struct ozr_err *err)
{
	enum { BATCH = 64 };
	struct ozr_range moved[BATCH];

	for (size_t done = 0; done < n;) {
		size_t k = 0;
		for (; k < BATCH && done + k < n; k++) {
			moved[k] = ranges[done + k];
			if (moved[k].offset > at->size ||
			    moved[k].length > at->size - moved[k].offset)
				return ozr_fail(err, OZR_CORRUPT,
						"bytes %" PRIu64 "+%" PRIu64
						" are wanted, but there are %" PRIu64,
						moved[k].offset, moved[k].length, at->size);
			moved[k].offset += at->base;
		}
		int rc = ozr_object_read(at->arg, k, moved, dst + done, err);
		if (rc)
			return rc;
		done += k;
	}
	return OZR_OK;
}

struct ozr_bytes_at ozr_bytes_at_object(struct ozr_object *o, uint64_t identity)
{
	return (struct ozr_bytes_at){
		.read = read_object, .size = o->size, .arg = o, .identity = identity};
}
