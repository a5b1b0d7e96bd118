/* SPDX-License-Identifier: MIT */
/*
 * See known_defines.h. Defines of the reader are fine when writing and the
 * other way round: one command line has both.
 */
#include "known_defines.h"

static const char prefix[] = "omezarr:";
static const char *const known[] = {
	/* reading */
	"axes", "channels", "level", "max-planes", "window",
	/* writing */
	"append", "chunk", "compression", "compression-level", "dtype", "label", "levels", "method",
	"name", "overwrite", "pixel-size", "rechunk", "shard", "size-c", "size-t", "size-z", "unit",
	"version", "z-spacing"};

static int is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(name, known[i]) == 0)
			return 1;
	return 0;
}

void known_defines_check(const ImageInfo *info, const char *file, ExceptionInfo *exception)
{
	const char *key;

	ResetImageOptionIterator(info);
	while ((key = GetNextImageOption(info)) != NULL) {
		char quoted[OZR_QUOTE_MAX];

		if (strncmp(key, prefix, sizeof(prefix) - 1) != 0 ||
		    is_known(key + sizeof(prefix) - 1))
			continue;
		(void)ThrowMagickException(exception, GetMagickModule(), OptionWarning,
					   "UnrecognizedOption", "`%s': there is no -define %s",
					   file, ozr_quote(quoted, key, strlen(key)));
	}
}

static const char *get(void *user, const char *key)
{
	return GetImageOption(user, key);
}

struct defines defines_of(const ImageInfo *info)
{
	return (struct defines){get, (void *)info};
}
