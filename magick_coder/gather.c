/* SPDX-License-Identifier: MIT */
/*
 * Looking at a list of images. Those that are neither gray nor RGB (CMYK, Lab,
 * ...) are transformed on copies; the caller's images stay as they are. An
 * RGB image whose pixels are all gray is written as gray, as ImageMagick's
 * TIFF and PNG writers do, unless -type says TrueColor.
 */
#include "gather.h"

static int is_rgb(ColorspaceType c)
{
	return c == sRGBColorspace || c == RGBColorspace || c == scRGBColorspace ||
	       c == TransparentColorspace;
}

static int is_gray(ColorspaceType c)
{
	return c == GRAYColorspace || c == LinearGRAYColorspace;
}

static int wants_color(const ImageInfo *info)
{
	return info->type == TrueColorType || info->type == ColorSeparationType ||
	       info->type == PaletteType || image_type_has_color_and_alpha(info->type);
}

static int has_color(const ImageInfo *info, const Image *image, ExceptionInfo *exception)
{
	ImageType type;

	if (is_gray(image->colorspace))
		return 0;
	if (wants_color(info))
		return 1;
	type = IdentifyImageGray(image, exception);
	return type != BilevelType && type != GrayscaleType && !image_type_is_gray_alpha(type);
}

static int count(const ImageInfo *info, const Image *image, struct gathered *g, struct ozr_err *err)
{
	for (const Image *p = image; p; p = GetNextImageInList(p)) {
		g->n++;
		if (info->adjoin == MagickFalse)
			break;
	}
	g->image = AcquireQuantumMemory(g->n, sizeof(*g->image));
	g->owned = AcquireQuantumMemory(g->n, sizeof(*g->owned));
	if (g->owned)
		memset(g->owned, 0, g->n * sizeof(*g->owned));
	if (!g->image || !g->owned)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a list of %zu images", g->n);
	return OZR_OK;
}

static int check_size(struct gathered *g, size_t i, const Image *image, struct ozr_err *err)
{
	if (image->columns == 0 || image->rows == 0)
		return ozr_fail(err, OZR_BAD_ARG, "image %zu of the list has no pixels", i);
	if (i == 0) {
		g->list.columns = image->columns;
		g->list.rows = image->rows;
	}
	if (image->columns != g->list.columns || image->rows != g->list.rows)
		return ozr_fail(err, OZR_BAD_ARG,
				"all images must have one size: image %zu has %zux%zu, the first "
				"has %llux%llu",
				i, image->columns, image->rows, (unsigned long long)g->list.columns,
				(unsigned long long)g->list.rows);
	return OZR_OK;
}

/* A copy in sRGB. */
static int transform(struct gathered *g, size_t i, ExceptionInfo *exception, struct ozr_err *err)
{
	Image *copy = CloneImage(g->image[i], 0, 0, MagickTrue, exception);

	g->owned[i] = copy;
	if (!copy || image_transform_colorspace(copy, sRGBColorspace, exception) == MagickFalse)
		return ozr_fail(err, OZR_NO_MEMORY, "image %zu: cannot be transformed to sRGB", i);
	g->image[i] = copy;
	return OZR_OK;
}

static int is_float(const char *format)
{
	return format && LocaleCompare(format, "floating-point") == 0;
}

/* The signed type that the reader has moved up to black to white; OZR_DTYPES: none. */
static enum ozr_dtype noted_signed(const Image *image, ExceptionInfo *exception)
{
	static const enum ozr_dtype type[] = {OZR_INT8, OZR_INT16, OZR_INT32, OZR_INT64};
	const char *offset = image_property(image, "omezarr:offset", exception);
	const char *dtype = offset ? image_property(image, "omezarr:dtype", exception) : NULL;

	for (size_t i = 0; dtype && i < sizeof(type) / sizeof(*type); i++) {
		size_t bits = 8 * (size_t)ozr_dtype_size(type[i]);

		if (strcmp(dtype, ozr_dtype_name(type[i])) == 0 &&
		    image->depth == (bits < 32 ? bits : 32))
			return type[i];
	}
	return OZR_DTYPES;
}

static void look_at_type(const char *format, const Image *image, size_t i, struct gathered *g,
			 ExceptionInfo *exception)
{
	const enum ozr_dtype type = noted_signed(image, exception);

	if (i == 0)
		g->signed_dtype = type;
	g->is_signed = (i == 0 || g->is_signed) && type != OZR_DTYPES && type == g->signed_dtype;
	g->depth = image->depth > g->depth ? image->depth : g->depth;
	if (is_float(format ? format : image_property(image, "quantum:format", exception)))
		g->is_float = 1;
}

int gather(const ImageInfo *info, Image *image, struct gathered *out, ExceptionInfo *exception,
	   struct ozr_err *err)
{
	int color = 0, alpha = 0, rc;
	const char *format = GetImageOption(info, "quantum:format");

	memset(out, 0, sizeof(*out));
	rc = count(info, image, out, err);
	for (size_t i = 0; rc == OZR_OK && i < out->n; i++, image = GetNextImageInList(image)) {
		out->image[i] = image;
		rc = check_size(out, i, image, err);
		if (rc == OZR_OK && !is_gray(image->colorspace) && !is_rgb(image->colorspace))
			rc = transform(out, i, exception, err);
		if (rc != OZR_OK)
			break;
		color = color || has_color(info, out->image[i], exception);
		alpha = alpha || image_has_alpha(image);
		look_at_type(format, image, i, out, exception);
	}
	out->list.n = out->n;
	out->list.components = alpha ? 4 : color ? 3 : 1;
	return rc;
}

void gathered_free(struct gathered *g)
{
	for (size_t i = 0; g->owned && i < g->n; i++)
		if (g->owned[i])
			(void)DestroyImage(g->owned[i]);
	if (g->owned)
		g->owned = RelinquishMagickMemory(g->owned);
	if (g->image)
		g->image = RelinquishMagickMemory(g->image);
}

enum ozr_dtype gathered_dtype(const struct gathered *g)
{
	if (g->is_signed)
		return g->signed_dtype;
	if (g->depth <= 8)
		return OZR_UINT8;
	if (g->depth <= 16)
		return OZR_UINT16;
	if (g->is_float)
		return g->depth > 32 ? OZR_FLOAT64 : OZR_FLOAT32;
	return OZR_UINT32;
}
