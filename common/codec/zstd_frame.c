/* SPDX-License-Identifier: MIT */
/*
 * zstd frames as bytes (RFC 8878): whether they are one whole frame, and the
 * header that it would have if it told its content size. The window descriptor
 * stays, so that blocks mean what they meant; the field of the size grows to
 * four bytes, which may hold any size, or to eight.
 */
#include <string.h>

#include "codec/repack.h"

enum {
	MAGIC_BYTES = 4,
	FLAG_SINGLE = 1 << 5,
	FLAG_RESERVED = 1 << 3,
	FLAG_CHECKSUM = 1 << 2,
	SIZE_SHIFT = 6,       /* of the descriptor's bits that say how long the content size is */
	WINDOW_MAX = 17 << 3, /* 2^(10 + 17): what streaming decoders take by default */
	BLOCK_BYTES = 3,
	BLOCK_MAX = 128 << 10,
	CHECKSUM_BYTES = 4
};
enum block_type { BLOCK_RAW, BLOCK_RLE, BLOCK_COMPRESSED, BLOCK_RESERVED };

static uint64_t load_le(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* The fields of a frame's header. */
struct fields {
	unsigned descriptor;
	int has_window;
	unsigned window;
	int has_size;
	uint64_t size;
	size_t len; /* of the header */
};

/* A constant that says what is wrong, or NULL. */
static const char *parse_header(const unsigned char *p, size_t len, struct fields *f)
{
	static const unsigned char dictionary_bytes[] = {0, 1, 2, 4}, size_bytes[] = {0, 2, 4, 8};
	const size_t fixed = MAGIC_BYTES + 1;

	if (len < fixed)
		return "is too short for a frame";
	if (load_le(p, MAGIC_BYTES) != 0xfd2fb528)
		return (load_le(p, MAGIC_BYTES) & 0xfffffff0) == 0x184d2a50
			       ? "begins with a skippable frame"
			       : "does not begin like a frame";
	f->descriptor = p[MAGIC_BYTES];
	if (f->descriptor & FLAG_RESERVED)
		return "has an unknown kind of header";
	f->has_window = !(f->descriptor & FLAG_SINGLE);
	const unsigned dictionary = dictionary_bytes[f->descriptor & 3];
	unsigned n = size_bytes[f->descriptor >> SIZE_SHIFT];
	if (n == 0 && !f->has_window)
		n = 1;
	f->has_size = n > 0;
	f->len = fixed + (unsigned)f->has_window + dictionary + n;
	if (len < f->len)
		return "ends within its header";
	p += fixed;
	f->window = f->has_window ? *p++ : 0;
	if (f->window > WINDOW_MAX)
		return "has a window of more than 128 MiB";
	if (load_le(p, dictionary) != 0)
		return "needs a dictionary";
	f->size = load_le(p + dictionary, n) + (n == 2 ? 256 : 0);
	return NULL;
}

/* Walk the blocks from p on: where the last one ends, or NULL. */
static const unsigned char *skip_blocks(const unsigned char *p, const unsigned char *end)
{
	unsigned last;

	do {
		if (end - p < BLOCK_BYTES)
			return NULL;
		const uint64_t head = load_le(p, BLOCK_BYTES);
		const enum block_type type = (enum block_type)(head >> 1 & 3);
		const uint64_t size = type == BLOCK_RLE ? 1 : head >> 3;
		last = head & 1;
		p += BLOCK_BYTES;
		if (type == BLOCK_RESERVED || head >> 3 > BLOCK_MAX || size > (uint64_t)(end - p))
			return NULL;
		p += size;
	} while (!last);
	return p;
}

static void make_header(const struct fields *f, uint64_t content, struct ozr_frame *out)
{
	const unsigned wide = content > UINT32_MAX;
	unsigned char *p = out->header;
	uint64_t rest = content;

	for (uint32_t magic = 0xfd2fb528; magic; magic >>= 8)
		*p++ = (unsigned char)magic;
	*p++ = (unsigned char)((wide ? 3 : 2) << SIZE_SHIFT | (f->descriptor & FLAG_CHECKSUM));
	*p++ = (unsigned char)f->window;
	for (unsigned i = 0; i < (wide ? 8U : 4U); i++, rest >>= 8)
		*p++ = (unsigned char)rest;
	out->len = (size_t)(p - out->header);
	out->old = f->len;
	out->state = OZR_FRAME_HEADER;
}

void ozr_zstd_frame_look(const void *src, size_t len, uint64_t content, struct ozr_frame *out)
{
	const unsigned char *p = src, *end = p + len;
	struct fields f = {0};

	memset(out, 0, sizeof(*out));
	out->state = OZR_FRAME_OTHER;
	out->why = parse_header(p, len, &f);
	if (out->why)
		return;
	out->checksum = (f.descriptor & FLAG_CHECKSUM) != 0;
	p = skip_blocks(p + f.len, end);
	if (!p || (out->checksum && end - p < CHECKSUM_BYTES)) {
		out->why = "is cut off or damaged";
		return;
	}
	p += out->checksum ? CHECKSUM_BYTES : 0;
	if (p != end)
		out->why = "has more behind the first frame";
	else if (f.has_size && f.size != content)
		out->why = "declares another size";
	else if (f.has_size)
		out->state = OZR_FRAME_READY;
	else
		make_header(&f, content, out);
}
