/* SPDX-License-Identifier: MIT */
/*
 * Commit: data first, metadata last. What waits in the pyramid engine and in
 * the levels is written, then the metadata of the arrays, of the groups in
 * between, of the image itself; a staged image then takes its place by one
 * rename. Afterwards the handle is an opened image.
 */
#include "base/ctx.h"
#include "ome/group.h"
#include "ome/making.h"

static int write_levels(struct ozr_image *img, const struct ozr_call *call, struct ozr_err *err)
{
	int rc = OZR_OK;

	if (img->build != NULL) {
		rc = img->build_finish(img, call, err);
		img->build_free(img);
	}
	for (unsigned i = 0; rc == OZR_OK && i < img->info.levels; i++) {
		rc = ozr_array_flush(img->level[i].array, call, err);
		if (rc != OZR_OK)
			(void)ozr_err_context(err, rc, "level %u ('%s')", i, img->level[i].path);
	}
	return rc;
}

static int publish_levels(struct ozr_image *img, struct ozr_err *err)
{
	for (unsigned i = 0; i < img->info.levels; i++) {
		int rc = ozr_array_publish(img->level[i].array, err);
		if (rc != OZR_OK)
			return ozr_err_context(err, rc, "level %u ('%s')", i, img->level[i].path);
	}
	return OZR_OK;
}

/* The image is published already; only the windows can say more now than at the beginning. All
 * else may have been changed meanwhile, by this handle or by others. */
static int publish_windows(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_json *doc = NULL;

	for (uint64_t i = 0; i < img->stats_count; i++)
		if (!img->stats[i].any)
			return OZR_OK;
	if (img->stats_count == 0)
		return OZR_OK;
	int rc = ozr_making_windows(img, &doc, err);
	if (rc == OZR_OK)
		rc = ozr_node_merge(img->store, img->path, doc, NULL, NULL, err);
	ozr_json_free(doc);
	return rc;
}

/* A staged label is in place. When nobody lists it, it must not be there either. */
static int list_in_place(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_making *m = img->making;

	int rc = ozr_label_list(img, 0, err);
	if (rc != OZR_OK && !m->replaces && ozr_tree_remove(img->ctx, m->target, NULL) != OZR_OK)
		return ozr_err_context(err, rc, "the label stays, unlisted");
	return rc;
}

static int publish(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_making *m = img->making;
	int rc;

	if (m->mode == OZR_CREATE_PUBLISH_EMPTY) {
		rc = publish_windows(img, err);
	} else {
		rc = publish_levels(img, err);
		if (rc == OZR_OK)
			rc = ozr_making_publish(img, err);
	}
	if (rc == OZR_OK)
		rc = ozr_label_list(img, m->mode == OZR_CREATE_STAGE, err);
	if (rc == OZR_OK)
		rc = ozr_store_sync(img->store, err);
	if (rc == OZR_OK && m->mode == OZR_CREATE_STAGE) {
		struct ozr_stage *stage = m->stage;
		m->stage = NULL;
		rc = ozr_stage_commit(stage, err);
		if (rc == OZR_OK)
			rc = list_in_place(img, err);
	}
	return rc;
}

/* Turn the handle into one that reads what was written. If that cannot be opened the levels
 * that wrote it go on serving: the image itself is complete. */
static void reopen(struct ozr_image *img)
{
	struct ozr_making *m = img->making;
	struct ozr_image *fresh = NULL, old;
	struct ozr_err err;
	int rc;

	img->making = NULL;
	if (m->mode == OZR_CREATE_STAGE)
		rc = ozr_image_open_dir(img->ctx, m->target, img->path, OZR_READ, &fresh, &err);
	else
		rc = ozr_image_open(img->store, img->path,
				    m->mode == OZR_CREATE_DIRECT ? OZR_READ : OZR_UPDATE, &fresh,
				    &err);
	ozr_making_free(img->ctx, m);
	if (rc != OZR_OK) {
		img->flags = OZR_READ;
		ozr_note(&img->notes, "%s", err.msg);
		return;
	}
	for (unsigned i = 0; i < img->notes.count; i++)
		ozr_note(&fresh->notes, "%s", img->notes.text[i]);
	old = *img;
	*img = *fresh;
	*fresh = old;
	ozr_image_free(fresh);
}

int ozr_image_commit(struct ozr_image *img, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	if (img->making == NULL)
		return ozr_fail(err, OZR_BAD_ARG, "commit: the image is not being created");
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (rc != OZR_OK)
		return ozr_err_context(err, rc, "commit");
	rc = write_levels(img, call, err);
	if (rc == OZR_OK && call != NULL && call->cancelled != NULL && call->cancelled(call->user))
		rc = ozr_fail(err, OZR_CANCELLED, "cancelled");
	if (rc == OZR_OK) /* the host may have forked in there */
		rc = ozr_image_owned(img, err);
	if (rc == OZR_OK)
		rc = publish(img, err);
	if (rc == OZR_OK) {
		reopen(img);
		return OZR_OK;
	}
	const char *where =
		img->making->mode == OZR_CREATE_STAGE ? img->making->target : img->store->location;
	(void)ozr_err_context(err, rc, "create '%s'", where);
	ozr_making_abort(img);
	return rc;
}
