/* SPDX-License-Identifier: MIT */
/*
 * The entries of an archive in order: by place, to refuse what overlaps, and
 * by key, to refuse duplicates and to list. A hash table finds a key at once;
 * entries that find no free slot near theirs, which takes names made for
 * that, are found among the sorted ones. Nothing here is quadratic.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "store/zip.h"

enum { PROBES = 32 };

/* --- Order ------------------------------------------------------------- */

int ozr_zip_compare(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	/* Keys have no control bytes, so 1 is before whatever a key may have. */
	unsigned x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;
	return (x > y) - (x < y);
}

static int by_key(const void *a, const void *b)
{
	const struct ozr_zip_entry *x = *(struct ozr_zip_entry *const *)a;
	const struct ozr_zip_entry *y = *(struct ozr_zip_entry *const *)b;
	return ozr_zip_compare(x->key, y->key);
}

static int by_place(const void *a, const void *b)
{
	const struct ozr_zip_entry *x = *(struct ozr_zip_entry *const *)a;
	const struct ozr_zip_entry *y = *(struct ozr_zip_entry *const *)b;
	return (x->header > y->header) - (x->header < y->header);
}

/* Sets where each entry must end; the least that it takes must fit already. */
static int check_places(struct ozr_zip_directory *d, uint64_t limit, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX], other[OZR_QUOTE_MAX];
	qsort(d->sorted, d->count, sizeof *d->sorted, by_place);
	for (size_t i = 0; i < d->count; i++) {
		struct ozr_zip_entry *e = d->sorted[i],
				     *next = i + 1 < d->count ? d->sorted[i + 1] : NULL;
		uint64_t least;
		e->end = next ? next->header : limit;
		if (!ozr_ckd_add(e->header, (uint64_t)OZR_ZIP_LOCAL_BYTES + e->name_len, &least) &&
		    !ozr_ckd_add(least, e->packed, &least) && least <= e->end)
			continue;
		ozr_quote(quoted, e->key, strlen(e->key));
		if (!next)
			return ozr_fail(err, OZR_CORRUPT,
					"entry '%s': %" PRIu64 " bytes at %" PRIu64
					" reach into the central directory at %" PRIu64,
					quoted, e->packed, e->header, limit);
		return ozr_fail(err, OZR_CORRUPT,
				"entry '%s': %" PRIu64 " bytes at %" PRIu64
				" overlap entry '%s' at %" PRIu64,
				quoted, e->packed, e->header,
				ozr_quote(other, next->key, strlen(next->key)), next->header);
	}
	return OZR_OK;
}

static int check_names(struct ozr_zip_directory *d, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	qsort(d->sorted, d->count, sizeof *d->sorted, by_key);
	for (size_t i = 1; i < d->count; i++) {
		const char *key = d->sorted[i]->key;
		if (strcmp(d->sorted[i - 1]->key, key) == 0)
			return ozr_fail(err, OZR_CORRUPT, "entry '%s': is there twice",
					ozr_quote(quoted, key, strlen(key)));
	}
	return OZR_OK;
}

/* --- Table --------------------------------------------------------------- */

static size_t first_slot(const struct ozr_zip_directory *d, const char *key)
{
	return (size_t)ozr_hash(d->seed, key, strlen(key)) & (d->slots - 1);
}

static void insert(struct ozr_zip_directory *d, size_t entry)
{
	size_t at = first_slot(d, d->entry[entry].key);
	for (unsigned i = 0; i < PROBES; i++, at = (at + 1) & (d->slots - 1))
		if (!d->slot[at]) {
			d->slot[at] = (uint32_t)entry + 1;
			return;
		}
	d->crowded = 1;
}

int ozr_zip_index(struct ozr_zip_directory *d, uint64_t limit, struct ozr_err *err)
{
	d->sorted = ozr_calloc(d->ctx, d->count + 1, sizeof *d->sorted, err);
	if (!d->sorted)
		return ozr_alloc_code(err);
	for (size_t i = 0; i < d->count; i++)
		d->sorted[i] = &d->entry[i];
	int code = check_places(d, limit, err);
	if (!code)
		code = check_names(d, err);
	if (code)
		return code;
	for (d->slots = 64; d->slots < 2 * d->count;)
		d->slots *= 2;
	d->slot = ozr_calloc(d->ctx, d->slots, sizeof *d->slot, err);
	if (!d->slot)
		return ozr_alloc_code(err);
	d->seed = ozr_ctx_serial(d->ctx);
	for (size_t i = 0; i < d->count; i++)
		insert(d, i);
	return OZR_OK;
}

size_t ozr_zip_lower_bound(const struct ozr_zip_directory *d, const char *key)
{
	size_t lo = 0, hi = d->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ozr_zip_compare(d->sorted[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct ozr_zip_entry *ozr_zip_find(const struct ozr_zip_directory *d, const char *key)
{
	size_t at = first_slot(d, key);
	for (unsigned i = 0; i < PROBES && d->slot[at]; i++, at = (at + 1) & (d->slots - 1)) {
		struct ozr_zip_entry *e = &d->entry[d->slot[at] - 1];
		if (strcmp(e->key, key) == 0)
			return e;
	}
	if (!d->crowded)
		return NULL;
	at = ozr_zip_lower_bound(d, key);
	return at < d->count && strcmp(d->sorted[at]->key, key) == 0 ? d->sorted[at] : NULL;
}
