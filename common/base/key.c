/* SPDX-License-Identifier: MIT */
/*
 * The key grammar: see key.h. Nothing is normalised away: a key is right or
 * it is refused, so that two spellings never mean one value.
 */
#include "base/key.h"

#include <string.h>

#include "base/utf8.h"

/* What is wrong with one segment, or NULL. */
static const char *segment_fault(const char *s, size_t n)
{
	static const char ours[] = ".ozr-";

	if (n == 0)
		return "has an empty segment";
	if (n > 255)
		return "has a segment of more than 255 bytes";
	if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
		return "has a segment \".\" or \"..\"";
	if (n >= sizeof(ours) - 1 && memcmp(s, ours, sizeof(ours) - 1) == 0)
		return "has a segment that starts with \".ozr-\", which is reserved";
	if (n == 2 && s[1] == ':' && ((s[0] | 32) >= 'a' && (s[0] | 32) <= 'z'))
		return "has a segment that looks like a drive";
	return NULL;
}

static const char *character_fault(const char *s, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		uint32_t c;
		step = ozr_utf8_step(s + i, n - i, &c);
		if (step == 0)
			return "is not UTF-8";
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return "has a control character";
		if (c == '\\')
			return "has a backslash";
	}
	return NULL;
}

static const char *key_fault(const char *key, size_t n)
{
	if (n == 0)
		return "is empty";
	if (n > OZR_KEY_MAX)
		return "is longer than 1024 bytes";
	const char *fault = character_fault(key, n);
	for (size_t at = 0; !fault && at <= n;) {
		const char *slash = memchr(key + at, '/', n - at);
		size_t end = slash ? (size_t)(slash - key) : n;
		fault = segment_fault(key + at, end - at);
		at = end + 1;
	}
	return fault;
}

static int check(const char *what, const char *key, size_t n, struct ozr_err *err)
{
	const char *fault = key_fault(key, n);
	if (!fault)
		return OZR_OK;
	char q[OZR_QUOTE_MAX];
	return ozr_fail(err, OZR_BAD_FORMAT, "%s '%s' %s", what, ozr_quote(q, key, n), fault);
}

int ozr_key_check(const char *key, struct ozr_err *err)
{
	return check("key", key, strnlen(key, OZR_KEY_MAX + 1), err);
}

int ozr_prefix_check(const char *prefix, struct ozr_err *err)
{
	if (!prefix[0])
		return OZR_OK;
	return check("prefix", prefix, strnlen(prefix, OZR_KEY_MAX + 1), err);
}

int ozr_key_join(char *out, const char *prefix, const char *name, struct ozr_err *err)
{
	char joined[OZR_KEY_MAX + 2]; /* one more than allowed, so that check() sees it */
	size_t a = strnlen(prefix, OZR_KEY_MAX + 1);
	size_t b = strnlen(name, OZR_KEY_MAX + 1);
	size_t sep = a > 0;

	if (a + sep + b > OZR_KEY_MAX)
		return ozr_fail(err, OZR_BAD_FORMAT, "key of %zu bytes is longer than 1024 bytes",
				a + sep + b);
	memcpy(joined, prefix, a);
	if (sep)
		joined[a] = '/';
	memcpy(joined + a + sep, name, b);
	joined[a + sep + b] = 0;
	int code = check("key", joined, a + sep + b, err);
	if (code)
		return code;
	memcpy(out, joined, a + sep + b + 1);
	return OZR_OK;
}
