/* SPDX-License-Identifier: MIT */
/*
 * Where a new image goes: what CreateCopy() and Create() have in common.
 */
#include "create.h"
#include "store.h"

bool refuse_target(const Name &target)
{
	const char *why = refuses_image(target);
	if (why != nullptr)
		CPLError(CE_Failure, CPLE_NotSupported, "create '%s': %s", target.folder.c_str(),
			 why);
	return why != nullptr;
}

bool report_creation(const Name &target, const ozr_err &before, int rc)
{
	ozr_err err = before;
	if (rc == OZR_EXISTS)
		ozr_fail(&err, rc, "%s; -co OVERWRITE=YES replaces an image", before.msg);
	else if (!STARTS_WITH(err.msg, "create '")) /* the library's name it already */
		ozr_err_context(&err, rc, "create '%s'", target.folder.c_str());
	report(err);
	return false;
}

void remove_side_files(const Name &target)
{
	if (target.network || !target.inner.empty())
		return;
	for (const char *suffix : {".aux.xml", ".ovr", ".msk"}) {
		VSIStatBufL stat;
		std::string path = target.vsi + suffix;
		if (VSIStatL(path.c_str(), &stat) == 0)
			VSIUnlink(path.c_str());
	}
}
