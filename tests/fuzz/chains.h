/* SPDX-License-Identifier: MIT */
/*
 * Chains for the binary fuzz targets: the first byte of an input chooses one.
 */
#ifndef OZR_TESTS_FUZZ_CHAINS_H
#define OZR_TESTS_FUZZ_CHAINS_H

#include "base/json.h"
#include "codec/chain.h"
#include "fuzz.h"

/* text: single quotes stand for double ones. */
static inline struct ozr_chain *fuzz_chain(const char *text, enum ozr_dtype t, uint64_t y,
					   uint64_t x)
{
	struct ozr_chunk_spec spec = {.dtype = t, .rank = 2, .shape = {y, x}};
	struct ozr_json *doc = NULL;
	struct ozr_chain *c = NULL;
	char json[1024];
	size_t n = strlen(text);
	FUZZ_CHECK(n < sizeof json);
	for (size_t i = 0; i <= n; i++)
		json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	FUZZ_CHECK(ozr_json_parse(fuzz_ctx(), json, n, 0, &doc, NULL) == OZR_OK);
	struct ozr_jref root = ozr_jroot(doc);
	FUZZ_CHECK(ozr_chunk_spec_check(fuzz_ctx(), &spec, 0, NULL) == OZR_OK);
	FUZZ_CHECK(ozr_chain_from_v3(fuzz_ctx(), &root, &spec, &c, NULL) == OZR_OK);
	ozr_json_free(doc);
	return c;
}

#endif
