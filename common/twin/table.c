/* SPDX-License-Identifier: MIT */
/*
 * The table of tiles: see table.h. In the scratch file a record lies where its
 * number says; what was never written there reads as zeros.
 */
#include "twin/table.h"

#include <errno.h>
#include <string.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "base/spool.h"
#include "base/sys.h"

struct ozr_tile_table {
	struct ozr_ctx *ctx;
	const struct ozr_sys *sys;
	struct ozr_tile_place *place; /* or NULL: in the file */
	int fd;
};

int ozr_tile_table_new(struct ozr_ctx *ctx, uint64_t tiles, size_t memory,
		       struct ozr_tile_table **out, struct ozr_err *err)
{
	struct ozr_tile_table *t = ozr_calloc(ctx, 1, sizeof(*t), err);
	int rc = OZR_OK;

	if (t == NULL)
		return ozr_alloc_code(err);
	t->ctx = ozr_ctx_ref(ctx);
	t->sys = ozr_ctx_sys(ctx);
	t->fd = -1;
	if (tiles <= memory / sizeof(*t->place)) {
		t->place = ozr_calloc(ctx, tiles, sizeof(*t->place), err);
		if (t->place == NULL)
			rc = ozr_alloc_code(err);
	} else {
		rc = ozr_scratch_open(t->sys, &t->fd, err);
	}
	if (rc == OZR_OK)
		*out = t;
	else
		ozr_tile_table_free(t);
	return rc;
}

void ozr_tile_table_free(struct ozr_tile_table *t)
{
	if (t == NULL)
		return;
	struct ozr_ctx *ctx = t->ctx;
	if (t->fd >= 0)
		t->sys->close(t->fd);
	ozr_free(ctx, t->place);
	ozr_free(ctx, t);
	ozr_ctx_unref(ctx);
}

int ozr_tile_table_put(struct ozr_tile_table *t, uint64_t first, size_t n,
		       const struct ozr_tile_place *place, struct ozr_err *err)
{
	size_t bytes = n * sizeof(*place);
	uint64_t at = first * sizeof(*place);

	if (t->place != NULL) {
		memcpy(t->place + first, place, bytes);
		return OZR_OK;
	}
	for (size_t done = 0; done < bytes;) {
		ssize_t part = t->sys->pwrite(t->fd, (const char *)place + done, bytes - done,
					      (off_t)(at + done));
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return ozr_fail_errno(err, part < 0 ? errno : ENOSPC,
					      "write %zu places of tiles to the scratch file", n);
		done += (size_t)part;
	}
	return OZR_OK;
}

int ozr_tile_table_get(struct ozr_tile_table *t, uint64_t first, size_t n,
		       struct ozr_tile_place *place, struct ozr_err *err)
{
	size_t bytes = n * sizeof(*place);
	uint64_t at = first * sizeof(*place);

	if (t->place != NULL) {
		memcpy(place, t->place + first, bytes);
		return OZR_OK;
	}
	for (size_t done = 0; done < bytes;) {
		ssize_t part = t->sys->pread(t->fd, (char *)place + done, bytes - done,
					     (off_t)(at + done));
		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return ozr_fail_errno(err, errno,
					      "read %zu places of tiles from the scratch file", n);
		if (part == 0) { /* nobody wrote that far */
			memset((char *)place + done, 0, bytes - done);
			break;
		}
		done += (size_t)part;
	}
	return OZR_OK;
}
