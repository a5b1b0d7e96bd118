/* SPDX-License-Identifier: MIT */
/*
 * The life of a change of levels: under a lock that nobody waits for, since a
 * change can take hours. The paths of the new arrays are noted in the group's
 * metadata before the first byte of them is written, and those of dropped
 * levels by the put that drops them, so that whatever a crash leaves is found.
 */
#include "ozr/levels.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "ome/levels_impl.h"
#include "ome/ome_meta.h"

/* --- end ------------------------------------------------------------------------------ */

static void release(struct ozr_levels *l)
{
	struct ozr_image *img = l->img;
	struct ozr_ctx *ctx = img->ctx;

	for (unsigned i = 0; l->next != NULL && i < l->count; i++)
		if (l->next[i].old < 0)
			ozr_free(ctx, l->next[i].level.path);
	for (unsigned i = 0; l->gone != NULL && i < l->gone_count; i++)
		ozr_free(ctx, l->gone[i]);
	if (l->lock != NULL && l->pid == getpid())
		ozr_store_unlock(img->store, l->lock);
	ozr_free(ctx, l->gone);
	ozr_free(ctx, l->next);
	ozr_free(ctx, l->levels);
	ozr_free(ctx, l->type);
	ozr_free(ctx, l->method);
	ozr_free(ctx, l->version);
	ozr_json_free(l->group);
	ozr_free(ctx, l);
	img->changing = 0;
}

void ozr_levels_abort(struct ozr_levels *l)
{
	if (l == NULL)
		return;
	ozr_ctx_enter(l->img->ctx);
	for (unsigned i = 0; l->next != NULL && i < l->count; i++)
		if (l->next[i].added >= 0)
			ozr_array_close(l->next[i].level.array);
	/* By the note that is stored, since a put that failed may have taken place all the same.
	 * What resists is removed by the next change. */
	if (l->noted && l->pid == getpid() && ozr_levels_sweep(l->img, NULL) != OZR_OK)
		l->noted = 0;
	release(l);
}

/* --- what there is ---------------------------------------------------------------------- */

static const struct ozr_next *find(const struct ozr_levels *l, unsigned added)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->next[i].added == (int)added)
			return &l->next[i];
	return NULL;
}

struct ozr_array *ozr_levels_array(struct ozr_levels *l, unsigned i)
{
	const struct ozr_next *n = find(l, i);
	return n != NULL ? n->level.array : NULL;
}

unsigned ozr_levels_index(const struct ozr_levels *l, unsigned i)
{
	const struct ozr_next *n = find(l, i);
	return n != NULL ? (unsigned)(n - l->next) : 0;
}

unsigned ozr_levels_count(const struct ozr_levels *l)
{
	return l->count;
}

/* --- begin ------------------------------------------------------------------------------- */

static int check(const struct ozr_image *img, const struct ozr_levels_options *opt,
		 struct ozr_err *err)
{
	const unsigned need = OZR_STORE_WRITE | OZR_STORE_DELETE | OZR_STORE_LIST;

	if ((img->flags & OZR_UPDATE) == 0 || img->making != NULL || img->build != NULL)
		return ozr_fail(err, OZR_BAD_ARG, "the image is not open for update");
	if (img->pid != getpid())
		return ozr_fail(
			err, OZR_BAD_ARG,
			"the image was opened by the process that this one was forked from");
	if (img->info.is_bare)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"a bare array has no metadata to list levels in");
	if (img->changing)
		return ozr_fail(err, OZR_BUSY, "the levels are being changed already");
	if ((img->store->caps & need) != need)
		return ozr_fail(err, OZR_UNSUPPORTED, "the store cannot write, list and delete");
	for (unsigned i = 0; i < opt->added; i++) {
		int coarser = 0;
		for (unsigned d = 0; d < img->info.rank; d++) {
			unsigned f = opt->add[i].factor[d];
			if (f == 0)
				return ozr_fail(err, OZR_BAD_ARG,
						"axis '%s': the factor must be 1 or more, found 0",
						img->info.axes[d].name);
			coarser |= f > 1;
		}
		if (!coarser)
			return ozr_fail(err, OZR_BAD_ARG, "a new level must be coarser");
	}
	return OZR_OK;
}

static int keeps(const struct ozr_levels_options *opt, unsigned level)
{
	return level == 0 || (opt->keep != NULL && opt->keep[level]);
}

static double elements(const struct ozr_image *img, const struct ozr_level *l)
{
	double n = 1.0;
	for (unsigned d = 0; d < img->info.rank; d++)
		n *= (double)l->shape[d];
	return n;
}

static void describe(const struct ozr_image *img, const struct ozr_levels_options *opt, unsigned i,
		     struct ozr_next *n)
{
	const struct ozr_level *first = &img->level[0];

	*n = (struct ozr_next){.old = -1, .added = (int)i};
	for (unsigned d = 0; d < img->info.rank; d++) {
		const unsigned f = opt->add[i].factor[d];
		const uint64_t from = first->shape[d], to = from / f + (from % f != 0);
		n->level.shape[d] = to;
		n->ratio[d] = opt->same_extent && to > 0 ? (double)from / (double)to : (double)f;
		n->level.scale[d] = first->scale[d] * n->ratio[d];
		n->level.translation[d] =
			first->translation[d] + first->scale[d] * (n->ratio[d] - 1.0) / 2.0;
	}
}

/* Old levels in their order, new ones among them by size. */
static void arrange(struct ozr_levels *l, const struct ozr_levels_options *opt)
{
	const struct ozr_image *img = l->img;

	for (unsigned i = 0; i < img->info.levels; i++)
		if (keeps(opt, i))
			l->next[l->count++] = (struct ozr_next){
				.old = (int)i, .added = -1, .level = img->level[i]};
	for (unsigned i = 0; i < opt->added; i++) {
		struct ozr_next n;
		unsigned at = 1;
		describe(img, opt, i, &n);
		while (at < l->count &&
		       elements(img, &l->next[at].level) >= elements(img, &n.level))
			at++;
		memmove(&l->next[at + 1], &l->next[at], (l->count - at) * sizeof(*l->next));
		l->next[at] = n;
		l->count++;
	}
}

static int copy_text(struct ozr_ctx *ctx, const char *text, char **out, struct ozr_err *err)
{
	*out = text != NULL ? ozr_strdup(ctx, text, err) : NULL;
	return text != NULL && *out == NULL ? ozr_alloc_failed(err) : OZR_OK;
}

/* Everything that commit needs, so that after its put nothing can fail. */
static int plan(struct ozr_levels *l, const struct ozr_levels_options *opt, struct ozr_err *err)
{
	struct ozr_image *img = l->img;
	const unsigned limit = ozr_ctx_limits(img->ctx)->levels;

	if (opt->added > limit || img->info.levels + opt->added > 2 * limit)
		return ozr_fail(err, OZR_LIMIT, "%u new levels, the limit (levels) is %u",
				opt->added, limit);
	const unsigned most = img->info.levels + opt->added;
	l->next = ozr_calloc(img->ctx, most, sizeof(*l->next), err);
	l->levels = ozr_calloc(img->ctx, most, sizeof(*l->levels), err);
	l->gone = ozr_calloc(img->ctx, img->info.levels, sizeof(*l->gone), err);
	if (l->next == NULL || l->levels == NULL || l->gone == NULL)
		return ozr_alloc_failed(err);
	arrange(l, opt);
	l->added = opt->added;
	if (l->count > limit)
		return ozr_fail(err, OZR_LIMIT, "%u levels, the limit (levels) is %u", l->count,
				limit);
	int rc = copy_text(img->ctx, opt->type, &l->type, err);
	if (rc == OZR_OK)
		rc = copy_text(img->ctx, opt->method, &l->method, err);
	if (rc == OZR_OK)
		rc = copy_text(img->ctx, opt->version, &l->version, err);
	if (rc == OZR_OK && opt->group != NULL) {
		rc = ozr_json_parse(img->ctx, opt->group, strlen(opt->group), 0, &l->group, err);
		struct ozr_jref root = ozr_jroot(l->group);
		if (rc == OZR_OK)
			rc = ozr_jneed(&root, OZR_JSON_OBJECT, err);
	}
	for (unsigned i = 1; rc == OZR_OK && i < img->info.levels; i++)
		if (!keeps(opt, i))
			rc = copy_text(img->ctx, img->level[i].path, &l->gone[l->gone_count++],
				       err);
	return rc;
}

/* The path of level 0 with another number in the place of its last one: "1", "s1/image". */
static int name_with(const char *first, unsigned number, char out[OZR_KEY_MAX + 1],
		     struct ozr_err *err)
{
	size_t end = strlen(first), start;
	char middle[16];

	while (end > 0 && (first[end - 1] < '0' || first[end - 1] > '9'))
		end--;
	for (start = end; start > 0 && first[start - 1] >= '0' && first[start - 1] <= '9';)
		start--;
	if (end == 0) /* no number: "full_1" */
		start = end = strlen(first);
	snprintf(middle, sizeof(middle), "%s%u", start == end ? "_" : "", number);
	if (start + strlen(middle) + strlen(first + end) > OZR_KEY_MAX)
		return ozr_fail(err, OZR_LIMIT, "the path of level 0 is too long to derive one");
	memcpy(out, first, start);
	memcpy(out + start, middle, strlen(middle));
	memcpy(out + start + strlen(middle), first + end, strlen(first + end) + 1);
	return OZR_OK;
}

static int is_taken(const struct ozr_levels *l, const char *path)
{
	for (unsigned i = 0; i < l->img->info.levels; i++)
		if (strcmp(l->img->level[i].path, path) == 0)
			return 1;
	for (unsigned i = 0; i < l->count; i++)
		if (l->next[i].level.path != NULL && strcmp(l->next[i].level.path, path) == 0)
			return 1;
	return 0;
}

/* A free path, if possible with the level's number. */
static int name_level(struct ozr_levels *l, unsigned i, struct ozr_err *err)
{
	enum { TRIES = 10000 };
	char path[OZR_KEY_MAX + 1];

	for (unsigned number = i; number < i + TRIES; number++) {
		int yes = 0;
		int rc = name_with(l->img->level[0].path, number, path, err);
		if (rc == OZR_OK && !is_taken(l, path))
			rc = ozr_level_is_free(l->img, path, &yes, err);
		if (rc != OZR_OK)
			return rc;
		if (yes)
			return copy_text(l->img->ctx, path, &l->next[i].level.path, err);
	}
	return ozr_fail(err, OZR_EXISTS, "no free path for a new level, up to '%s'", path);
}

static int create_level(struct ozr_levels *l, struct ozr_next *n,
			const struct ozr_levels_options *opt, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	const char *attributes = NULL;

	if (opt->attributes != NULL)
		attributes = opt->attributes(opt->user, n->added, n->level.path, n->level.shape,
					     n->level.scale, n->level.translation);
	int rc = ozr_key_join(path, l->img->path, n->level.path, err);
	if (rc == OZR_OK)
		rc = ozr_array_create_like(l->img->store, path, l->img->level[0].array,
					   n->level.shape, attributes, &n->level.array, err);
	return rc;
}

static int create_levels(struct ozr_levels *l, const struct ozr_levels_options *opt,
			 struct ozr_err *err)
{
	int rc = OZR_OK;

	for (unsigned i = 0; rc == OZR_OK && i < l->count; i++)
		if (l->next[i].added >= 0)
			rc = name_level(l, i, err);
	if (rc == OZR_OK) {
		rc = ozr_node_rewrite(l->img->store, l->img->path, ozr_levels_note, l, err);
		l->noted = rc == OZR_OK;
	}
	for (unsigned i = 0; rc == OZR_OK && i < l->count; i++)
		if (l->next[i].added >= 0)
			rc = create_level(l, &l->next[i], opt, err);
	for (unsigned i = 0; i < l->count; i++)
		l->levels[i] = l->next[i].level;
	return rc;
}

int ozr_levels_begin(struct ozr_image *img, const struct ozr_levels_options *opt,
		     struct ozr_levels **out, struct ozr_err *err)
{
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (rc == OZR_OK)
		rc = check(img, opt, err);
	if (rc != OZR_OK)
		return ozr_err_context(err, rc, "change levels");
	struct ozr_levels *l = ozr_calloc(img->ctx, 1, sizeof(*l), err);
	if (l == NULL)
		return ozr_alloc_failed(err);
	l->img = img;
	l->pid = getpid();
	rc = ozr_image_lock(img, &l->lock, err);
	if (rc == OZR_OK)
		rc = plan(l, opt, err);
	if (rc == OZR_OK)
		rc = ozr_levels_sweep(img, err);
	if (rc == OZR_OK)
		rc = create_levels(l, opt, err);
	if (rc != OZR_OK) {
		ozr_levels_abort(l);
		return ozr_err_context(err, rc, "change levels");
	}
	img->changing = 1;
	*out = l;
	return OZR_OK;
}

/* --- commit -------------------------------------------------------------------------------- */

/* Data, then array metadata, then that of groups in between: all that readers will need. */
static int write_new(struct ozr_levels *l, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_image *img = l->img;
	struct ozr_array_info info;
	char path[OZR_KEY_MAX + 1];
	int rc = OZR_OK;

	ozr_array_get_info(img->level[0].array, &info);
	for (unsigned i = 0; rc == OZR_OK && i < l->count; i++)
		if (l->next[i].added >= 0)
			rc = ozr_array_flush(l->next[i].level.array, call, err);
	if (rc == OZR_OK && call != NULL && call->cancelled != NULL && call->cancelled(call->user))
		rc = ozr_fail(err, OZR_CANCELLED, "cancelled");
	for (unsigned i = 0; rc == OZR_OK && i < l->count; i++) {
		const struct ozr_next *n = &l->next[i];
		if (n->added < 0)
			continue;
		rc = ozr_array_publish(n->level.array, err);
		if (rc == OZR_OK)
			rc = ozr_key_join(path, img->path, n->level.path, err);
		if (rc == OZR_OK)
			rc = ozr_group_make_parents(img->store, path, info.zarr_format, err);
	}
	return rc == OZR_OK ? ozr_store_sync(img->store, err) : rc;
}

/* The image's list is the new one. Cannot fail. */
static void adopt(struct ozr_levels *l)
{
	struct ozr_image *img = l->img;
	struct ozr_level *old = img->level;

	for (unsigned i = 0; i < l->count; i++) {
		struct ozr_next *n = &l->next[i];
		if (n->old >= 0)
			old[n->old].array = NULL;
		n->old = 0; /* the image owns it now */
	}
	for (unsigned i = 0; i < img->info.levels; i++)
		if (old[i].array != NULL) {
			ozr_array_close(old[i].array);
			ozr_free(img->ctx, old[i].path);
		}
	ozr_free(img->ctx, old);
	img->level = l->levels;
	img->info.levels = l->count;
	l->levels = NULL;
	ozr_image_complete_levels(img);
	if (l->type != NULL) {
		img->method = img->info.is_label ? OZR_MODE : OZR_MEAN;
		img->method_known = ozr_ome_method(l->type, &img->method);
	}
}

/* The new list is published: what is listed no more goes. */
static int remove_gone(struct ozr_levels *l, struct ozr_err *err)
{
	struct ozr_image *img = l->img;

	int rc = ozr_consolidated_drop(img->store, img->path, err);
	if (rc == OZR_OK)
		rc = ozr_store_sync(img->store, err);
	return rc == OZR_OK && l->gone_count > 0 ? ozr_levels_sweep(img, err) : rc;
}

int ozr_levels_commit(struct ozr_levels *l, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_image *img = l->img;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(img->ctx);
	int rc = l->pid == getpid() ? write_new(l, call, err)
				    : ozr_fail(err, OZR_BAD_ARG, "this is another process");
	if (rc == OZR_OK)
		rc = ozr_node_rewrite(img->store, img->path, ozr_levels_list, l, err);
	if (rc != OZR_OK) {
		ozr_levels_abort(l);
		return ozr_err_context(err, rc, "change levels");
	}
	adopt(l);
	if (remove_gone(l, err) != OZR_OK) {
		/* The image is right; the next change tries again. */
		(void)ozr_err_context(err, err->code, "levels that were replaced are still there");
		if (call != NULL && call->warn != NULL)
			call->warn(call->user, err->msg);
	}
	release(l);
	return OZR_OK;
}
