/* SPDX-License-Identifier: MIT */
/*
 * The decoder.
 */
#include "coder.h"

Image *coder_read(const ImageInfo *info, ExceptionInfo *exception)
{
	struct ozr_err err;

	(void)report(exception, info->filename,
		     ozr_fail(&err, OZR_UNSUPPORTED, "OME-Zarr cannot be read yet"), &err);
	return NULL;
}
