/* SPDX-License-Identifier: MIT */
/*
 * JSON: what is taken prints, and what was printed is taken again and prints the
 * same; numbers and strings come back as they were.
 */
#include "base/json.h"
#include "fuzz.h"

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	(void)i, (void)out, (void)room;
	return 0;
}

/* Every value, through the getters. */
static void walk(const struct ozr_jref *r)
{
	struct ozr_err err;
	struct ozr_jref it;
	const char *text;
	uint64_t u;
	double d;
	size_t n = 0;
	int rc = ozr_ju64(r, 3, 1000, &u, &err);
	if (rc)
		fuzz_check_error(rc, &err);
	else
		FUZZ_CHECK(u >= 3 && u <= 1000);
	rc = ozr_jdouble(r, &d, &err);
	if (rc)
		fuzz_check_error(rc, &err);
	if (ozr_jstring(r, &text, NULL) == OZR_OK)
		FUZZ_CHECK(ozr_jis(r, OZR_JSON_STRING) && text);
	for (int more = ozr_jfirst(r, &it); more; more = ozr_jnext(&it), n++)
		walk(&it);
	FUZZ_CHECK(n == ozr_jcount(r));
}

static void one(const uint8_t *data, size_t size, unsigned flags)
{
	struct ozr_ctx *ctx = fuzz_ctx();
	struct ozr_json *doc = NULL, *again = NULL;
	struct ozr_err err;
	char *text, *second;
	size_t len, second_len;
	int rc = ozr_json_parse(ctx, (const char *)data, size, flags, &doc, &err);
	if (rc) {
		fuzz_check_error(rc, &err);
		return;
	}
	struct ozr_jref root = ozr_jroot(doc);
	walk(&root);
	for (int pretty = 0; pretty < 2; pretty++) {
		rc = ozr_json_print(ctx, doc, pretty, &text, &len, &err);
		FUZZ_CHECK(rc == OZR_OK && text[len] == 0);
		rc = ozr_json_parse(ctx, text, len, flags, &again, &err);
		FUZZ_CHECK(rc == OZR_OK);
		rc = ozr_json_print(ctx, again, pretty, &second, &second_len, &err);
		FUZZ_CHECK(rc == OZR_OK && len == second_len && memcmp(text, second, len) == 0);
		ozr_json_free(again);
		ozr_text_free(text);
		ozr_text_free(second);
	}
	ozr_json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	one(data, size, 0);
	one(data, size, OZR_JSON_PYTHON);
	return 0;
}
