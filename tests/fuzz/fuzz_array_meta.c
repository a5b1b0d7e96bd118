/* SPDX-License-Identifier: MIT */
/*
 * Metadata of arrays, Zarr v2 and v3: what is taken has extents, chunks and a
 * chain that fit together, keys for its corner chunks, and survives a change of
 * its shape.
 */
#include "array/meta.h"
#include "base/key.h"
#include "fuzz.h"

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	(void)i, (void)out, (void)room;
	return 0;
}

static void check(struct ozr_meta *m)
{
	const struct ozr_grid *g = &m->grid;
	uint64_t coord[OZR_MAX_RANK] = {0}, shape[OZR_MAX_RANK];
	char key[OZR_KEY_MAX + 1];
	FUZZ_CHECK(g->rank <= OZR_MAX_RANK && (unsigned)g->dtype < OZR_DTYPES && m->chain);
	FUZZ_CHECK(g->elements > 0 && g->elements * g->item <= 1 << 20);
	for (unsigned d = 0; d < g->rank; d++) {
		FUZZ_CHECK(g->chunk[d] > 0 && g->shard[d] % g->chunk[d] == 0);
		FUZZ_CHECK(g->shape[d] <= INT64_MAX);
		coord[d] = g->shape[d] / g->shard[d];
		shape[d] = g->shape[d] < INT64_MAX ? g->shape[d] + 1 : g->shape[d];
	}
	if (ozr_meta_key(m, "a/b", coord, key, NULL) == OZR_OK)
		FUZZ_CHECK(ozr_key_check(key, NULL) == OZR_OK && strncmp(key, "a/b/", 4) == 0);
	FUZZ_CHECK(ozr_meta_compatible(fuzz_ctx(), m, m));
	FUZZ_CHECK(ozr_meta_set_shape(m, shape, NULL) == OZR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct ozr_meta m;
	struct ozr_err err;
	int rc = ozr_meta_parse_v3(fuzz_ctx(), text, size, &m, &err);
	if (rc == OZR_OK) {
		check(&m);
		ozr_meta_release(&m);
	} else {
		fuzz_check_error(rc, &err);
	}
	for (int attributes = 0; attributes < 2; attributes++) {
		rc = ozr_meta_parse_v2(fuzz_ctx(), text, size, attributes ? text : NULL,
				       attributes ? size : 0, &m, &err);
		if (rc == OZR_OK) {
			check(&m);
			ozr_meta_release(&m);
		} else {
			fuzz_check_error(rc, &err);
		}
	}
	return 0;
}
