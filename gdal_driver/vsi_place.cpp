/* SPDX-License-Identifier: MIT */
/*
 * Names of files and URLs of keys.
 */
#include "vsi_place.h"

#include <cpl_vsi_error.h>

#include <cstring>

static bool starts(const std::string &text, const char *with)
{
	return text.compare(0, strlen(with), with) == 0;
}

bool is_network(const std::string &path)
{
	static const char *const systems[] = {"/vsicurl",  "/vsis3",   "/vsigs",
					      "/vsiaz",    "/vsiadls", "/vsioss",
					      "/vsiswift", "/vsihdfs", "/vsiwebhdfs"};
	for (const char *system : systems)
		for (size_t at = path.find(system); at != std::string::npos;
		     at = path.find(system, at + 1)) {
			char next = path[at + strlen(system)];
			/* "/vsis3/", "/vsis3_streaming/", "/vsicurl?url=" */
			if (next == '/' || next == '_' || next == '?')
				return true;
		}
	return false;
}

/* "/vsizip/{archive}/inside", "/vsizip/archive.zip/inside" */
static void split_archive(const std::string &path, std::string &archive, std::string &inside)
{
	static const char system[] = "/vsizip/";
	if (!starts(path, system))
		return;
	std::string rest = path.substr(strlen(system));
	size_t end = std::string::npos;
	if (rest[0] == '{') {
		int depth = 0;
		for (size_t i = 0; i < rest.size() && end == std::string::npos; i++) {
			depth += rest[i] == '{' ? 1 : rest[i] == '}' ? -1 : 0;
			if (depth == 0)
				end = i + 1;
		}
		if (end != std::string::npos)
			archive = rest.substr(1, end - 2);
	} else {
		for (size_t at = rest.find(".zip"); at != std::string::npos && archive.empty();
		     at = rest.find(".zip", at + 1)) {
			end = at + strlen(".zip");
			if (end == rest.size() || rest[end] == '/')
				archive = rest.substr(0, end);
		}
	}
	if (!archive.empty() && end + 1 < rest.size())
		inside = rest.substr(end + 1) + "/";
}

Place::Place(const std::string &path)
{
	base = path;
	network = is_network(path);
	if (network)
		split_archive(path, archive, inside);
	memory = starts(path + "/", "/vsimem/");
	for (const char *system : {"/vsis3/", "/vsigs/", "/vsiaz/", "/vsioss/"})
		objects = objects || starts(path, system);
	http = starts(path, "/vsicurl/http://") || starts(path, "/vsicurl/https://");
	if (!http)
		return;
	base.erase(0, strlen("/vsicurl/"));
	size_t mark = base.find('?');
	if (mark != std::string::npos) {
		query = base.substr(mark);
		base.resize(mark);
	}
	while (!base.empty() && base.back() == '/')
		base.pop_back();
}

std::string Place::file(const char *key) const
{
	std::string out = (http ? "/vsicurl/" : "") + base;
	if (*key != '\0')
		out += std::string("/") + key;
	return out + query;
}

std::string Place::url(const char *key) const
{
	static const char hex[] = "0123456789ABCDEF";
	std::string out = base;
	if (*key != '\0')
		out += '/';
	for (const char *c = key; *c != '\0'; c++) {
		auto byte = static_cast<unsigned char>(*c);
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || strchr("-._~/!$&'()*+,;=:@", *c);
		if (plain) {
			out += *c;
		} else {
			out += '%';
			out += hex[byte >> 4];
			out += hex[byte & 15];
		}
	}
	return out + query;
}

std::string Place::location() const
{
	std::string out = base;
	size_t host = out.find("://");
	if (host != std::string::npos) {
		host += 3;
		size_t end = out.find('/', host), at = out.rfind('@', end);
		if (at != std::string::npos && at >= host)
			out.erase(host, at + 1 - host);
	}
	if (starts(out, "/vsicurl?")) /* options may hold tokens */
		out.resize(strlen("/vsicurl"));
	return out;
}

std::string vsi_reason()
{
	std::string text = VSIGetLastErrorNo() != 0 ? VSIGetLastErrorMsg() : "";
	if (text.empty())
		text = CPLGetLastErrorMsg();
	return text.empty() ? "GDAL does not say why" : text;
}

LocalOption::LocalOption(const char *name, const char *value) : name_(name)
{
	const char *now = CPLGetThreadLocalConfigOption(name, nullptr);
	if (now != nullptr) {
		before_ = now;
		had_ = true;
	}
	CPLSetThreadLocalConfigOption(name, value);
}

LocalOption::~LocalOption()
{
	CPLSetThreadLocalConfigOption(name_.c_str(), had_ ? before_.c_str() : nullptr);
}
