/* SPDX-License-Identifier: MIT */
/*
 * Encoded bytes: open objects as seen by the codecs, and the identities under
 * which what is decoded from them is cached. An identity names one version of
 * one value, so nothing in the cache has to be dropped when a value changes.
 */
#include "array/array_impl.h"

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

static int read_object(const struct ozr_bytes_at *at, size_t n, const struct ozr_range *ranges,
		       void *const *dst, struct ozr_err *err)
{
	return ozr_object_read(at->arg, n, ranges, dst, err);
}

struct ozr_bytes_at ozr_bytes_at_object(struct ozr_object *o, uint64_t identity)
{
	return (struct ozr_bytes_at){
		.read = read_object, .size = o->size, .arg = o, .identity = identity};
}
