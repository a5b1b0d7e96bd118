/* SPDX-License-Identifier: MIT */
/*
 * Names of datasets. Quotes keep colons of the path apart from the one in
 * front of the inner path.
 */
#include "driver.h"
#include "vsi_place.h"

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

static bool is_url(const std::string &text)
{
	return STARTS_WITH_CI(text.c_str(), "http://") || STARTS_WITH_CI(text.c_str(), "https://");
}

/* "x.zarr/zarr.json" is what some file dialogs give for x.zarr. */
static bool strip_metadata_file(std::string &text)
{
	for (const char *file : {"/zarr.json", "/.zattrs", "/.zgroup", "/.zarray"})
		if (text.size() > strlen(file) && ends_with(text, file)) {
			text.resize(text.size() - strlen(file));
			strip_slashes(text);
			return true;
		}
	return false;
}

/* path, "path":inner */
static void split(std::string &folder, std::string &inner)
{
	if (folder.empty() || folder[0] != '"')
		return;
	size_t close = folder.find('"', 1);
	if (close == std::string::npos)
		return;
	inner = folder.substr(close + 1);
	folder = folder.substr(1, close - 1);
	inner.erase(0, inner.find_first_not_of(":/"));
	while (!inner.empty() && inner.back() == '/')
		inner.pop_back();
}

/* "path":./image, "path":inner/./image. What stands behind the dot is for people. */
static bool strip_dot(std::string &inner)
{
	size_t dot = ("/" + inner + "/").find("/./");
	if (dot == std::string::npos)
		return false;
	inner.resize(dot > 0 ? dot - 1 : 0);
	return true;
}

/* Paths with quotes are not quoted. */
static bool strip_own_name(std::string &folder)
{
	std::string end = std::string("/") + own_name;
	if (folder.find('"') == std::string::npos || !ends_with(folder, end.c_str()))
		return false;
	folder.resize(folder.size() - end.size());
	return true;
}

/* URLs by the file systems that GDAL has for them. */
static std::string as_vsi(const std::string &text)
{
	static const struct {
		const char *scheme, *system;
	} known[] = {{"s3://", "/vsis3/"}, {"gs://", "/vsigs/"}, {"az://", "/vsiaz/"}};
	if (is_url(text))
		return "/vsicurl/" + text;
	for (const auto &one : known)
		if (STARTS_WITH_CI(text.c_str(), one.scheme))
			return one.system + text.substr(strlen(one.scheme));
	return text;
}

enum class Entry { UNKNOWN, IS_FOLDER, IS_FILE };

static Entry look_at(const std::string &path)
{
	VSIStatBufL stat = {};
	if (is_network(path) || VSIStatL(path.c_str(), &stat) != 0)
		return Entry::UNKNOWN;
	return VSI_ISDIR(stat.st_mode) ? Entry::IS_FOLDER : Entry::IS_FILE;
}

/* Names in archives are often those of folders: "/vsizip/x.zarr.zip" is one, and so may x.ozx be. With
 * the prefix any file is taken for an archive, whatever its name. */
static bool names_archive(const std::string &vsi, bool by_suffix, bool prefixed)
{
	if (!by_suffix && !prefixed)
		return false;
	bool inside = STARTS_WITH(vsi.c_str(), "/vsizip/") || STARTS_WITH(vsi.c_str(), "/vsitar/");
	Entry entry = look_at(vsi);
	return entry == Entry::IS_FILE || (entry == Entry::UNKNOWN && by_suffix && !inside);
}

/* What stands behind '?' in a URL belongs to every request. */
static std::string take_query(std::string &text)
{
	bool url = is_url(text) || STARTS_WITH(text.c_str(), "/vsicurl/http");
	size_t mark = url ? text.find('?') : std::string::npos;
	if (mark == std::string::npos)
		return "";
	std::string query = text.substr(mark);
	text.resize(mark);
	return query;
}

bool Name::is_label(std::string &of, std::string &label) const
{
	size_t slash = inner.rfind('/');
	if (slash == std::string::npos || slash + 1 == inner.size())
		return false;
	std::string list = "/" + inner.substr(0, slash);
	if (!ends_with(list, "/labels"))
		return false;
	label = inner.substr(slash + 1);
	list.resize(list.size() - strlen("/labels"));
	of = list.empty() ? list : list.substr(1);
	return true;
}

Name::Name(const char *text)
{
	static const char prefix[] = "OMEZARR:";
	folder = text;
	if (STARTS_WITH_CI(text, prefix)) {
		prefixed = true;
		folder.erase(0, sizeof(prefix) - 1);
		split(folder, inner);
		itself = strip_dot(inner) || strip_own_name(folder);
	}
	std::string query = take_query(folder);
	strip_slashes(folder);
	by_document = strip_metadata_file(folder);
	vsi = as_vsi(folder) + query;
	for (const char *suffix : {".tif", ".tiff", ".btf", ".tf8"})
		tiff = tiff || ends_with(folder, suffix);
	bool archive = ends_with(folder, ".ozx") || ends_with(folder, ".zip") || tiff;
	ours = prefixed || ends_with(folder, ".ozx") || ends_with(folder, ".ome.zarr") ||
	       ends_with(folder, ".ome.zarr.zip");
	zarr = ours || by_document || ends_with(folder, ".zarr") || ends_with(folder, ".zarr.zip");
	zipped = !by_document && names_archive(vsi, archive, prefixed);
	remote = STARTS_WITH(vsi.c_str(), "/vsi");
	network = is_network(vsi);
	folder += query;
}

/* A path of GDAL's without what can be written in several ways. */
static std::string plain_path(const std::string &vsi)
{
	CPLStringList words(CSLTokenizeString2(vsi.c_str(), "/", 0));
	std::string out;
	for (int i = 0; i < words.size(); i++) {
		if (EQUAL(words[i], "."))
			continue;
		if (EQUAL(words[i], ".."))
			out.resize(out.empty() ? 0 : out.rfind('/'));
		else
			out += std::string("/") + words[i];
	}
	return out + "/";
}

bool is_inside(const std::string &path, const std::string &folder)
{
	return plain_path(path).find(plain_path(folder)) == 0;
}
