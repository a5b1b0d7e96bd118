/* SPDX-License-Identifier: MIT */
/*
 * The plate, well and label cases of the OME-NGFF specification's own suites.
 *
 * Valid cases are read without a word. Invalid ones are refused or noted,
 * unless the list below says why a reader need not care. Exit code 77: the
 * suites are not there.
 */
#include "conformance/suites.h"
#include "ome/plate.h"

/* Invalid by the suites, read without a note. */
static const struct {
	const char *suite, *name, *reason;
} silent[] = {
	{"0.4", "invalid_version", "the shape of the metadata decides, not its version"},
	{"0.4 0.5", "missing_version", "the same"},
	{"0.4 0.5", "no_version", "the same"},
	{"0.4 0.5", "missing_name", "recommended, not required"},
	{"0.4 0.5", "missing_acquisition_name", "recommended, not required"},
	{"0.4 0.5", "missing_acquisition_maximumfieldcount", "recommended, not required"},
	{"0.4 0.5", "no_colors", "recommended, not required"},
	{"0.5", "well_path_has_column_before_row", "no use is made of a well's place"},
};

static int is_silent(const char *suite, const char *name)
{
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (strstr(silent[i].suite, suite) != NULL && strcmp(silent[i].name, name) == 0)
			return 1;
	return 0;
}

static void judge(const char *suite, const char *name, int valid, int rc, const char *note,
		  const struct ozr_err *err)
{
	cases++;
	if (valid && rc != OZR_OK)
		complain(suite, name, "valid, but refused", err->msg);
	else if (valid && note != NULL)
		complain(suite, name, "valid, but noted", note);
	else if (!valid && rc == OZR_OK && note == NULL && !is_silent(suite, name))
		complain(suite, name, "invalid, but read", "silently");
	else if (!valid && is_silent(suite, name) && (rc != OZR_OK || note != NULL))
		complain(suite, name, "listed as read silently", note != NULL ? note : err->msg);
	else
		printf("ok     %s %s: %s%s\n", suite, name, valid ? "valid" : "invalid",
		       rc != OZR_OK   ? ", refused"
		       : note != NULL ? ", noted"
				      : "");
}

static void run_group(const char *suite, const char *name, const struct ozr_json *data, int valid,
		      const char *member,
		      int (*check)(const struct ozr_jref *r, struct ozr_notes *notes,
				   struct ozr_err *err))
{
	struct ozr_jref root = ozr_jroot(data), holder = ozr_ome_holder(&root, member);
	struct ozr_jref r = ozr_jget(&holder, member);
	struct ozr_notes notes = {.ctx = ctx};
	struct ozr_err err = {0};

	int rc = check(&r, &notes, &err);
	judge(suite, name, valid, rc, notes.count > 0 ? notes.text[0] : NULL, &err);
	ozr_notes_release(&notes);
}

static void run_plate(const char *suite, const char *name, const struct ozr_json *data, int valid)
{
	run_group(suite, name, data, valid, "plate", ozr_plate_check);
}

static void run_well(const char *suite, const char *name, const struct ozr_json *data, int valid)
{
	run_group(suite, name, data, valid, "well", ozr_well_check);
}

static void run_label(const char *suite, const char *name, const struct ozr_json *data, int valid)
{
	struct ozr_label_table *t = NULL;
	struct ozr_err err = {0};
	char *text = NULL;
	size_t len;

	int rc = ozr_json_print(ctx, data, 0, &text, &len, &err);
	if (rc == OZR_OK)
		rc = ozr_label_table_parse(ctx, text, &t, &err);
	judge(suite, name, valid, rc, t != NULL ? ozr_label_table_warning(t, 0) : NULL, &err);
	ozr_label_table_free(t);
	ozr_text_free(text);
}

int main(int argc, char **argv)
{
	char root[300];

	if (!find_suites(argc, argv, root))
		return 77;
	if (ozr_ctx_new(NULL, &ctx, NULL) != OZR_OK)
		return 1;
	run_folder(root, "0.1", "examples/plate/valid", 1, run_plate);
	run_folder(root, "0.1", "examples/plate/invalid", 0, run_plate);
	run_folder(root, "0.1", "examples/well/valid", 1, run_well);
	run_folder(root, "0.3", "examples/plate/valid", 1, run_plate);
	run_folder(root, "0.3", "examples/well/valid", 1, run_well);
	for (const char *const *suite = (const char *const[]){"0.4", "0.5", NULL}; *suite;
	     suite++) {
		run_suite(root, *suite, "plate_suite.json", run_plate);
		run_suite(root, *suite, "strict_plate_suite.json", run_plate);
		run_suite(root, *suite, "well_suite.json", run_well);
		run_suite(root, *suite, "strict_well_suite.json", run_well);
		run_suite(root, *suite, "label_suite.json", run_label);
		run_suite(root, *suite, "strict_label_suite.json", run_label);
	}
	run_folder(root, "0.6rc0", "tests/attributes/spec/valid/plate", 1, run_plate);
	run_folder(root, "0.6rc0", "tests/attributes/spec/valid/well", 1, run_well);
	run_folder(root, "0.6rc0", "tests/attributes/spec/valid/label", 1, run_label);
	ozr_ctx_unref(ctx);
	printf("%u cases, %u failures\n", cases, failures);
	return failures != 0 || cases == 0;
}
