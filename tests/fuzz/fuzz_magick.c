/* SPDX-License-Identifier: MIT */
/*
 * What users type at ImageMagick: names with brackets, scene lists, defines. The
 * first bytes choose what the text is and what image it is asked of. All that
 * comes out lies within the image and its limits.
 */
#include <inttypes.h>
#include <math.h>

#include "fuzz.h"
#include "plan.h"
#include "region.h"
#include "scenes.h"
#include "words.h"

static const struct {
	uint8_t head[5];
	size_t n; /* bytes of head */
	const char *text;
} seeds[] = {
	{{0}, 1, "vol.ome.zarr[t=3,c=1,z=9]"},
	{{0}, 1, "v.zarr/A/1/0///[z=-2--1,level=-1]"},
	{{0}, 1, "v[label=nuclei,c=\"4,8\"]"},
	{{0}, 1, "v[1=2][3-7]"},
	{{0}, 1, "512x512+100-200"},
	{{1, 19}, 2, "12-10,3,3"},
	{{1, 255}, 2, "-1--3, 0 - 5"},
	{{2}, 1, "omero"},
	{{2}, 1, "-0.5,1e3"},
	{{2}, 1, "tczyx"},
	{{2}, 1, "t=1,z=2-3,label=x"},
	{{3, 1, 2, 3, 4}, 5, "t=1,c=DAPI,level=1"},
	{{3, 16, 5, 5, 9}, 5, "z=4-1,t=-1"},
	{{4, 0, 20, 7, 7}, 5, "0--1,-2"},
	{{4, 3, 1, 1, 1}, 5, "3,3,0"},
};

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	size_t n = i < sizeof(seeds) / sizeof(*seeds) ? strlen(seeds[i].text) : 0;

	if (n == 0 || seeds[i].n + n > room)
		return 0;
	memcpy(out, seeds[i].head, seeds[i].n);
	memcpy(out + seeds[i].n, seeds[i].text, n);
	return seeds[i].n + n;
}

static void check_selection(const struct selection *s)
{
	FUZZ_CHECK(s->n <= MAX_SELECTED);
	for (unsigned i = 0; i < s->n; i++) {
		FUZZ_CHECK(memchr(s->axis[i].axis, 0, sizeof(s->axis[i].axis)));
		FUZZ_CHECK(s->axis[i].axis[0] && memchr(s->axis[i].label, 0, 128));
		FUZZ_CHECK(!s->axis[i].by_label == !s->axis[i].label[0]);
		for (unsigned k = 0; k < i; k++)
			FUZZ_CHECK(!names_equal(s->axis[i].axis, s->axis[k].axis));
	}
}

static void names(const char *text)
{
	struct location at;
	struct ozr_err err;
	int rc = location_parse(text, &at, &err);

	if (rc) {
		FUZZ_CHECK(rc == OZR_BAD_ARG);
		fuzz_check_error(rc, &err);
		return;
	}
	FUZZ_CHECK(at.folder[0] && memchr(at.folder, 0, sizeof(at.folder)));
	FUZZ_CHECK(memchr(at.label, 0, sizeof(at.label)) && !strchr(at.label, '/'));
	FUZZ_CHECK(memchr(at.scenes, 0, sizeof(at.scenes)));
	FUZZ_CHECK(strncmp(at.folder, text, strlen(at.folder)) == 0);
	check_selection(&at.selection);
}

static void scenes(uint64_t planes, const char *text)
{
	struct ozr_err err;
	uint64_t *list;
	size_t n;
	int rc = scenes_parse(text, planes, 1000, &list, &n, &err);

	if (rc) {
		fuzz_check_error(rc, &err);
		return;
	}
	FUZZ_CHECK(n > 0 && n <= 1000);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(list[i] < planes);
	free(list);
}

static void regions(const char *text)
{
	struct wish wish = {0};
	char again[128];

	if (!region_parse(text, &wish)) {
		FUZZ_CHECK(!wish.has_region && !wish.columns && !wish.rows && !wish.x && !wish.y);
		return;
	}
	FUZZ_CHECK(wish.columns <= INT64_MAX && wish.rows <= INT64_MAX && wish.x > INT64_MIN);
	(void)snprintf(again, sizeof(again), "%" PRIu64 "x%" PRIu64 "%+" PRId64 "%+" PRId64,
		       wish.columns, wish.rows, wish.x, wish.y);
	FUZZ_CHECK(region_parse(again, &wish));
}

static const char *get(void *user, const char *key)
{
	(void)key;
	return user; /* the same for all */
}

struct one_define {
	const char *key, *value;
};

static const char *get_one(void *user, const char *key)
{
	const struct one_define *one = user;

	return strcmp(one->key, key) == 0 ? one->value : NULL;
}

static void defines(const char *text)
{
	static const char *const keys[] = {"omezarr:level", "omezarr:channels", "omezarr:window",
					   "omezarr:axes", "omezarr:max-planes"};
	struct read_options options;
	struct ozr_err err;
	char copy[1024];
	struct defines all = {get, copy};

	(void)snprintf(copy, sizeof(copy), "%s", text);
	FUZZ_CHECK(read_options_parse(&all, &options, &err) != OZR_OK); /* nothing suits all */
	fuzz_check_error(err.code, &err);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct one_define one = {keys[i], text};
		const struct defines d = {get_one, &one};
		int rc = read_options_parse(&d, &options, &err);

		if (rc) {
			fuzz_check_error(rc, &err);
			continue;
		}
		check_selection(&options.selection);
		if (options.window == WINDOW_GIVEN)
			FUZZ_CHECK(isfinite(options.low) && isfinite(options.high) &&
				   options.low != options.high);
	}
}

/* --- Plans ------------------------------------------------------------------ */

static void put(struct ozr_store *store, const char *key, const char *text)
{
	FUZZ_CHECK(ozr_store_put(store, key, text, strlen(text), OZR_PUT_REPLACE, NULL) == OZR_OK);
}

/* tczyx of 2 levels; made once. */
static struct ozr_image *image(void)
{
	static struct ozr_image *img;
	static const char array[] =
		"{\"zarr_format\":2,\"shape\":[%s],\"chunks\":[1,1,1,8,8],\"dtype\":\"|u1\","
		"\"compressor\":null,\"fill_value\":0,\"order\":\"C\",\"filters\":null}";
	struct ozr_store *store;
	char text[1024];

	if (img)
		return img;
	FUZZ_CHECK(ozr_store_open_mem(fuzz_ctx(), &store, NULL) == OZR_OK);
	(void)snprintf(text, sizeof(text), array, "4,3,7,30,50");
	put(store, "0/.zarray", text);
	(void)snprintf(text, sizeof(text), array, "4,3,4,15,25");
	put(store, "1/.zarray", text);
	put(store, ".zattrs",
	    "{\"multiscales\":[{\"version\":\"0.4\",\"axes\":[{\"name\":\"t\",\"type\":\"time\"},"
	    "{\"name\":\"c\",\"type\":\"channel\"},{\"name\":\"z\",\"type\":\"space\"},"
	    "{\"name\":\"y\",\"type\":\"space\"},{\"name\":\"x\",\"type\":\"space\"}],"
	    "\"datasets\":[{\"path\":\"0\",\"coordinateTransformations\":[{\"type\":\"scale\","
	    "\"scale\":[1,1,1,1,1]}]},{\"path\":\"1\",\"coordinateTransformations\":[{\"type\":"
	    "\"scale\",\"scale\":[1,1,2,2,2]}]}]}],\"omero\":{\"channels\":["
	    "{\"label\":\"DAPI\",\"color\":\"FF0000\"},{\"label\":\"b\",\"color\":\"00FF00\"},"
	    "{\"color\":\"0000FF\"}]}}");
	FUZZ_CHECK(ozr_image_open(store, "", OZR_READ, &img, NULL) == OZR_OK);
	ozr_store_unref(store);
	return img;
}

static void check_plan(const struct plan *plan)
{
	FUZZ_CHECK(plan->level < 2 && plan->n > 0 && plan->n <= 200 && plan->columns && plan->rows);
	FUZZ_CHECK(plan->x + plan->columns <= plan->shape[4]);
	FUZZ_CHECK(plan->y + plan->rows <= plan->shape[3]);
	for (size_t i = 0; i < plan->n; i++)
		for (unsigned c = 0; c < plan->components; c++) {
			uint64_t index[OZR_MAX_RANK];

			FUZZ_CHECK(plan->list[i] < plan->planes);
			plan_position(plan, plan->list[i], c, index);
			for (unsigned d = 0; d < 5; d++)
				FUZZ_CHECK(index[d] < plan->shape[d]);
		}
	if (plan->whole)
		FUZZ_CHECK(plan->level == 0 && plan->n * plan->components == 84 &&
			   plan->columns == 50 && plan->rows == 30);
}

/* how: mode of channels, and what is wished; text: a selection, or scenes. */
static void plans(const uint8_t how[4], int is_scenes, const char *text)
{
	struct wish wish = {.scenes = is_scenes ? text : NULL, .max_planes = 200};
	struct read_options options = {.channels = (enum channel_mode)(how[0] & 3)};
	struct selection selection = {0};
	struct ozr_err err;
	struct plan plan;
	char label[256] = "";
	int rc;

	wish.has_region = how[0] >> 2 & 1;
	wish.x = (int8_t)how[1];
	wish.y = (int64_t)(int8_t)how[2] * (how[0] & 8 ? INT64_C(1) << 56 : 1);
	wish.columns = how[0] & 16 ? how[3] : UINT64_MAX - how[3];
	wish.rows = how[3];
	wish.least_columns = how[1];
	wish.least_rows = how[2];
	if (!is_scenes && selection_parse(text, &selection, label, &err) != OZR_OK)
		return;
	rc = plan_make(image(), &selection, &options, &wish, &plan, &err);
	if (rc) {
		fuzz_check_error(rc, &err);
		return;
	}
	check_plan(&plan);
	plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 5)
		return 0;
	text = malloc(size + 1);
	FUZZ_CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	switch (data[0] % 5) {
	case 0:
		names(text + 1);
		regions(text + 1);
		break;
	case 1:
		scenes(data[1] == 255 ? UINT64_MAX : data[1] + UINT64_C(1), text + 2);
		break;
	case 2:
		defines(text + 1);
		break;
	default:
		plans(data + 1, data[0] % 5 == 4, text + 5);
	}
	free(text);
	return 0;
}
