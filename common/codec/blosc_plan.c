/* SPDX-License-Identifier: MIT */
/*
 * How the encoder codes a chunk: what c-blosc does not look at, a sample tells.
 *
 * The low byte planes of camera and CT data are noise: a search for matches
 * finds nothing there and costs most of the time. Such planes are coded apart
 * ("split") at the fastest level, which still codes literals by their frequency
 * and takes runs. Labels and the like are the other way round: they repeat
 * whole items, which a shuffle tears apart, so the sample is coded both ways
 * and a frame without shuffle may be written. Every reader goes by the frame's
 * own flags, not by the array's metadata.
 */
#include <string.h>

#include "codec/blosc.h"

enum {
	WINDOW = 4096,    /* bytes of a plane looked at in one place, ... */
	PLACES = 8,       /* of which there are at most so many */
	REPEAT = 6,       /* bytes that must recur to count */
	NOISE_LEVEL = -1, /* zstd: literals by frequency, hardly a search */
	PIECE = 32 << 10, /* bytes coded both ways in one place, ... */
	PIECES = 4,       /* of which there are at most so many */
	LZ4_PIECES = 1,
	SPARSE = 64 /* a ratio from which on there is little to code */
};

static uint64_t load_repeat(const unsigned char *p)
{
	uint64_t v = 0;
	memcpy(&v, p, REPEAT);
	return v;
}

enum look { QUIET, STRUCTURE, NOISE };

/* Does a window repeat itself, other than by runs? */
static enum look look_at(const unsigned char *p)
{
	uint16_t last[1024] = {0};
	unsigned varied = 0, repeats = 0;
	for (unsigned i = 1; i < WINDOW; i++)
		varied += p[i] != p[i - 1];
	if (varied < WINDOW / 8)
		return varied < WINDOW / 64 ? QUIET : STRUCTURE;
	for (unsigned i = 1; i + REPEAT <= WINDOW; i++) {
		uint64_t v = load_repeat(p + i);
		uint16_t *slot = &last[v * 0x9e3779b97f4a7c15u >> 54];
		repeats += p[i] != p[i - 1] && *slot != 0 && load_repeat(p + *slot) == v;
		*slot = (uint16_t)i;
	}
	return repeats * 32 < varied ? NOISE : STRUCTURE;
}

static int plane_is_noise(const unsigned char *src, size_t items, unsigned typesize, unsigned plane)
{
	unsigned char window[WINDOW];
	size_t places = items / (16 * WINDOW);
	int votes = 0;
	size_t decided = 0;
	places = places < 1 ? 1 : places > PLACES ? PLACES : places;
	for (size_t k = 0; k < places && decided <= places / 2; k++) {
		size_t at = (items - WINDOW) / places * k + (items - WINDOW) / places / 2;
		const unsigned char *p = src + at * typesize + plane;
		for (size_t i = 0; i < WINDOW; i++)
			window[i] = p[i * typesize];
		enum look l = look_at(window);
		votes += l == NOISE ? 1 : l == STRUCTURE ? -1 : 0;
		decided = (size_t)(votes < 0 ? -votes : votes);
	}
	return votes > 0;
}

/* c-blosc's block sizes; zstd blocks are not smaller than 128 KiB, as its low levels would
 * have them. */
static uint32_t natural_blocksize(const struct ozr_filter *f)
{
	static const uint8_t shift[] = {14, 14, 15, 16, 17, 17, 18, 18, 18, 18};
	uint32_t b = (uint32_t)1 << shift[f->level];
	if (f->cname == OZR_BLOSC_ZSTD) {
		b *= f->level == 9 ? 4 : 2;
		return b < 128 << 10 ? 128 << 10 : b;
	}
	if (f->shuffle) /* blocks are split then: what counts is the size of a plane */
		b *= f->typesize;
	return b < 64 << 10 ? 64 << 10 : b > 1 << 20 ? 1 << 20 : b;
}

static uint32_t pick_blocksize(const struct ozr_filter *f, size_t len)
{
	uint32_t b = f->blocksize ? f->blocksize : natural_blocksize(f);
	if (b < OZR_BLOSC_MIN_BYTES)
		b = OZR_BLOSC_MIN_BYTES;
	if (b > len)
		b = (uint32_t)len;
	return b > f->typesize ? b / f->typesize * f->typesize : b;
}

/* What c-blosc makes of its level. */
static int full_level(const struct ozr_filter *f)
{
	if (f->cname != OZR_BLOSC_ZSTD)
		return 10 - f->level;
	return f->level == 9 ? ozr_zstd_max_level() : 2 * f->level - 1;
}

/* zstd's level 5 takes three times as long as 3 and gains next to nothing on blocks this short,
 * unless there is little to code. */
static int fast_level(const struct ozr_filter *f)
{
	return f->cname == OZR_BLOSC_ZSTD && f->level == 3 ? 3 : full_level(f);
}

int ozr_blosc_stream_pack(const struct ozr_blosc_plan *p, struct ozr_worker *w, int level,
			  const void *src, size_t len, void *dst, size_t cap, size_t *out,
			  struct ozr_err *err)
{
	if (p->zstd)
		return ozr_zstd_pack(w, level, src, len, dst, cap, out, err);
	*out = ozr_lz4_pack(level, src, len, dst, cap);
	return OZR_OK;
}

/* Which form of the sample is shorter? Sets shuffle and level. */
static int try_shuffle(const struct ozr_filter *f, struct ozr_blosc_plan *p, struct ozr_worker *w,
		       const unsigned char *src, size_t len, struct ozr_err *err)
{
	unsigned typesize = f->typesize;
	size_t piece = PIECE / typesize * typesize, pieces = len / (8 * piece), sum[2] = {0, 0};
	unsigned char *s = ozr_worker_scratch(w, OZR_SCRATCH_OTHER, 2 * (uint64_t)PIECE, err);
	if (!s)
		return ozr_alloc_code(err);
	if (piece > len)
		piece = len;
	size_t most = p->zstd ? PIECES : LZ4_PIECES;
	pieces = pieces < 1 ? 1 : pieces > most ? most : pieces;
	for (size_t k = 0; k < pieces; k++) {
		size_t step = (len - piece) / pieces;
		size_t at = (step * k + step / 2) / typesize * typesize;
		for (int shuffled = 0; shuffled < 2; shuffled++) {
			size_t n = 0;
			if (shuffled)
				ozr_shuffle(typesize, piece, src + at, s + PIECE);
			int rc = ozr_blosc_stream_pack(p, w, p->level,
						       shuffled ? s + PIECE : src + at, piece, s,
						       piece - 1, &n, err);
			if (rc)
				return rc;
			sum[shuffled] += n ? n : piece;
		}
	}
	p->shuffle = sum[1] <= sum[0] + sum[0] / 16;
	if (sum[p->shuffle] < pieces * piece / SPARSE)
		p->level = full_level(f);
	return OZR_OK;
}

int ozr_blosc_plan_make(const struct ozr_filter *f, struct ozr_worker *w, const void *src,
			size_t len, struct ozr_blosc_plan *out, struct ozr_err *err)
{
	size_t items = len / f->typesize;
	unsigned planes = f->shuffle && f->typesize > 1 ? f->typesize : 1;
	struct ozr_blosc_plan p = {.blocksize = pick_blocksize(f, len),
				   .zstd = f->cname == OZR_BLOSC_ZSTD,
				   .shuffle = planes > 1,
				   .level = fast_level(f)};
	int noise = 0, rc = OZR_OK;
	int splits = planes <= OZR_BLOSC_MAX_SPLITS &&
		     p.blocksize / f->typesize >= OZR_BLOSC_MIN_BYTES &&
		     p.blocksize % f->typesize == 0;
	for (unsigned k = 0; splits && k < planes; k++) {
		int is = p.zstd && items >= WINDOW && plane_is_noise(src, items, f->typesize, k);
		p.plane_level[k] = is ? NOISE_LEVEL : p.level;
		noise += is;
	}
	if (planes > 1 && !noise && len >= 2 * WINDOW)
		rc = try_shuffle(f, &p, w, src, len, err);
	else if (planes == 1 && noise)
		p.level = NOISE_LEVEL;
	p.split = p.shuffle && splits && (noise || !p.zstd);
	if (rc == OZR_OK)
		*out = p;
	return rc;
}
