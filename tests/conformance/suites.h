/* SPDX-License-Identifier: MIT */
/*
 * The suites of the OME-NGFF specification, case by case: one document with
 * all cases (0.4, 0.5), or one file each in folders (0.1, 0.3, 0.6).
 */
#ifndef OZR_TEST_SUITES_H
#define OZR_TEST_SUITES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static struct ozr_ctx *ctx;
static unsigned cases, failures;

typedef void case_fn(const char *suite, const char *name, const struct ozr_json *data, int valid);

static inline void complain(const char *suite, const char *name, const char *what,
			    const char *detail)
{
	printf("FAILED %s %s: %s (%s)\n", suite, name, what, detail);
	failures++;
}

static inline struct ozr_json *load(const char *path)
{
	static char text[1 << 20];
	struct ozr_json *doc = NULL;
	struct ozr_err err;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return NULL;
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (ozr_json_parse(ctx, text, n, 0, &doc, &err) != OZR_OK) {
		printf("FAILED %s: %s\n", path, err.msg);
		failures++;
	}
	return doc;
}

/* "invalid/no_axes.json" -> "no_axes" */
static inline void case_name(const char *path, char out[100])
{
	const char *slash = strrchr(path, '/');

	snprintf(out, 100, "%.99s", slash != NULL ? slash + 1 : path);
	char *dot = strstr(out, ".json");
	if (dot != NULL)
		*dot = '\0';
}

/* One document with all cases: {"tests": [{"formerly", "data", "valid"}, ...]}. */
static inline void run_suite(const char *root, const char *suite, const char *file, case_fn *run)
{
	char path[600], name[100];
	struct ozr_jref it;

	snprintf(path, sizeof(path), "%s/%s/tests/%s", root, suite, file);
	struct ozr_json *doc = load(path);
	struct ozr_jref top = ozr_jroot(doc), tests = ozr_jget(&top, "tests");
	for (int more = ozr_jfirst(&tests, &it); more; more = ozr_jnext(&it)) {
		struct ozr_jref formerly = ozr_jget(&it, "formerly"), data = ozr_jget(&it, "data");
		struct ozr_jref valid = ozr_jget(&it, "valid");
		const char *text = "?";
		int yes = 0;
		if (ozr_jstring(&formerly, &text, NULL) != OZR_OK ||
		    ozr_jbool(&valid, &yes, NULL) != OZR_OK)
			complain(suite, file, "the suite is not what it was", text);
		case_name(text, name);
		run(suite, name, data.v, yes);
	}
	ozr_json_free(doc);
}

/* One file a case. */
static inline void run_folder(const char *root, const char *suite, const char *sub, int valid,
			      case_fn *run)
{
	char folder[400], path[700], name[100];

	snprintf(folder, sizeof(folder), "%s/%s/%s", root, suite, sub);
	DIR *d = opendir(folder);
	for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
		if (strstr(e->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		struct ozr_json *doc = load(path);
		case_name(path, name);
		if (doc != NULL)
			run(suite, name, doc, valid);
		ozr_json_free(doc);
	}
	if (d != NULL)
		closedir(d);
}

/* The folder of the suites; 0 when it is not there. */
static inline int find_suites(int argc, char **argv, char root[300])
{
	const char *shared = getenv("OZR_SHARED");

	snprintf(root, 300, "%s/conformance/ngff-spec",
		 shared != NULL && *shared != '\0' ? shared
		 : argc > 1                        ? argv[1]
						   : "../shared");
	DIR *d = opendir(root);
	if (d == NULL) {
		printf("skipped: no %s\n", root);
		return 0;
	}
	closedir(d);
	return 1;
}

#endif
