/* SPDX-License-Identifier: MIT */
/*
 * The coder's two functions, and what both use: the context, reports and
 * progress. ImageMagick is touched from the calling thread only; its pixel
 * cache counts OpenMP threads, and takes all others for the first one.
 */
#ifndef MAGICK_CODER_CODER_H
#define MAGICK_CODER_CODER_H

#include "compat.h"

#include <ozr/ozr.h>

/* All that is read, a list of images; NULL when anything failed: no part is shown as the whole. */
Image *coder_read(const ImageInfo *info, ExceptionInfo *exception);
/* The list that begins with image. */
MagickBooleanType coder_write(const ImageInfo *info, Image *image, ExceptionInfo *exception);

/* --- session.c: the context ---------------------------------------------- */

/* The context that all calls of this process share while ImageMagick's limits (memory, threads)
 * stay as they are; else a new one. It refuses what the policy refuses (coder_allowed() is for the
 * coder itself). Unref it. Any thread. */
int session_context(struct ozr_ctx **out, struct ozr_err *err);
/* At unloading: stop the pool. */
void session_end(void);
/* Does the policy allow this coder, under every name it has, and this path? An exception if not. */
MagickBooleanType coder_allowed(const char *path, PolicyRights rights, ExceptionInfo *exception);

/* --- report.c: what the user is told -------------------------------------- */

/* One exception: "`file': message", its severity from the code. MagickFalse. */
MagickBooleanType report(ExceptionInfo *exception, const char *file, int code,
			 const struct ozr_err *err);
/* A warning about file; the operation goes on. */
void report_warning(ExceptionInfo *exception, const char *file, const char *format, ...)
	OZR_PRINTF(3, 4);

/* Progress of one operation, shown by image's monitor: from and to are the parts of the whole
 * (0 to 1) that call's 0 to 1 stands for. */
struct meter {
	Image *image;
	const char *tag; /* "Load/Image", "Save/Image": known to monitors */
	double from, to;
};
/* A call that reports to the meter, and is cancelled by its monitor; meter lives as long. */
void meter_call(struct meter *meter, struct ozr_call *call);
/* Show that `to` is reached; MagickFalse: the user said stop. */
MagickBooleanType meter_done(struct meter *meter);

#endif
