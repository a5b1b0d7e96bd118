/* SPDX-License-Identifier: MIT */
/*
 * Warnings collected while an image is opened or created: notes.h.
 */
#include "ome/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static int known(const struct ozr_notes *n, const char *text)
{
	for (unsigned i = 0; i < n->count; i++)
		if (strcmp(n->text[i], text) == 0)
			return 1;
	return 0;
}

void ozr_note(struct ozr_notes *n, const char *fmt, ...)
{
	char text[sizeof((struct ozr_err){0}.msg)];
	va_list ap;

	if (n == NULL || n->count == OZR_NOTES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (known(n, text))
		return;
	char *copy = ozr_strdup(n->ctx, text, NULL);
	if (copy != NULL)
		n->text[n->count++] = copy;
}

void ozr_notes_release(struct ozr_notes *n)
{
	for (unsigned i = 0; i < n->count; i++)
		ozr_free(n->ctx, n->text[i]);
	n->count = 0;
}
