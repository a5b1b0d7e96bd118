/* SPDX-License-Identifier: MIT */
/*
 * Warnings collected while an image is opened or created. Best effort: a note
 * that finds no memory is dropped, equal notes are kept once, and at most
 * OZR_NOTES_MAX of them, so that a hostile document cannot fill the memory.
 *
 * Threads: as the image that holds them.
 */
#ifndef OZR_OME_NOTES_H
#define OZR_OME_NOTES_H

#include "ozr/context.h"

enum { OZR_NOTES_MAX = 32 };

/* Zeroed is empty, but for ctx (borrowed). */
struct ozr_notes {
	struct ozr_ctx *ctx;
	char *text[OZR_NOTES_MAX]; /* owned */
	unsigned count;
};

void ozr_note(struct ozr_notes *n, const char *fmt, ...) OZR_PRINTF(2, 3); /* NULL is fine */
void ozr_notes_release(struct ozr_notes *n);

#endif
