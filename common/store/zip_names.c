/* SPDX-License-Identifier: MIT */
/*
 * Names in zip archives: UTF-8 where the entry says so, or where it was made on
 * Unix and its name is valid UTF-8 (Info-ZIP there writes names as they are); else
 * code page 437, whose letters become UTF-8. Info-ZIP's Unicode Path overrides the latter.
 * The result must be a key: base/key.c knows what that is, so traversal,
 * absolute names and control characters end here.
 */
#include <string.h>

#include "base/inflate.h"
#include "base/utf8.h"
#include "store/zip.h"

/* Code page 437, from 0x80 on. */
static const uint16_t letters[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8,
	0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2,
	0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1,
	0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd,
	0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562,
	0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534,
	0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560,
	0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393,
	0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6,
	0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0,
	0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0};

/* As UTF-8; the bytes, or OZR_ZIP_NAME_MAX when they do not fit. */
static size_t from_cp437(const unsigned char *name, size_t len, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned c = name[i] < 0x80 ? name[i] : letters[name[i] - 0x80];
		if (n + 3 >= OZR_ZIP_NAME_MAX)
			return OZR_ZIP_NAME_MAX;
		if (c < 0x80) {
			out[n++] = (char)c;
		} else if (c < 0x800) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 0x3f));
		} else {
			out[n++] = (char)(0xe0 | c >> 12);
			out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			out[n++] = (char)(0x80 | (c & 0x3f));
		}
	}
	return n;
}

static size_t as_it_is(const void *name, size_t len, char *out)
{
	if (len >= OZR_ZIP_NAME_MAX)
		return OZR_ZIP_NAME_MAX;
	memcpy(out, name, len);
	return len;
}

static int is_utf8(const char *name, size_t len)
{
	for (size_t i = 0, step; i < len; i += step) {
		step = ozr_utf8_step(name + i, len - i, NULL);
		if (!step)
			return 0;
	}
	return 1;
}

static size_t decode(const unsigned char *name, size_t len, unsigned flags,
		     const unsigned char *extra, size_t extra_len, char *out)
{
	size_t n = 0;
	if (flags & OZR_ZIP_UTF8)
		return as_it_is(name, len, out);
	const unsigned char *path = ozr_zip_extra(extra, extra_len, OZR_ZIP_EXTRA_PATH, &n);
	/* Made for another name, it is out of date and means nothing. */
	if (path && n > 5 && path[0] == 1 && ozr_zip_u32(path + 1) == ozr_crc32(0, name, len))
		return as_it_is(path + 5, n - 5, out);
	if (flags & OZR_ZIP_UNIX && is_utf8((const char *)name, len))
		return as_it_is(name, len, out);
	return from_cp437(name, len, out);
}

int ozr_zip_name(const unsigned char *name, size_t len, unsigned flags, const unsigned char *extra,
		 size_t extra_len, char out[OZR_ZIP_NAME_MAX], int *is_dir, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	size_t n = decode(name, len, flags, extra, extra_len, out);
	if (n >= OZR_ZIP_NAME_MAX)
		return ozr_fail(err, OZR_BAD_FORMAT,
				"entry '%s': the name of %zu bytes is too long",
				ozr_quote(quoted, (const char *)name, len), len);
	out[n] = '\0';
	if (memchr(out, 0, n))
		return ozr_fail(err, OZR_BAD_FORMAT, "entry '%s': the name has a NUL byte",
				ozr_quote(quoted, out, n));
	*is_dir = n && out[n - 1] == '/';
	if (*is_dir)
		out[n - 1] = '\0';
	int code = ozr_key_check(out, err);
	return code ? ozr_err_context(err, code, "entry '%s'",
				      ozr_quote(quoted, out, n - (size_t)*is_dir))
		    : OZR_OK;
}
