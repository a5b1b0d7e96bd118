/* SPDX-License-Identifier: MIT */
/*
 * Do both sides of a twin still show the same pixels? What is cheap and most
 * telling comes first: the end of the archive and its directory, the header,
 * the IFDs' checksum, then IFDs against arrays, tiles against chunks, and in a
 * full check the checksums of everything. The first thing that is wrong ends it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "twin/check.h"

/* --- Reports --------------------------------------------------------------------- */

int ozr_twin_damaged(struct ozr_twin_checking *c, const char *fmt, ...)
{
	va_list args;
	c->report->state = OZR_TWIN_DAMAGED;
	if (!c->report->problem[0]) {
		va_start(args, fmt);
		vsnprintf(c->report->problem, sizeof c->report->problem, fmt, args);
		va_end(args);
	}
	return OZR_TWIN_STOP;
}

int ozr_twin_blames_file(int code)
{
	return code == OZR_NOT_FOUND || code == OZR_BAD_FORMAT || code == OZR_CORRUPT ||
	       code == OZR_UNSUPPORTED;
}

int ozr_twin_outcome(struct ozr_twin_checking *c, int code, const struct ozr_err *err)
{
	return ozr_twin_blames_file(code) ? ozr_twin_damaged(c, "%s", err->msg) : code;
}

int ozr_twin_poll(const struct ozr_twin_checking *c, double members, double tiles,
		  struct ozr_err *err)
{
	const struct ozr_call *call = c->call;
	/* Where all bytes are read, that takes the time. */
	const double share = c->depth == OZR_TWIN_BYTES ? 0.9 : 0.1;
	const double fraction = share * members + (1 - share) * tiles;
	if (call && ((call->cancelled && call->cancelled(call->user)) ||
		     (call->progress && call->progress(call->user, fraction))))
		return ozr_fail(err, OZR_CANCELLED, "cancelled");
	return OZR_OK;
}

/* --- Both sides -------------------------------------------------------------------- */

static int read_head(struct ozr_twin_checking *c, struct ozr_err *err)
{
	static const unsigned char header[] = {'I', 'I', 43, 0, 8, 0, 0, 0};
	static const unsigned char entry[] = {'P', 'K', 3, 4};
	const struct ozr_hint hint = {OZR_FIRST_HEAD, sizeof c->head};
	struct ozr_object *o = NULL;
	int code = ozr_object_open_for(c->parent, c->key, &hint, &o, err);
	if (code)
		return code;
	c->size = o->size;
	const struct ozr_range r = {0, ozr_min_u64(o->size, sizeof c->head)};
	void *dst = c->head;
	code = ozr_object_read(o, 1, &r, &dst, err);
	ozr_object_close(o);
	c->has_header = memcmp(c->head, header, sizeof header) == 0;
	c->has_entry = memcmp(c->head + OZR_TWIN_HEAD, entry, sizeof entry) == 0;
	for (int i = 8; i-- > 0;)
		c->first_ifd = c->first_ifd << 8 | c->head[8 + i];
	return code;
}

/* OZR_OK when it was opened or the file is to blame. */
static int attempted(struct ozr_twin_attempt *a, int code, struct ozr_err *err)
{
	a->code = code;
	if (!code || ozr_twin_blames_file(code))
		return OZR_OK;
	if (err)
		*err = a->err;
	return code;
}

static int open_sides(struct ozr_twin_checking *c, struct ozr_err *err)
{
	int code = ozr_store_open_zip(c->parent, c->key, OZR_READ, &c->zip, &c->zip_try.err);
	code = attempted(&c->zip_try, code, err);
	if (!code && c->zip) {
		struct ozr_twin_attempt found;
		code = ozr_zip_placement(c->zip, OZR_TWIN_IFD_KEY, &c->ifds, &found.err);
		code = attempted(&found, code, err);
		if (!code && found.code && found.code != OZR_NOT_FOUND)
			return ozr_twin_damaged(c, "%s", found.err.msg);
	}
	return code;
}

static int open_rest(struct ozr_twin_checking *c, struct ozr_err *err)
{
	int code = OZR_OK;
	if (c->has_header) {
		code = ozr_tiff_open_first(c->parent, c->key, c->brief ? 1 : SIZE_MAX, &c->tiff,
					   &c->tiff_try.err);
		code = attempted(&c->tiff_try, code, err);
	}
	if (!code && c->zip) {
		code = ozr_image_open(c->zip, "", OZR_READ, &c->img, &c->img_try.err);
		code = attempted(&c->img_try, code, err);
	}
	return code;
}

/* What each side is worth by itself, as far as opening it tells. */
static int look_at_sides(struct ozr_twin_checking *c, struct ozr_err *err)
{
	struct ozr_twin_attempt page;
	struct ozr_tiff_page p;
	c->report->zarr_side = c->img != NULL;
	if (!c->tiff)
		return OZR_OK;
	const size_t last = ozr_tiff_pages(c->tiff) - 1;
	int code = attempted(&page, ozr_tiff_page(c->tiff, last, 0, &p, &page.err), err);
	if (!code && !page.code)
		code = attempted(&page, ozr_tiff_page(c->tiff, 0, 0, &p, &page.err), err);
	c->report->tiff_side = !page.code;
	return code;
}

/* --- The order of things ------------------------------------------------------------- */

static int compare(struct ozr_twin_checking *c, struct ozr_err *err)
{
	int code = open_rest(c, err);
	if (!code)
		code = look_at_sides(c, err);
	if (!code && !c->zip)
		return ozr_twin_explain_end(c, err);
	if (!code)
		code = ozr_twin_check_header(c, err);
	if (!code && c->img_try.code)
		code = ozr_twin_damaged(c, "%s", c->img_try.err.msg);
	if (!code)
		code = ozr_twin_check_members(c, err);
	if (!code)
		code = ozr_twin_check_pages(c, err);
	return code;
}

static int check(struct ozr_twin_checking *c, struct ozr_err *err)
{
	int code = read_head(c, err);
	if (!code)
		code = open_sides(c, err);
	if (code)
		return code;
	/* A plain archive, a plain TIFF, or something else. */
	if (!c->ifds.size && !(c->has_header && c->has_entry))
		return OZR_OK;
	code = compare(c, err);
	if (!code)
		c->report->state = OZR_TWIN_INTACT;
	return code;
}

int ozr_twin_check(struct ozr_store *parent, const char *key, enum ozr_twin_depth depth,
		   const struct ozr_call *call, struct ozr_twin_report *out, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	struct ozr_err local;
	struct ozr_twin_report report = {.state = OZR_TWIN_NONE};
	if (!err)
		err = &local;
	ozr_ctx_enter(parent->ctx);
	struct ozr_twin_checking *c = ozr_calloc(parent->ctx, 1, sizeof *c, err);
	if (!c)
		return ozr_alloc_code(err);
	c->ctx = parent->ctx;
	c->parent = parent;
	c->key = key;
	c->depth = depth;
	c->call = call;
	c->report = &report;
	c->brief = depth == OZR_TWIN_QUICK && (parent->caps & OZR_STORE_REMOTE);
	int code = check(c, err);
	ozr_image_close(c->img);
	ozr_tiff_close(c->tiff);
	ozr_store_unref(c->zip);
	ozr_free(parent->ctx, c);
	if (code && code != OZR_TWIN_STOP)
		return ozr_err_context(err, code, "check '%s'",
				       ozr_quote(quoted, key, strlen(key)));
	*out = report;
	return OZR_OK;
}

int ozr_twin_check_file(struct ozr_ctx *ctx, const char *path, enum ozr_twin_depth depth,
			const struct ozr_call *call, struct ozr_twin_report *out,
			struct ozr_err *err)
{
	char name[OZR_NAME_MAX];
	struct ozr_store *folder = NULL;
	int code = ozr_store_open_folder_of(ctx, path, name, &folder, err);
	if (!code)
		code = ozr_twin_check(folder, name, depth, call, out, err);
	ozr_store_unref(folder);
	return code;
}
