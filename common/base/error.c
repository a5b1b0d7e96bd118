/* SPDX-License-Identifier: MIT */
/*
 * Filling, prefixing and naming errors. A message is cut at the end of the
 * fixed buffer, never inside a UTF-8 character, so that it stays printable.
 */
#include "ozr/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* What was cut may end in half a character: take that off. */
static void trim_tail(char *msg, size_t cap)
{
	size_t n = strnlen(msg, cap - 1);
	msg[n] = 0;
	if (n < cap - 1)
		return;
	size_t start = n;
	while (start > 0 && n - start < 3 && ((unsigned char)msg[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && !ozr_utf8_step(msg + start - 1, n - start + 1, NULL))
		msg[start - 1] = 0;
}

static void fill(struct ozr_err *err, int code, int sys, const char *fmt, va_list args)
{
	err->code = code;
	err->sys = sys;
	if (vsnprintf(err->msg, sizeof(err->msg), fmt, args) < 0)
		err->msg[0] = 0;
	trim_tail(err->msg, sizeof(err->msg));
}

int ozr_fail(struct ozr_err *err, int code, const char *fmt, ...)
{
	if (!err)
		return code;
	va_list args;
	va_start(args, fmt);
	fill(err, code, 0, fmt, args);
	va_end(args);
	return code;
}

static int code_of(int sys)
{
	switch (sys) {
	case ENOENT:
		return OZR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return OZR_DENIED;
	case ENOMEM:
		return OZR_NO_MEMORY;
	case EEXIST:
		return OZR_EXISTS;
	default:
		return OZR_IO;
	}
}

/* In English whatever the host's locale is, so that messages stay UTF-8 and searchable. */
static const char *describe(int sys, char *buf, size_t n)
{
#ifdef __GLIBC__
	const char *text = strerrordesc_np(sys);
	if (text)
		return text;
#else
	if (strerror_r(sys, buf, n) == 0)
		return buf;
#endif
	snprintf(buf, n, "error %d", sys);
	return buf;
}

int ozr_fail_errno(struct ozr_err *err, int sys, const char *fmt, ...)
{
	int code = code_of(sys);
	if (!err)
		return code;
	va_list args;
	va_start(args, fmt);
	fill(err, code, sys, fmt, args);
	va_end(args);

	char buf[64];
	size_t n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", describe(sys, buf, sizeof(buf)));
	return code;
}

int ozr_err_context(struct ozr_err *err, int code, const char *fmt, ...)
{
	if (!err)
		return code;
	char old[sizeof(err->msg)];
	memcpy(old, err->msg, sizeof(old));
	old[sizeof(old) - 1] = 0;

	int sys = err->sys;
	va_list args;
	va_start(args, fmt);
	fill(err, code, sys, fmt, args);
	va_end(args);

	size_t n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
	trim_tail(err->msg, sizeof(err->msg));
	return code;
}

const char *ozr_code_name(int code)
{
	static const char *const names[] = {
		"OK",    "NOT_FOUND", "NO_MEMORY",  "BAD_ARG", "IO",
		"NET",   "DENIED",    "BAD_FORMAT", "CORRUPT", "UNSUPPORTED",
		"LIMIT", "BUSY",      "CANCELLED",  "CHANGED", "EXISTS",
	};
	if (code > 0 || code <= -(int)(sizeof(names) / sizeof(names[0])))
		return "UNKNOWN";
	return names[-code];
}

/* Control characters (C1 too: terminals obey them) and what is not UTF-8. */
static int needs_escape(const char *text, size_t len, size_t *n)
{
	uint32_t c = 0;
	*n = ozr_utf8_step(text, len, &c);
	if (*n == 0) {
		*n = 1;
		return 1;
	}
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

const char *ozr_quote(char buf[OZR_QUOTE_MAX], const char *text, size_t len)
{
	enum { TAKE = 80, TAIL = 4 }; /* TAIL: "..." and the NUL */
	static const char hex[] = "0123456789abcdef";
	size_t in = 0, out = 0;

	while (in < len) {
		size_t n;
		int escape = needs_escape(text + in, len - in, &n);
		if (in + n > TAKE || out + (escape ? 4 * n : n) > OZR_QUOTE_MAX - TAIL) {
			memcpy(buf + out, "...", 3);
			out += 3;
			break;
		}
		for (size_t i = 0; i < n; i++, in++) {
			unsigned char b = (unsigned char)text[in];
			if (!escape) {
				buf[out++] = (char)b;
				continue;
			}
			buf[out++] = '\\';
			buf[out++] = 'x';
			buf[out++] = hex[b >> 4];
			buf[out++] = hex[b & 15];
		}
	}
	buf[out] = 0;
	return buf;
}
