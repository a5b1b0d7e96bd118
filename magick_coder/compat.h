/* SPDX-License-Identifier: MIT */
/*
 * Where ImageMagick 6 and 7 differ: this header is the only place of the coder
 * that knows. Only public headers are used; private helpers of ImageMagick
 * would compile (as implicit declarations) and then fail to load, which is why
 * the coder is built with -Werror=implicit-function-declaration.
 *
 * Functions here take an ExceptionInfo in both versions. ImageMagick 6 leaves
 * the reason of some failures in image->exception: they are handed on.
 */
#ifndef MAGICK_CODER_COMPAT_H
#define MAGICK_CODER_COMPAT_H

#if OZR_MAGICK_MAJOR >= 7
#include <MagickCore/MagickCore.h>
#else
#include <magick/MagickCore.h>
#endif

#include <string.h>

#if OZR_MAGICK_MAJOR >= 7
typedef Quantum Pixel; /* one channel; GetPixelChannels() of them make a pixel */
#define PATH_EXTENT MagickPathExtent
#else
typedef PixelPacket Pixel; /* a whole pixel */
#define PATH_EXTENT MaxTextExtent
#endif

/* Exported by both versions, declared in a header that is not installed. Opening a file of the
 * store gives ImageMagick its date and size, and attaches the handler that `stream` needs. */
enum { READ_BINARY = 2 };
extern MagickExport MagickBooleanType OpenBlob(const ImageInfo *, Image *, const unsigned int,
					       ExceptionInfo *);
extern MagickExport MagickBooleanType CloseBlob(Image *);

static inline Image *image_acquire(const ImageInfo *info, ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	return AcquireImage(info, exception);
#else
	(void)exception;
	return AcquireImage(info);
#endif
}

/* The image that follows in the list, made; NULL when there is no memory. */
static inline Image *image_acquire_next(const ImageInfo *info, Image *image,
					ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	AcquireNextImage(info, image, exception);
#else
	AcquireNextImage(info, image);
	if (!GetNextImageInList(image))
		InheritException(exception, &image->exception);
#endif
	return GetNextImageInList(image) ? SyncNextImageInList(image) : NULL;
}

/* Set before the extent, and check: version 6 opens the pixel cache here. */
static inline MagickBooleanType image_set_colorspace(Image *image, ColorspaceType colorspace,
						     ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	return SetImageColorspace(image, colorspace, exception);
#else
	MagickBooleanType status = SetImageColorspace(image, colorspace);

	if (status == MagickFalse)
		InheritException(exception, &image->exception);
	return status;
#endif
}

static inline MagickBooleanType image_set_extent(Image *image, size_t columns, size_t rows,
						 ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	return SetImageExtent(image, columns, rows, exception);
#else
	MagickBooleanType status = SetImageExtent(image, columns, rows);

	if (status == MagickFalse)
		InheritException(exception, &image->exception);
	return status;
#endif
}

static inline void image_set_property(Image *image, const char *key, const char *value,
				      ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	(void)SetImageProperty(image, key, value, exception);
#else
	(void)exception;
	(void)SetImageProperty(image, key, value);
#endif
}

static inline const char *image_property(const Image *image, const char *key,
					 ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	return GetImageProperty(image, key, exception);
#else
	(void)exception;
	return GetImageProperty(image, key);
#endif
}

static inline int image_has_alpha(const Image *image)
{
#if OZR_MAGICK_MAJOR >= 7
	return image->alpha_trait != UndefinedPixelTrait;
#else
	return image->matte != MagickFalse;
#endif
}

static inline void image_set_alpha(Image *image, int alpha)
{
#if OZR_MAGICK_MAJOR >= 7
	image->alpha_trait = alpha ? BlendPixelTrait : UndefinedPixelTrait;
#else
	image->matte = alpha ? MagickTrue : MagickFalse;
#endif
}

/* Pixels per image->units, in x and y. */
static inline void image_set_density(Image *image, double x, double y)
{
#if OZR_MAGICK_MAJOR >= 7
	image->resolution.x = x;
	image->resolution.y = y;
#else
	image->x_resolution = x;
	image->y_resolution = y;
#endif
}

static inline void image_density(const Image *image, double *x, double *y)
{
#if OZR_MAGICK_MAJOR >= 7
	*x = image->resolution.x;
	*y = image->resolution.y;
#else
	*x = image->x_resolution;
	*y = image->y_resolution;
#endif
}

/* The name of an image of a list that is written one by one. */
static inline void image_name_of(const ImageInfo *info, Image *image, const char *pattern,
				 char name[PATH_EXTENT], ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	(void)InterpretImageFilename(info, image, pattern, (int)image->scene, name, exception);
#else
	(void)exception;
	(void)InterpretImageFilename(info, image, pattern, (int)image->scene, name);
#endif
}

static inline MagickBooleanType image_transform_colorspace(Image *image, ColorspaceType colorspace,
							   ExceptionInfo *exception)
{
#if OZR_MAGICK_MAJOR >= 7
	return TransformImageColorspace(image, colorspace, exception);
#else
	MagickBooleanType status = TransformImageColorspace(image, colorspace);

	if (status == MagickFalse)
		InheritException(exception, &image->exception);
	return status;
#endif
}

/* Of the types that -type names. */
static inline int image_type_has_color_and_alpha(ImageType type)
{
#if OZR_MAGICK_MAJOR >= 7
	return type == TrueColorAlphaType || type == PaletteAlphaType ||
	       type == ColorSeparationAlphaType;
#else
	return type == TrueColorMatteType || type == PaletteMatteType ||
	       type == ColorSeparationMatteType;
#endif
}

static inline int image_type_is_gray_alpha(ImageType type)
{
#if OZR_MAGICK_MAJOR >= 7
	return type == GrayscaleAlphaType;
#else
	return type == GrayscaleMatteType;
#endif
}

/* --- Pixels of the cache ------------------------------------------------- */

/* Step from one pixel to the next, in elements of Pixel. */
static inline size_t pixel_step(const Image *image)
{
#if OZR_MAGICK_MAJOR >= 7
	return GetPixelChannels(image);
#else
	(void)image;
	return 1;
#endif
}

/* What the pixel cache takes for a pixel of so many channels. */
static inline size_t pixel_bytes(unsigned channels)
{
#if OZR_MAGICK_MAJOR >= 7
	return channels * sizeof(Quantum);
#else
	(void)channels;
	return sizeof(PixelPacket);
#endif
}

/* n gray pixels, opaque. */
static inline void pixels_put_gray(const Image *image, Pixel *q, const Quantum *gray, size_t n)
{
#if OZR_MAGICK_MAJOR >= 7
	size_t step = GetPixelChannels(image);

	if (step == 1) {
		memcpy(q, gray, n * sizeof(*gray));
		return;
	}
	for (size_t i = 0; i < n; i++, q += step) {
		SetPixelRed(image, gray[i], q);
		SetPixelGreen(image, gray[i], q);
		SetPixelBlue(image, gray[i], q);
		if (image->alpha_trait != UndefinedPixelTrait)
			SetPixelAlpha(image, OpaqueAlpha, q);
	}
#else
	(void)image;
	for (size_t i = 0; i < n; i++) {
		q[i].red = q[i].green = q[i].blue = gray[i];
		q[i].opacity = OpaqueOpacity;
	}
#endif
}

/* n pixels from planes red, green, blue and, unless NULL, alpha. */
static inline void pixels_put_rgba(const Image *image, Pixel *q, const Quantum *const plane[4],
				   size_t n)
{
#if OZR_MAGICK_MAJOR >= 7
	static const PixelChannel channel[] = {RedPixelChannel, GreenPixelChannel, BluePixelChannel,
					       AlphaPixelChannel};
	const size_t step = GetPixelChannels(image);

	for (unsigned k = 0; k < 4; k++) {
		Pixel *at;

		if (!plane[k])
			continue;
		at = q + GetPixelChannelOffset(image, channel[k]);
		for (size_t i = 0; i < n; i++, at += step)
			*at = plane[k][i];
	}
#else
	(void)image;
	for (size_t i = 0; i < n; i++) {
		q[i].red = plane[0][i];
		q[i].green = plane[1][i];
		q[i].blue = plane[2][i];
		q[i].opacity = plane[3] ? (Quantum)((double)QuantumRange - (double)plane[3][i])
					: OpaqueOpacity;
	}
#endif
}

/* Component 0 red or gray, 1 green, 2 blue, 3 alpha of n pixels. */
static inline void pixels_get(const Image *image, const Pixel *p, unsigned component, Quantum *out,
			      size_t n)
{
#if OZR_MAGICK_MAJOR >= 7
	static const PixelChannel channel[] = {RedPixelChannel, GreenPixelChannel, BluePixelChannel,
					       AlphaPixelChannel};
	const size_t step = GetPixelChannels(image);

	if (component == 3 && image->alpha_trait == UndefinedPixelTrait) {
		for (size_t i = 0; i < n; i++)
			out[i] = OpaqueAlpha;
		return;
	}
	p += GetPixelChannelOffset(image, channel[component]);
	if (step == 1)
		memcpy(out, p, n * sizeof(*out));
	else
		for (size_t i = 0; i < n; i++, p += step)
			out[i] = *p;
#else
	(void)image;
	for (size_t i = 0; i < n; i++)
		out[i] = component == 0   ? p[i].red
			 : component == 1 ? p[i].green
			 : component == 2 ? p[i].blue
					  : (Quantum)((double)QuantumRange - (double)p[i].opacity);
#endif
}

#endif
