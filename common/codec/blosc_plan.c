/* SPDX-License-Identifier: MIT */
/*
 * How the encoder codes a chunk: c-blosc has one way for all data, a sample
 * tells which is best for these.
 *
 * The low byte planes of camera and CT data are noise: a search for matches
 * finds next to nothing there and costs most of the time. Such planes are coded
 * apart ("split") with hardly a search. Labels are the other way round: they
 * repeat whole items, which a shuffle tears apart, so a frame without shuffle
 * may be written: every reader goes by the frame's own flags. And zstd's level
 * 5, which is c-blosc's level 3, takes three times as long as zstd's 3 and
 * often gains nothing on blocks this short. Choices that cost bytes are taken
 * only when they cost less than 2 % of what c-blosc would write.
 */
#include <string.h>

#include "codec/blosc.h"

enum {
	ITEMS = 17 << 10, /* sampled in a row: zstd takes other settings below 16 KiB */
	TABLE = 100,      /* bytes of a stream that do not grow with it: a sample overstates them */
	DEARER = 64,      /* 1/64 more than c-blosc's bytes is fine when it is faster */
	STORED = -1,      /* zstd level: runs and long matches, no entropy coding of literals */
	QUICK = 3         /* zstd level tried in place of higher ones */
};

struct sample {
	const struct ozr_filter *f;
	struct ozr_blosc_plan *p;
	struct ozr_worker *w;
	const unsigned char *src;
	size_t len;
	unsigned char *planes, *out; /* len bytes each */
};

/* Bytes of one stream at a level. */
static int stream_size(const struct sample *s, int level, const unsigned char *src, size_t n,
		       size_t *out, struct ozr_err *err)
{
	int rc = ozr_blosc_stream_pack(s->p, s->w, level, src, n, s->out, n - 1, out, err);
	if (*out == 0)
		*out = n;
	return rc;
}

/* Bytes of the sample in one stream, shuffled or not. */
static int whole_size(const struct sample *s, int level, int shuffled, size_t *out,
		      struct ozr_err *err)
{
	return stream_size(s, level, shuffled ? s->planes : s->src, s->len, out, err);
}

static int less_by(size_t a, size_t b, size_t part)
{
	return a + a / part < b;
}

/* Noise may be so even that counting it gains nothing either: then literals are stored, which
 * decodes faster. *size is what OZR_ZSTD_NOISE gives, and what the level found gives. */
static int noise_level(const struct sample *s, const unsigned char *plane, size_t n, int *level,
		       size_t *size, struct ozr_err *err)
{
	size_t stored = 0;
	int rc = stream_size(s, STORED, plane, n, &stored, err);
	int even = !less_by(*size, stored, 256);
	*level = even ? STORED : OZR_ZSTD_NOISE;
	*size = even ? stored : *size;
	return rc;
}

/* Level of each plane: for noise, or the plan's. *sum is what they give. */
static int plan_planes(const struct sample *s, unsigned planes, unsigned *noise, size_t *sum,
		       struct ozr_err *err)
{
	size_t n = s->len / planes, tables = (planes - 1) * TABLE;
	*noise = 0;
	*sum = 0;
	for (unsigned k = 0; k < planes; k++) {
		size_t fast = 0, quick = 0;
		const unsigned char *plane = s->planes + k * n;
		int rc = stream_size(s, OZR_ZSTD_NOISE, plane, n, &fast, err);
		if (rc == OZR_OK)
			rc = stream_size(s, s->p->level, plane, n, &quick, err);
		int is_noise = !less_by(quick, fast, 128) && quick > n / 4;
		s->p->plane_level[k] = s->p->level;
		if (rc == OZR_OK && is_noise)
			rc = noise_level(s, plane, n, &s->p->plane_level[k], &fast, err);
		if (rc)
			return rc;
		*noise += (unsigned)is_noise;
		*sum += is_noise ? fast : quick;
	}
	*sum -= tables < *sum / 2 ? tables : 0;
	return OZR_OK;
}

/* Items of one byte: one stream, and `most` is its size at the full level. */
static int plan_bytes(const struct sample *s, int full, size_t most, struct ozr_err *err)
{
	size_t fast = 0, quick = most;
	int rc = whole_size(s, OZR_ZSTD_NOISE, 0, &fast, err);
	if (rc == OZR_OK && s->p->level != full)
		rc = whole_size(s, s->p->level, 0, &quick, err);
	if (!less_by(most, fast, DEARER))
		s->p->level = OZR_ZSTD_NOISE;
	else if (less_by(most, quick, DEARER))
		s->p->level = full;
	return rc;
}

/* zstd: split or not, shuffled or not, and the levels. */
static int plan_zstd(const struct sample *s, int full, int may_split, struct ozr_err *err)
{
	struct ozr_blosc_plan *p = s->p;
	size_t most = 0, split = 0, whole = 0, plain = 0; /* most: what c-blosc would make */
	unsigned noise = 0;
	int rc = whole_size(s, full, p->shuffle, &most, err);
	if (rc == OZR_OK && !p->shuffle)
		return plan_bytes(s, full, most, err);
	if (rc == OZR_OK && may_split)
		rc = plan_planes(s, s->f->typesize, &noise, &split, err);
	if (rc == OZR_OK && noise == 0)
		rc = whole_size(s, p->level, 0, &plain, err);
	if (rc == OZR_OK && noise == 0 && p->level != full)
		rc = whole_size(s, p->level, 1, &whole, err);
	p->split = noise > 0 && !less_by(most, split, DEARER);
	p->shuffle = noise > 0 || !less_by(plain, most, 16);
	if (!p->split && p->shuffle && (noise > 0 || less_by(most, whole, DEARER)))
		p->level = full;
	return rc;
}

/* lz4 is too fast for more than one look. */
static int plan_lz4(const struct sample *s, int may_split, struct ozr_err *err)
{
	size_t whole = 0, plain = 0;
	int rc = whole_size(s, s->p->level, 1, &whole, err);
	if (rc == OZR_OK)
		rc = whole_size(s, s->p->level, 0, &plain, err);
	if (rc == OZR_OK) {
		s->p->shuffle = !less_by(plain, whole, 16);
		s->p->split = s->p->shuffle && may_split;
	}
	return rc;
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

int ozr_blosc_stream_pack(const struct ozr_blosc_plan *p, struct ozr_worker *w, int level,
			  const void *src, size_t len, void *dst, size_t cap, size_t *out,
			  struct ozr_err *err)
{
	if (p->zstd)
		return ozr_zstd_pack(w, level, src, len, dst, cap, out, err);
	*out = ozr_lz4_pack(level, src, len, dst, cap);
	return OZR_OK;
}

/* Few items differ from the one before: background. */
static int quiet(const unsigned char *p, size_t len, unsigned item)
{
	size_t changes = 0;
	for (size_t i = item; i < len; i++)
		changes += p[i] != p[i - item];
	return changes < len / 256;
}

/* From the middle of the chunk, or where it is less quiet. 0 in *out: the chunk is too small to
 * choose. */
static int take_sample(struct sample *s, int *out, struct ozr_err *err)
{
	static const size_t eighths[] = {4, 2, 6, 1, 7};
	size_t item = s->f->typesize, chunk = s->len;
	size_t len = ITEMS * (item == 1 ? 4 : item); /* a plane is short, a block of bytes is not */
	const unsigned char *src = s->src;
	*out = chunk >= 3 * len;
	if (!*out)
		return OZR_OK;
	for (unsigned k = 0; k < 5 && (k == 0 || quiet(s->src, len, s->f->typesize)); k++)
		s->src = src + (chunk - len) / 8 / item * eighths[k] * item;
	s->len = len;
	s->planes = ozr_worker_scratch(s->w, OZR_SCRATCH_OTHER, 2 * (uint64_t)len, err);
	if (!s->planes)
		return ozr_alloc_code(err);
	s->out = s->planes + len;
	ozr_shuffle(s->f->typesize, len, s->src, s->planes);
	return OZR_OK;
}

int ozr_blosc_plan_make(const struct ozr_filter *f, struct ozr_worker *w, const void *src,
			size_t len, struct ozr_blosc_plan *out, struct ozr_err *err)
{
	unsigned planes = f->shuffle && f->typesize > 1 ? f->typesize : 1;
	int full = full_level(f), choose = 0;
	struct ozr_blosc_plan p = {.blocksize = pick_blocksize(f, len),
				   .zstd = f->cname == OZR_BLOSC_ZSTD,
				   .shuffle = planes > 1,
				   .level = full};
	struct sample s = {.f = f, .p = &p, .w = w, .src = src, .len = len};
	int may_split = planes > 1 && planes <= OZR_BLOSC_MAX_SPLITS &&
			p.blocksize / planes >= OZR_BLOSC_MIN_BYTES && p.blocksize % planes == 0;
	for (unsigned k = 0; k < planes && may_split; k++)
		p.plane_level[k] = full;
	p.split = !p.zstd && may_split;
	int rc = p.zstd || planes > 1 ? take_sample(&s, &choose, err) : OZR_OK;
	if (rc == OZR_OK && choose && p.zstd) {
		p.level = f->level == 3 || f->level == 4 ? QUICK : full;
		rc = plan_zstd(&s, full, may_split, err);
	} else if (rc == OZR_OK && choose) {
		rc = plan_lz4(&s, may_split, err);
	}
	if (rc == OZR_OK)
		*out = p;
	return rc;
}
