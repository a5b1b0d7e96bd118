/* SPDX-License-Identifier: MIT */
/*
 * The encoder: a list of images becomes an OME-Zarr image. Everything is
 * checked before the first file is made; the store is built beside its place
 * and gets its name at the end, so that a failure leaves what was there.
 */
#include "coder.h"

#include "append.h"
#include "cache_source.h"
#include "describe.h"
#include "known_defines.h"
#include "restore.h"
#include "target.h"
#include "words.h"
#include "writing.h"

/* Parts of the progress: what is read; the rest is the commit, or a second copy. */
static const double made_of_all = 0.95, half_of_all = 0.5;

/* The monitor of the first of several images is muted by ImageMagick. */
static struct meter meter_of(const ImageInfo *info, Image *image)
{
	Image *next = info->adjoin != MagickFalse ? GetNextImageInList(image) : NULL;

	return (struct meter){.image = next ? next : image, .tag = "Save/Image", .to = 1};
}

size_t writing_budget(int grows)
{
	const MagickSizeType memory = GetMagickResourceLimit(MemoryResource);
	const MagickSizeType most = grows ? 8U << 20 : 256U << 20, least = 1U << 20;

	return (size_t)(memory / 2 > most ? most : memory / 2 < least ? least : memory / 2);
}

static double number_of(const ImageInfo *info, const char *key, double otherwise)
{
	const char *text = GetImageOption(info, key);
	double number;

	return text && word_number(word_of(text), &number) ? number : otherwise;
}

void writing_rule(const struct writing *w, int is_label, struct export_rule *out)
{
	export_rule_make(w->dtype, is_label, out);
	out->black = number_of(w->info, "quantum:minimum", 0);
	out->white = number_of(w->info, "quantum:maximum", 1);
	if (out->black == out->white)
		out->black = 0; /* as ImageMagick has it */
}

int writing_pull(struct writing *w, struct ozr_image *made, struct cache_source *source,
		 struct ozr_err *err)
{
	struct ozr_source from = {.user = source, .read = cache_source_read};
	const unsigned x = w->layout.rank - 1;
	struct ozr_call call;
	int rc;

	/* A row of an image is at hand at once, and so are its colors. */
	for (unsigned d = 0; d < w->layout.rank; d++)
		from.block[d] = 1;
	from.block[x] = w->layout.shape[x];
	if (w->layout.component_axis >= 0)
		from.block[w->layout.component_axis] = w->layout.components;
	w->meter.to = w->options.rechunk ? half_of_all : made_of_all;
	meter_call(&w->meter, &call);
	call.budget = writing_budget(w->options.append);
	rc = ozr_pyramid_pull(made, &from, &call, err);
	w->meter.from = w->meter.to;
	w->meter.to = 1;
	return rc;
}

/* What was lost of the values is said once. */
void writing_warn_clamped(const struct writing *w, const struct cache_source *source)
{
	if (source->rule.clamped)
		report_warning(w->exception, w->target.path,
			       "%llu value%s out of the range of %s became an end of it; "
			       "-define omezarr:dtype=float32 keeps them",
			       (unsigned long long)source->rule.clamped,
			       source->rule.clamped == 1 ? "" : "s",
			       ozr_dtype_name(source->rule.dtype));
}

static int create(struct writing *w, const struct description *d, struct ozr_image **out,
		  struct ozr_err *err)
{
	struct ozr_image *made = NULL;
	int rc = target_clear(&w->target, err);

	if (rc == OZR_OK)
		rc = ozr_image_create_dir(w->ctx, w->target.path, w->options.overwrite,
					  OZR_FLUSH_NONE, &d->image, &made, err);
	for (unsigned i = 0; rc == OZR_OK && ozr_image_warning(made, i); i++)
		report_warning(w->exception, w->target.path, "%s", ozr_image_warning(made, i));
	*out = made;
	return rc;
}

int writing_create(struct writing *w, struct ozr_err *err)
{
	struct cache_source source = {0};
	struct description *d = AcquireMagickMemory(sizeof(*d));
	struct export_rule rule;
	struct ozr_image *made = NULL;
	char title[256];
	int rc;

	if (!d)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for options");
	target_title(&w->target, title);
	writing_rule(w, w->options.label, &rule);
	rc = describe(&w->options, &w->images, &w->restored, &w->layout, w->dtype, title,
		      w->exception, d, err);
	if (rc == OZR_OK)
		rc = cache_source_make(&w->images, &w->layout, &rule, w->exception, &source, err);
	if (rc == OZR_OK)
		rc = create(w, d, &made, err);
	if (rc == OZR_OK)
		rc = writing_pull(w, made, &source, err);
	if (rc == OZR_OK)
		rc = ozr_image_commit(made, NULL, err);
	if (rc == OZR_OK)
		writing_warn_clamped(w, &source);
	w->told = source.told;
	ozr_image_close(made);
	cache_source_free(&source);
	(void)RelinquishMagickMemory(d);
	return rc;
}

static int write_list(struct writing *w, struct ozr_err *err)
{
	int rc = target_check(&w->target, &w->images, &w->options, w->exception, err);

	w->dtype = w->options.has_dtype ? w->options.dtype : gathered_dtype(&w->images);
	if (rc != OZR_OK)
		return rc;
	if (w->options.label &&
	    (w->images.list.components > 1 || w->dtype == OZR_FLOAT32 || w->dtype == OZR_FLOAT64))
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:label=true: labels are gray images of integers");
	if (w->options.append && w->target.state == TARGET_STORED)
		return append_planes(w, err);
	restore_axes(&w->images, &w->restored, w->exception);
	rc = layout_make(&w->images.list, &w->options, &w->restored, w->options.append, &w->layout,
			 err);
	if (rc == OZR_OK && w->options.append)
		rc = append_check_axes(w, err);
	if (rc == OZR_OK)
		rc = writing_create(w, err);
	if (rc == OZR_EXISTS && w->options.append) { /* another program has been faster */
		rc = target_check(&w->target, &w->images, &w->options, w->exception, err);
		return rc == OZR_OK ? append_planes(w, err) : rc;
	}
	if (rc == OZR_OK && w->options.rechunk)
		rc = append_rechunk(w, err);
	return rc;
}

static int begin(struct writing *w, Image *image, struct ozr_err *err)
{
	const struct defines defines = defines_of(w->info);
	const int troubled = w->exception->severity >= ErrorException;
	int rc = target_name(w->info, image, &w->target, w->exception, err);

	if (rc == OZR_OK &&
	    coder_allowed(w->target.path, WritePolicyRights, w->exception) == MagickFalse) {
		w->told = 1;
		return OZR_DENIED;
	}
	if (rc == OZR_OK)
		known_defines_check(w->info, w->target.path, w->exception);
	if (rc == OZR_OK)
		rc = write_options_parse(&defines, &w->options, err);
	if (rc == OZR_OK)
		rc = gather(w->info, image, &w->images, w->exception, err);
	/* ImageMagick has said why it could not copy an image */
	w->told = rc != OZR_OK && !troubled && w->exception->severity >= ErrorException;
	if (rc == OZR_OK)
		rc = session_context(&w->ctx, err);
	return rc;
}

MagickBooleanType coder_write(const ImageInfo *info, Image *image, ExceptionInfo *exception)
{
	struct writing w = {.info = info, .exception = exception, .meter = meter_of(info, image)};
	struct ozr_err err;
	int rc;

	rc = begin(&w, image, &err);
	if (rc == OZR_OK)
		rc = write_list(&w, &err);
	if (rc == OZR_OK)
		(void)meter_done(&w.meter);
	else if (!w.told)
		(void)report(exception, w.target.path, rc, &err);
	gathered_free(&w.images);
	ozr_ctx_unref(w.ctx);
	return rc == OZR_OK ? MagickTrue : MagickFalse;
}
