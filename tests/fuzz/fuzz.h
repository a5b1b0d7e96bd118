/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is one file with the entry point that
 * libFuzzer calls; without libFuzzer, replay.c calls it with seeds and with
 * mutations of them. Text targets get their seeds from a folder, binary ones
 * make them (fuzz_seed). A target ends the program when a property is broken;
 * the sanitizers see to the rest.
 */
#ifndef OZR_TESTS_FUZZ_H
#define OZR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "base/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Seed number i, at most room bytes; 0: there are no more. */
size_t fuzz_seed(unsigned i, uint8_t *out, size_t room);

#define FUZZ_CHECK(cond)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* One for the life of the program: little memory, so that every declared size meets a limit. */
static inline struct ozr_ctx *fuzz_ctx(void)
{
	static struct ozr_ctx *ctx;
	struct ozr_ctx_options opt = {.threads = 1, .cache_bytes = 1};
	opt.limits.chunk_bytes = 1 << 20;
	opt.limits.object_bytes = 1 << 20;
	opt.limits.shard_entries = 1 << 12;
	opt.limits.memory_bytes = 64 << 20;
	opt.limits.json_nodes = 1 << 14;
	if (!ctx)
		FUZZ_CHECK(ozr_ctx_new(&opt, &ctx, NULL) == OZR_OK);
	return ctx;
}

static inline struct ozr_worker *fuzz_worker(void)
{
	static struct ozr_worker *w;
	if (!w)
		w = ozr_worker_lease(fuzz_ctx(), NULL);
	FUZZ_CHECK(w);
	return w;
}

/* A failure says why, in text that ends; success and failure leave no memory behind. */
static inline void fuzz_check_error(int code, const struct ozr_err *err)
{
	FUZZ_CHECK(code != OZR_OK && code == err->code);
	FUZZ_CHECK(err->msg[0] && memchr(err->msg, 0, sizeof err->msg));
}

#endif
