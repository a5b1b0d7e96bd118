/* SPDX-License-Identifier: MIT */
/*
 * The encoder.
 */
#include "coder.h"

MagickBooleanType coder_write(const ImageInfo *info, Image *image, ExceptionInfo *exception)
{
	struct ozr_err err;

	(void)info;
	return report(exception, image->filename,
		      ozr_fail(&err, OZR_UNSUPPORTED, "OME-Zarr cannot be written yet"), &err);
}
