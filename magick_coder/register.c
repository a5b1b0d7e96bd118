/* SPDX-License-Identifier: MIT */
/*
 * Registration under three names. ImageMagick finds a module by the suffix or
 * prefix of a file name (zarr.la, omezarr.la, ozx.la: one line each, all name
 * omezarr.so) and calls Register<NAME>Image. A module of another quantum depth
 * loads too, binds to whatever library is in the process, and destroys data
 * silently: so it compares itself with the library first, and refuses.
 */
#include "coder.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned names; /* registered now */

/* Was this module compiled for the library that has loaded it? */
static int abi_matches(void)
{
	size_t depth = 0;
	int hdri = strstr(GetMagickFeatures(), "HDRI") != NULL;
	size_t version = 0;

	(void)GetMagickQuantumDepth(&depth);
	(void)GetMagickVersion(&version);
	return depth == MAGICKCORE_QUANTUM_DEPTH && hdri == (MAGICKCORE_HDRI_ENABLE != 0) &&
	       (version >> 8) == OZR_MAGICK_MAJOR;
}

#if OZR_MAGICK_MAJOR >= 7
static MagickInfo *describe(const char *name)
{
	MagickInfo *entry = AcquireMagickInfo("OMEZARR", name, "OME-Zarr image");

	if (!entry)
		return NULL;
	entry->decoder = coder_read;
	entry->encoder = coder_write;
	entry->flags &= ~(MagickStatusType)(CoderBlobSupportFlag | CoderDecoderSeekableStreamFlag |
					    CoderEncoderSeekableStreamFlag);
	entry->flags |= CoderAdjoinFlag;
	return entry;
}
#else
static MagickBooleanType write_image(const ImageInfo *info, Image *image)
{
	return coder_write(info, image, &image->exception);
}

static MagickInfo *describe(const char *name)
{
	MagickInfo *entry = SetMagickInfo(name);

	if (!entry)
		return NULL;
	entry->decoder = coder_read;
	entry->encoder = write_image;
	entry->adjoin = MagickTrue;
	entry->blob_support = MagickFalse;
	entry->seekable_stream = MagickFalse;
	entry->description = ConstantString("OME-Zarr image");
	entry->magick_module = ConstantString("OMEZARR");
	return entry;
}
#endif

static size_t add_name(const char *name)
{
	MagickInfo *entry;

	if (!abi_matches())
		return 0; /* "no decode delegate" */
	entry = describe(name);
	if (!entry)
		return 0;
	/* A store is a folder: ImageMagick must not look for a signature in it. */
	entry->format_type = ExplicitFormatType;
	(void)RegisterMagickInfo(entry);
	pthread_mutex_lock(&lock);
	names++;
	pthread_mutex_unlock(&lock);
	return MagickImageCoderSignature;
}

static void remove_name(const char *name)
{
	unsigned left;

	(void)UnregisterMagickInfo(name);
	pthread_mutex_lock(&lock);
	left = names ? --names : 0;
	pthread_mutex_unlock(&lock);
	if (left == 0)
		session_end();
}

#define NAME(name)                                                                                 \
	OZR_API size_t Register##name##Image(void);                                                \
	OZR_API void Unregister##name##Image(void);                                                \
	size_t Register##name##Image(void)                                                         \
	{                                                                                          \
		return add_name(#name);                                                            \
	}                                                                                          \
	void Unregister##name##Image(void)                                                         \
	{                                                                                          \
		remove_name(#name);                                                                \
	}
NAME(OMEZARR)
NAME(ZARR)
NAME(OZX)
