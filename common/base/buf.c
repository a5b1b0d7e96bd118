/* SPDX-License-Identifier: MIT */
/*
 * Growable bytes: doubled in size until the buffer's own ceiling, so that
 * nothing that comes from outside can grow without bound by accident.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void ozr_buf_init(struct ozr_buf *b, struct ozr_ctx *ctx, size_t limit)
{
	b->ctx = ctx;
	b->data = NULL;
	b->len = b->cap = 0;
	b->limit = limit;
}

void ozr_buf_release(struct ozr_buf *b)
{
	ozr_free(b->ctx, b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

int ozr_buf_reserve(struct ozr_buf *b, size_t cap, struct ozr_err *err)
{
	if (cap <= b->cap && b->data)
		return OZR_OK;
	if (cap > b->limit)
		return ozr_fail(err, OZR_LIMIT, "%zu bytes are more than the %zu allowed here", cap,
				b->limit);
	char *data = ozr_resize(b->ctx, b->data, cap, err);
	if (!data)
		return ozr_alloc_code(err);
	b->data = data;
	b->cap = cap;
	return OZR_OK;
}

/* Room for n more bytes, with slack for the next ones. */
static int make_room(struct ozr_buf *b, size_t n, struct ozr_err *err)
{
	if (n <= b->cap - b->len)
		return OZR_OK;
	if (n > b->limit || b->len > b->limit - n)
		return ozr_fail(err, OZR_LIMIT, "more than the %zu bytes allowed here", b->limit);
	size_t need = b->len + n;
	size_t cap = b->cap < 64 ? 128 : b->cap > b->limit / 2 ? b->limit : 2 * b->cap;
	if (cap > b->limit)
		cap = b->limit;
	return ozr_buf_reserve(b, cap > need ? cap : need, err);
}

int ozr_buf_append(struct ozr_buf *b, const void *bytes, size_t n, struct ozr_err *err)
{
	if (n == 0)
		return OZR_OK;
	int code = make_room(b, n, err);
	if (code)
		return code;
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
	return OZR_OK;
}

int ozr_buf_printf(struct ozr_buf *b, struct ozr_err *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return ozr_fail(err, OZR_BAD_ARG, "format '%s' cannot be printed", fmt);
	int code = make_room(b, (size_t)n + 1, err);
	if (code)
		return code;
	va_start(args, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
	return OZR_OK;
}
