/* SPDX-License-Identifier: MIT */
/*
 * OME metadata: what is taken has axes with names, finite transformations and
 * paths that are keys; notes are bounded.
 */
#include <math.h>

#include "base/json.h"
#include "base/key.h"
#include "fuzz.h"
#include "ome/ome_meta.h"

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	(void)i, (void)out, (void)room;
	return 0;
}

static void check(const struct ozr_ome *o)
{
	const struct ozr_image_info *info = &o->info;
	FUZZ_CHECK(info->rank <= OZR_MAX_RANK && info->levels >= 1 && info->levels <= 64);
	FUZZ_CHECK(memchr(info->version, 0, sizeof info->version));
	FUZZ_CHECK(memchr(info->name, 0, sizeof info->name));
	for (unsigned d = 0; d < info->rank; d++)
		FUZZ_CHECK(info->axes[d].name[0] && memchr(info->axes[d].name, 0, 32) &&
			   memchr(info->axes[d].unit, 0, 32));
	for (unsigned i = 0; i < info->levels; i++) {
		FUZZ_CHECK(ozr_key_check(o->dataset[i].path, NULL) == OZR_OK);
		for (unsigned d = 0; d < info->rank; d++) {
			double s = o->dataset[i].t.scale[d], t = o->dataset[i].t.translation[d];
			FUZZ_CHECK(isfinite(s) && s > 0 && isfinite(t));
		}
	}
	for (unsigned i = 0; i < info->channels; i++)
		FUZZ_CHECK(memchr(o->channel[i].label, 0, sizeof o->channel[i].label));
}

static void one(const struct ozr_jref *attributes, int zarr_format)
{
	struct ozr_notes notes = {.ctx = fuzz_ctx()};
	struct ozr_ome o;
	struct ozr_err err;
	int rc = ozr_ome_parse(fuzz_ctx(), attributes, zarr_format, &notes, &o, &err);
	if (rc) {
		fuzz_check_error(rc, &err);
	} else {
		check(&o);
		ozr_ome_release(&o);
	}
	FUZZ_CHECK(notes.count <= OZR_NOTES_MAX);
	ozr_notes_release(&notes);
	(void)ozr_ome_is_image(attributes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ozr_json *doc = NULL;
	if (ozr_json_parse(fuzz_ctx(), (const char *)data, size, OZR_JSON_PYTHON, &doc, NULL))
		return 0;
	struct ozr_jref root = ozr_jroot(doc), inner = ozr_jget(&root, "attributes");
	for (int format = 2; format <= 3; format++) {
		one(&root, format);
		if (inner.v)
			one(&inner, format);
	}
	ozr_json_free(doc);
	return 0;
}
