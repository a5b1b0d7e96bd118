/* SPDX-License-Identifier: MIT */
/*
 * Errors of the library as exceptions of ImageMagick, and progress as its
 * monitor sees it.
 */
#include "coder.h"

#include <stdarg.h>
#include <stdio.h>

struct kind {
	int code;
	ExceptionType severity;
	const char *reason;
};

/* A reason is looked up in ImageMagick's table of messages; what is not there is shown as it is. */
static const struct kind kinds[] = {
	{OZR_NOT_FOUND, FileOpenError, "UnableToOpenFile"},
	{OZR_EXISTS, FileOpenError, "UnableToOpenFile"},
	{OZR_IO, FileOpenError, "reading or writing failed"},
	{OZR_BUSY, FileOpenError, "UnableToOpenFile"},
	{OZR_NO_MEMORY, ResourceLimitError, "MemoryAllocationFailed"},
	{OZR_LIMIT, ResourceLimitError, "limit exceeded"},
	{OZR_BAD_ARG, OptionError, "invalid argument"},
	{OZR_DENIED, FileOpenError, "UnableToOpenFile"},
	{OZR_BAD_FORMAT, CorruptImageError, "ImproperImageHeader"},
	{OZR_UNSUPPORTED, CoderError, "not supported"},
	{OZR_CANCELLED, MonitorError, "stopped"},
};
static const struct kind other = {0, CorruptImageError, "UnableToReadImageData"};

MagickBooleanType report(ExceptionInfo *exception, const char *file, int code,
			 const struct ozr_err *err)
{
	const struct kind *kind = &other;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].code == code)
			kind = &kinds[i];
	(void)ThrowMagickException(exception, GetMagickModule(), kind->severity, kind->reason,
				   "`%s': %s", file, err->msg);
	return MagickFalse;
}

void report_warning(ExceptionInfo *exception, const char *file, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)ThrowMagickException(exception, GetMagickModule(), CoderWarning, "Warning",
				   "`%s': %s", file, text);
}

/* --- Progress ------------------------------------------------------------ */

enum { STEPS = 1000 };

static MagickBooleanType show(const struct meter *meter, double fraction)
{
	double done = meter->from + (meter->to - meter->from) * fraction;

	/* monitors count from 0, and end their line at the last step */
	return SetImageProgress(meter->image, meter->tag, (MagickOffsetType)(done * (STEPS - 1)),
				STEPS);
}

static int on_progress(void *user, double fraction)
{
	return show(user, fraction) == MagickFalse;
}

void meter_call(struct meter *meter, struct ozr_call *call)
{
	memset(call, 0, sizeof(*call));
	call->user = meter;
	call->progress = on_progress;
}

MagickBooleanType meter_done(struct meter *meter)
{
	return show(meter, 1);
}
