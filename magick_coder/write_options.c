/* SPDX-License-Identifier: MIT */
/*
 * The defines of writing. Each has a function that reads its value; what no
 * value of one define can decide is checked at the end.
 */
#include "write_options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#define PREFIX "-define omezarr:"

/* --- Words and numbers --------------------------------------------------- */

static int bad(const char *key, const char *value, const char *allowed, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];

	return ozr_fail(err, OZR_BAD_ARG, PREFIX "%s=%s: must be %s", key,
			ozr_quote(quoted, value, strlen(value)), allowed);
}

/* Digits alone. 1 when it is a number from least to most. */
static int whole_number(const char *text, size_t length, uint64_t least, uint64_t most,
			uint64_t *out)
{
	uint64_t n = 0;

	if (length == 0 || length > 18)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*out = n;
	return n >= least && n <= most;
}

static int positive_number(const char *text, size_t length, double *out)
{
	const struct word word = {text, length};

	return word_number(word, out) && *out > 0;
}

/* "64", "8x512x512". */
static int extents(const char *text, struct extents *out)
{
	out->n = 0;
	for (;;) {
		size_t length = strcspn(text, "xX");

		if (out->n == OZR_MAX_RANK ||
		    !whole_number(text, length, 1, INT32_MAX, &out->size[out->n]))
			return 0;
		out->n++;
		if (text[length] == '\0')
			return 1;
		text += length + 1;
	}
}

static int boolean(const char *text, int *out)
{
	static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};

	for (int i = 0; i < (int)(sizeof(words) / sizeof(*words)); i++)
		if (names_equal(text, words[i])) {
			*out = i % 2;
			return 1;
		}
	return 0;
}

/* --- One define each ----------------------------------------------------- */

static int take_version(const char *key, const char *value, struct write_options *o,
			struct ozr_err *err)
{
	if (strcmp(value, "0.4") == 0)
		o->ome_version = 4;
	else if (strcmp(value, "0.5") == 0)
		o->ome_version = 5;
	else
		return bad(key, value, "0.4 or 0.5", err);
	return OZR_OK;
}

static int take_chunk(const char *key, const char *value, struct write_options *o,
		      struct ozr_err *err)
{
	if (!extents(value, &o->chunk))
		return bad(key, value, "numbers from 1 to 2147483647, such as 64 or 1x512x512",
			   err);
	return OZR_OK;
}

static int take_shard(const char *key, const char *value, struct write_options *o,
		      struct ozr_err *err)
{
	o->no_shards = names_equal(value, "none");
	if (!o->no_shards && !extents(value, &o->shard))
		return bad(key, value, "none, or numbers such as 1024 or 1x2048x2048", err);
	return OZR_OK;
}

static int take_compression(const char *key, const char *value, struct write_options *o,
			    struct ozr_err *err)
{
	static const char *const names[] = {"blosc-zstd",  "blosc-lz4",     "blosc-zlib",
					    "blosc-lz4hc", "blosc-blosclz", "zstd",
					    "gzip",        "none"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names_equal(value, names[i])) {
			(void)snprintf(o->codec.codec, sizeof(o->codec.codec), "%s", names[i]);
			return OZR_OK;
		}
	return bad(key, value,
		   "blosc-zstd, blosc-lz4, blosc-zlib, blosc-lz4hc, blosc-blosclz, zstd, gzip or "
		   "none",
		   err);
}

static int take_compression_level(const char *key, const char *value, struct write_options *o,
				  struct ozr_err *err)
{
	int negative = *value == '-';
	uint64_t n;

	if (!whole_number(value + negative, strlen(value + negative), 0, 22, &n))
		return bad(key, value, "a whole number", err);
	o->codec.level = n == 0 ? INT_MIN : negative ? -(int)n : (int)n;
	return OZR_OK;
}

static int take_levels(const char *key, const char *value, struct write_options *o,
		       struct ozr_err *err)
{
	uint64_t n;

	if (!whole_number(value, strlen(value), 1, 64, &n))
		return bad(key, value, "a number from 1 (no pyramid) to 64", err);
	o->levels = (int)n;
	return OZR_OK;
}

static int take_axes(const char *key, const char *value, struct write_options *o,
		     struct ozr_err *err)
{
	static const char allowed[] = "letters of t, c and z, each at most once, and then yx";
	size_t n = strlen(value);

	if (strchr(value, '=') != NULL)
		return OZR_OK; /* positions, for reading: t=3,c=1 */
	if (n < 2 || n > LIST_AXES + 2 || !names_equal(value + n - 2, "yx"))
		return bad(key, value, allowed, err);
	for (size_t i = 0; i < n - 2; i++) {
		char letter = value[i] | 0x20; /* small */

		if (strchr("tcz", letter) == NULL || memchr(o->axes, letter, i) != NULL)
			return bad(key, value, allowed, err);
		o->axes[i] = letter;
	}
	o->axes[n - 2] = '\0';
	o->has_axes = 1;
	return OZR_OK;
}

static int take_size(const char *key, const char *value, struct write_options *o,
		     struct ozr_err *err)
{
	char letter = key[strlen(key) - 1];

	if (!whole_number(value, strlen(value), 1, INT32_MAX,
			  &o->size[letter == 't'   ? LIST_T
				   : letter == 'c' ? LIST_C
						   : LIST_Z]))
		return bad(key, value, "a number from 1 to 2147483647", err);
	return OZR_OK;
}

static int take_dtype(const char *key, const char *value, struct write_options *o,
		      struct ozr_err *err)
{
	for (int t = OZR_INT8; t < OZR_DTYPES; t++)
		if (names_equal(value, ozr_dtype_name((enum ozr_dtype)t))) {
			o->dtype = (enum ozr_dtype)t;
			o->has_dtype = 1;
			return OZR_OK;
		}
	return bad(key, value,
		   "uint8, uint16, uint32, uint64, int8, int16, int32, int64, float32 or float64",
		   err);
}

static int take_pixel_size(const char *key, const char *value, struct write_options *o,
			   struct ozr_err *err)
{
	size_t length = strcspn(value, "xX");
	const char *y = value[length] != '\0' ? value + length + 1 : value;

	if (!positive_number(value, length, &o->pixel_x) ||
	    !positive_number(y, y == value ? length : strlen(y), &o->pixel_y))
		return bad(key, value, "a number above 0, or two (width by height): 0.5x0.4", err);
	return OZR_OK;
}

static int take_z_spacing(const char *key, const char *value, struct write_options *o,
			  struct ozr_err *err)
{
	if (!positive_number(value, strlen(value), &o->z_spacing))
		return bad(key, value, "a number above 0", err);
	return OZR_OK;
}

static int take_text(const char *key, const char *value, char *out, size_t room,
		     struct ozr_err *err)
{
	char allowed[64];

	(void)snprintf(allowed, sizeof(allowed), "text of 1 to %zu bytes", room - 1);
	if (*value == '\0' || strlen(value) >= room)
		return bad(key, value, allowed, err);
	(void)snprintf(out, room, "%s", value);
	return OZR_OK;
}

static int take_unit(const char *key, const char *value, struct write_options *o,
		     struct ozr_err *err)
{
	return take_text(key, value, o->unit, sizeof(o->unit), err);
}

static int take_name(const char *key, const char *value, struct write_options *o,
		     struct ozr_err *err)
{
	return take_text(key, value, o->name, sizeof(o->name), err);
}

static int take_method(const char *key, const char *value, struct write_options *o,
		       struct ozr_err *err)
{
	static const char *const names[] = {"mean", "nearest", "mode"};

	for (int i = OZR_MEAN; i <= OZR_MODE; i++)
		if (names_equal(value, names[i])) {
			o->method = (enum ozr_method)i;
			o->has_method = 1;
			return OZR_OK;
		}
	return bad(key, value, "mean, nearest or mode", err);
}

static int take_flag(const char *key, const char *value, struct write_options *o,
		     struct ozr_err *err)
{
	int *flag = strcmp(key, "label") == 0       ? &o->label
		    : strcmp(key, "overwrite") == 0 ? &o->overwrite
						    : &o->append;

	return boolean(value, flag) ? OZR_OK : bad(key, value, "true or false", err);
}

static int take_rechunk(const char *key, const char *value, struct write_options *o,
			struct ozr_err *err)
{
	/* "1" is a chunk of one element, as it is in omezarr:chunk */
	if (strspn(value, "0123456789xX") == strlen(value) && *value != '\0') {
		o->rechunk = extents(value, &o->rechunk_to);
		if (o->rechunk)
			return OZR_OK;
	} else if (boolean(value, &o->rechunk)) {
		return OZR_OK;
	}
	return bad(key, value, "true, false, or chunks such as 64 or 64x256x256", err);
}

/* --- All of them --------------------------------------------------------- */

static const struct {
	const char *key;
	int (*take)(const char *key, const char *value, struct write_options *o,
		    struct ozr_err *err);
} takers[] = {
	{"version", take_version},
	{"chunk", take_chunk},
	{"shard", take_shard},
	{"compression", take_compression},
	{"compression-level", take_compression_level},
	{"levels", take_levels},
	{"axes", take_axes},
	{"size-t", take_size},
	{"size-c", take_size},
	{"size-z", take_size},
	{"dtype", take_dtype},
	{"pixel-size", take_pixel_size},
	{"z-spacing", take_z_spacing},
	{"unit", take_unit},
	{"name", take_name},
	{"method", take_method},
	{"label", take_flag},
	{"overwrite", take_flag},
	{"append", take_flag},
	{"rechunk", take_rechunk},
};

/* The level that the codec allows. */
static int check_codec(const struct write_options *o, struct ozr_err *err)
{
	const char *codec = o->codec.codec[0] != '\0' ? o->codec.codec : "blosc-zstd";
	int level = o->codec.level == INT_MIN ? 0 : o->codec.level;
	int zstd = strcmp(codec, "zstd") == 0;

	if (o->codec.level == 0)
		return OZR_OK; /* not given */
	if (strcmp(codec, "none") == 0)
		return ozr_fail(err, OZR_BAD_ARG,
				PREFIX
				"compression-level=%d: omezarr:compression=none has no level",
				level);
	if (level < (zstd ? -7 : 0) || level > (zstd ? 22 : 9))
		return ozr_fail(err, OZR_BAD_ARG, PREFIX "compression-level=%d: must be from %s",
				level, zstd ? "-7 to 22 for zstd" : "0 to 9");
	return OZR_OK;
}

/* Sizes and units of what is not there. */
static int check_measures(const struct write_options *o, struct ozr_err *err)
{
	static const char letters[] = "tcz";

	for (unsigned i = 0; i < LIST_AXES; i++)
		if (o->size[i] != 0 && (!o->has_axes || strchr(o->axes, letters[i]) == NULL))
			return ozr_fail(err, OZR_BAD_ARG,
					PREFIX "size-%c: omezarr:axes must name the axis %c",
					letters[i], letters[i]);
	if (o->unit[0] != '\0' && o->pixel_x == 0 && o->z_spacing == 0)
		return ozr_fail(err, OZR_BAD_ARG,
				PREFIX "unit=%s: of omezarr:pixel-size or omezarr:z-spacing, which "
				       "are not given",
				o->unit);
	return OZR_OK;
}

static int check_together(const struct write_options *o, struct ozr_err *err)
{
	if (check_measures(o, err) != OZR_OK)
		return OZR_BAD_ARG;
	if (o->append && o->overwrite)
		return ozr_fail(err, OZR_BAD_ARG,
				PREFIX "append=true: not together with omezarr:overwrite=true");
	if (o->rechunk && !o->append)
		return ozr_fail(err, OZR_BAD_ARG, PREFIX "rechunk: only with omezarr:append=true");
	if (o->label && o->has_method && o->method == OZR_MEAN)
		return ozr_fail(err, OZR_BAD_ARG,
				PREFIX "method=mean: would invent labels, must be mode or nearest");
	if (o->label && o->has_dtype && (o->dtype == OZR_FLOAT32 || o->dtype == OZR_FLOAT64))
		return ozr_fail(err, OZR_BAD_ARG, PREFIX "dtype=%s: labels are integers",
				ozr_dtype_name(o->dtype));
	if (o->ome_version == 4 && o->shard.n != 0)
		return ozr_fail(err, OZR_BAD_ARG, PREFIX "shard: version 0.4 has no shards");
	return check_codec(o, err);
}

int write_options_parse(const struct defines *defines, struct write_options *out,
			struct ozr_err *err)
{
	struct write_options o = {0};

	for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
		char key[64];
		const char *value;
		int rc;

		(void)snprintf(key, sizeof(key), "omezarr:%s", takers[i].key);
		value = defines->get(defines->user, key);
		if (value == NULL)
			continue;
		rc = takers[i].take(takers[i].key, value, &o, err);
		if (rc != OZR_OK)
			return rc;
	}
	if (check_together(&o, err) != OZR_OK)
		return OZR_BAD_ARG;
	*out = o;
	return OZR_OK;
}
