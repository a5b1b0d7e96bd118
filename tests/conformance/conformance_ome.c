/* SPDX-License-Identifier: MIT */
/*
 * The image cases of the OME-NGFF specification's own suites (0.1, 0.3 and 0.6:
 * files; 0.4 and 0.5: one JSON document each) through our metadata parser. Of
 * 0.6, which is read by its shape but not promised yet, the valid ones only.
 *
 * Every valid case must parse. An invalid one must be refused, or at least
 * noted, unless it is in the list below with the reason why we read it; a case
 * of the list that has come to be refused fails too, so that the list stays
 * true. Exit code 77: the suites are not there.
 */
#include "conformance/suites.h"
#include "ome/ome_meta.h"

/* Invalid by the suites, read by us. "noted" ones give a warning, silent ones do not. */
static const struct {
	const char *suite, *name;
	int noted;
	const char *reason;
} accepted[] = {
	{"0.3", "invalid_axes_count", 1,
	 "axes beyond tczyx come with 0.9; only levels must fit them"},
	{"0.3", "invalid_axes_order", 1, "the order does not hurt a reader"},
	{"0.3", "invalid_axes", 1, "an axis of an unknown name is a custom one"},
	{"0.3", "invalid_version", 0, "the shape of the metadata decides, not its version"},
	{"0.3", "missing_axes", 1, "guessed from the number of dimensions, as in 0.1"},
	{"0.1 0.3 0.4 0.5", "invalid_channels_color", 1, "omero never makes an image unreadable"},
	{"0.1 0.3 0.4 0.5", "invalid_channels_window", 1, "omero never makes an image unreadable"},
	{"0.4", "invalid_version", 0, "the shape of the metadata decides, not its version"},
	{"0.4 0.5", "missing_space_axes", 1, "legal in 0.9"},
	{"0.4 0.5", "one_space_axes", 1, "legal in 0.9"},
	{"0.4 0.5", "too_many_axes", 1, "legal in 0.9"},
	{"0.4 0.5", "too_many_space_axes", 1, "legal in 0.9"},
	{"0.4 0.5", "invalid_axis_type", 1, "a type of its own is a custom axis"},
	{"0.4 0.5", "missing_axes", 1, "guessed from the number of dimensions, as in 0.1"},
	{"0.4 0.5", "missing_transformations", 1, "taken from the shapes of the levels"},
	{"0.4 0.5", "missing_scale", 1, "taken from the shapes of the levels"},
	{"0.4 0.5", "empty_transformations", 1, "taken from the shapes of the levels"},
	{"0.4 0.5", "duplicate_scale", 1, "both apply, in order"},
};
/* Valid by the suites, but against the text of the specification. */
static const struct {
	const char *suite, *name, *reason;
} defective[] = {
	{"0.4 0.6rc0", "mismatch_axes_units",
	 "two scales for three axes: the length MUST be the same"},
};

enum { ACCEPTED = sizeof(accepted) / sizeof(accepted[0]) };

static int accepted_index(const char *suite, const char *name)
{
	for (int i = 0; i < ACCEPTED; i++)
		if (strstr(accepted[i].suite, suite) != NULL && strcmp(accepted[i].name, name) == 0)
			return i;
	return -1;
}

static int is_defective(const char *suite, const char *name)
{
	for (size_t i = 0; i < sizeof(defective) / sizeof(defective[0]); i++)
		if (strstr(defective[i].suite, suite) != NULL &&
		    strcmp(defective[i].name, name) == 0)
			return 1;
	return 0;
}

static void judge(const char *suite, const char *name, int valid, int rc,
		  const struct ozr_notes *notes, const struct ozr_err *err)
{
	int i = valid ? -1 : accepted_index(suite, name);

	cases++;
	if (valid && is_defective(suite, name)) {
		if (rc == OZR_OK)
			complain(suite, name, "listed as defective, but read", "");
	} else if (valid && rc != OZR_OK)
		complain(suite, name, "valid, but refused", err->msg);
	else if (!valid && i < 0 && rc == OZR_OK)
		complain(suite, name, "invalid, but read",
			 notes->count > 0 ? notes->text[0] : "silently");
	else if (i >= 0 && rc != OZR_OK)
		complain(suite, name, "listed as read, but refused", err->msg);
	else if (i >= 0 && accepted[i].noted && notes->count == 0)
		complain(suite, name, "read without the note", accepted[i].reason);
	else
		printf("ok     %s %s: %s%s\n", suite, name, valid ? "valid" : "invalid",
		       rc != OZR_OK ? ", refused"
		       : i >= 0     ? ", read"
				    : "");
}

static void run_case(const char *suite, const char *name, const struct ozr_json *data, int valid)
{
	struct ozr_jref root = ozr_jroot(data);
	struct ozr_notes notes = {.ctx = ctx};
	struct ozr_ome o = {0};
	struct ozr_err err = {0};

	int rc = ozr_ome_parse(ctx, &root, strcmp(suite, "0.5") >= 0 ? 3 : 2, &notes, &o, &err);
	judge(suite, name, valid, rc, &notes, &err);
	ozr_ome_release(&o);
	ozr_notes_release(&notes);
}

int main(int argc, char **argv)
{
	char root[300];

	if (!find_suites(argc, argv, root))
		return 77;
	if (ozr_ctx_new(NULL, &ctx, NULL) != OZR_OK)
		return 1;
	run_folder(root, "0.1", "examples/image/valid", 1, run_case);
	run_folder(root, "0.1", "examples/image/invalid", 0, run_case);
	run_folder(root, "0.3", "examples/image/valid", 1, run_case);
	run_folder(root, "0.3", "examples/image/invalid", 0, run_case);
	run_folder(root, "0.6rc0", "tests/attributes/spec/valid/image", 1, run_case);
	run_suite(root, "0.4", "image_suite.json", run_case);
	run_suite(root, "0.4", "strict_image_suite.json", run_case);
	run_suite(root, "0.5", "image_suite.json", run_case);
	run_suite(root, "0.5", "strict_image_suite.json", run_case);
	ozr_ctx_unref(ctx);
	printf("%u cases, %u failures\n", cases, failures);
	return failures != 0 || cases == 0;
}
