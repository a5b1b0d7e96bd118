/* SPDX-License-Identifier: MIT */
/*
 * Names of datasets. Quotes keep colons of the path apart from the one in
 * front of the inner path.
 */
#include "driver.h"

static bool ends_with(const std::string &text, const char *end)
{
	size_t n = strlen(end);
	return text.size() >= n && EQUAL(text.c_str() + text.size() - n, end);
}

static void strip_slashes(std::string &text)
{
	while (text.size() > 1 && text.back() == '/')
		text.pop_back();
}

/* "x.zarr/zarr.json" is what some file dialogs give for x.zarr. */
static void strip_metadata_file(std::string &text)
{
	for (const char *file : {"/zarr.json", "/.zattrs", "/.zgroup", "/.zarray"})
		if (text.size() > strlen(file) && ends_with(text, file)) {
			text.resize(text.size() - strlen(file));
			strip_slashes(text);
			return;
		}
}

Name::Name(const char *text)
{
	static const char prefix[] = "OMEZARR:";
	folder = text;
	if (STARTS_WITH_CI(text, prefix)) {
		prefixed = true;
		folder.erase(0, sizeof(prefix) - 1);
	}
	if (prefixed && !folder.empty() && folder[0] == '"') {
		size_t close = folder.find('"', 1);
		if (close != std::string::npos) {
			inner = folder.substr(close + 1);
			folder = folder.substr(1, close - 1);
			inner.erase(0, inner.find_first_not_of(":/"));
			while (!inner.empty() && inner.back() == '/')
				inner.pop_back();
		}
	}
	strip_slashes(folder);
	strip_metadata_file(folder);
	zipped = ends_with(folder, ".ozx");
	ours = prefixed || zipped || ends_with(folder, ".ome.zarr");
	remote = STARTS_WITH(folder.c_str(), "/vsi") || folder.find("://") != std::string::npos;
}
