/* SPDX-License-Identifier: MIT */
/*
 * Whether both sides of a file that is an .ozx and a TIFF still agree: looked at quickly
 * whenever it is opened, tile by tile when somebody asks for it. Other programs know
 * one side only, and what they change breaks the other.
 */
#include "archive.h"
#include "plan.h"
#include "vsi_store.h"

static int run_check(const Name &name, ozr_twin_depth depth, CSLConstList options,
		     ozr_twin_report &report, ozr_err *err)
{
	ozr_ctx *ctx = Driver::get()->context();
	ozr_call call = {};
	call.threads = thread_count(options);
	if (ctx == nullptr)
		return ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	if (!name.remote)
		return ozr_twin_check_file(ctx, name.folder.c_str(), depth, &call, &report, err);
	ArchivePlace place(name.vsi);
	ozr_store *opened = nullptr;
	int rc = open_vsi_store(ctx, place.folder, vsi_options(OZR_READ, options), &opened, err);
	Store parent(opened);
	return rc == OZR_OK ? ozr_twin_check(opened, place.key.c_str(), depth, &call, &report, err)
			    : rc;
}

bool check_twin(Name &name, const char *text, CSLConstList options)
{
	static const struct {
		const char *word;
		ozr_twin_depth depth;
	} known[] = {
		{"QUICK", OZR_TWIN_QUICK}, {"TILES", OZR_TWIN_TILES}, {"BYTES", OZR_TWIN_BYTES}};
	const char *asked = CSLFetchNameValueDef(options, "TWIN_CHECK", "QUICK");
	int depth = -1;
	for (const auto &one : known)
		if (EQUAL(asked, one.word))
			depth = one.depth;
	if (depth < 0 && !EQUAL(asked, "NO")) {
		CPLError(CE_Failure, CPLE_IllegalArg,
			 "TWIN_CHECK=%s: must be QUICK, TILES, BYTES or NO", asked);
		return false;
	}
	if (depth < 0)
		return true;
	ozr_twin_report found = {};
	ozr_err err = {};
	int rc = run_check(name, static_cast<ozr_twin_depth>(depth), options, found, &err);
	if (rc != OZR_OK) {
		if (!name.ours)
			return false;
		ozr_err_context(&err, rc, "open '%s'", text);
		report(err);
		return false;
	}
	if (found.state == OZR_TWIN_DAMAGED) {
		CPLError(CE_Failure, CPLE_FileIO,
			 "open '%s': the file is an .ozx and a TIFF, which no longer agree: %s%s",
			 text, found.problem,
			 found.zarr_side != 0
				 ? "; open option TWIN_CHECK=NO opens the .ozx all the same"
				 : "");
		return false;
	}
	if (found.state == OZR_TWIN_INTACT)
		name.twin = depth == OZR_TWIN_QUICK
				    ? "YES"
				    : CPLSPrintf("YES, %llu tiles on %llu pages agree",
						 static_cast<unsigned long long>(found.tiles),
						 static_cast<unsigned long long>(found.pages));
	return true;
}
