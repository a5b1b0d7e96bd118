/* SPDX-License-Identifier: MIT */
/*
 * The names in a zip archive: the record at its end tells where its directory
 * is, and how many entries that has.
 */
#include "vsi_archive.h"

#include <cpl_vsi_error.h>

#include <algorithm>
#include <memory>

#include "vsi_place.h"

static const size_t end_bytes = 22, locator_bytes = 20, end64_bytes = 56, entry_bytes = 46;
static const size_t tail_bytes = end_bytes + 65535; /* with a comment as long as it may be */
static const uint64_t most_bytes = 128 << 20;       /* of a directory: more than a million names */

namespace
{
struct CloseFile {
	void operator()(VSILFILE *file) const
	{
		VSIFCloseL(file);
	}
};
using File = std::unique_ptr<VSILFILE, CloseFile>;

struct Directory {
	uint64_t offset, bytes, entries;
};
} // namespace

/* n bytes, the lowest first. */
static uint64_t number(const std::string &from, size_t at, unsigned n)
{
	uint64_t out = 0;
	for (unsigned i = n; i-- > 0;)
		out = out << 8 | static_cast<unsigned char>(from[at + i]);
	return out;
}

static bool read_at(VSILFILE *file, uint64_t offset, uint64_t n, std::string &out)
{
	out.resize(n);
	return VSIFSeekL(file, offset, SEEK_SET) == 0 && VSIFReadL(&out[0], 1, n, file) == n;
}

static int fail(ozr_err *err)
{
	std::string why = vsi_reason();
	return ozr_fail(err, OZR_NET, "the archive's list of names cannot be read: %s",
			why.c_str());
}

/* Archives of more than 65534 members, or 4 GiB: the numbers are in another record. */
static int find_large(VSILFILE *file, const std::string &tail, size_t end, Directory &out,
		      ozr_err *err)
{
	std::string record;
	if (end < locator_bytes || tail.compare(end - locator_bytes, 4, "PK\6\7") != 0)
		return OZR_OK;
	if (!read_at(file, number(tail, end - locator_bytes + 8, 8), end64_bytes, record))
		return fail(err);
	if (record.compare(0, 4, "PK\6\6") != 0)
		return ozr_fail(err, OZR_CORRUPT, "the zip archive has no directory");
	out = {number(record, 48, 8), number(record, 40, 8), number(record, 32, 8)};
	return OZR_OK;
}

static int find_directory(VSILFILE *file, Directory &out, ozr_err *err)
{
	std::string tail;
	if (VSIFSeekL(file, 0, SEEK_END) != 0)
		return fail(err);
	uint64_t size = VSIFTellL(file), n = std::min<uint64_t>(size, tail_bytes);
	if (!read_at(file, size - n, n, tail))
		return fail(err);
	size_t end = n < end_bytes ? std::string::npos : tail.rfind("PK\5\6", n - end_bytes);
	if (end == std::string::npos)
		return ozr_fail(err, OZR_CORRUPT, "this is no zip archive");
	out = {number(tail, end + 16, 4), number(tail, end + 12, 4), number(tail, end + 10, 2)};
	int rc = find_large(file, tail, end, out, err);
	if (rc == OZR_OK && (out.bytes > most_bytes || out.bytes > size))
		return ozr_fail(err, OZR_LIMIT, "the archive's list of names has %llu bytes",
				static_cast<unsigned long long>(out.bytes));
	return rc;
}

/* As GDAL names it. */
static std::string plain_name(std::string name)
{
	std::replace(name.begin(), name.end(), '\\', '/');
	while (name.compare(0, 2, "./") == 0)
		name.erase(0, 2);
	name.erase(0, name.find_first_not_of('/'));
	return name;
}

int ArchiveNames::walk(const std::string &directory, uint64_t count, ozr_err *err)
{
	size_t at = 0, size = directory.size();
	for (uint64_t i = 0; i < count; i++) {
		if (size - at < entry_bytes || directory.compare(at, 4, "PK\1\2") != 0)
			return ozr_fail(err, OZR_CORRUPT, "the zip archive's directory is damaged");
		uint64_t name = number(directory, at + 28, 2);
		uint64_t all = entry_bytes + name + number(directory, at + 30, 2) +
			       number(directory, at + 32, 2);
		if (all > size - at)
			return ozr_fail(err, OZR_CORRUPT, "the zip archive's directory is damaged");
		names_.push_back(plain_name(directory.substr(at + entry_bytes, name)));
		at += all;
	}
	std::sort(names_.begin(), names_.end());
	return OZR_OK;
}

int ArchiveNames::read(const std::string &path, ozr_err *err)
{
	Muted mute;
	Directory where = {};
	std::string directory;
	LocalOption no_listing("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR");
	VSIErrorReset();
	File file(VSIFOpenEx2L(path.c_str(), "rb", TRUE, nullptr));
	if (!file)
		return fail(err);
	int rc = find_directory(file.get(), where, err);
	if (rc == OZR_OK && !read_at(file.get(), where.offset, where.bytes, directory))
		rc = fail(err);
	return rc == OZR_OK ? walk(directory, where.entries, err) : rc;
}

bool ArchiveNames::has(const std::string &name) const
{
	return std::binary_search(names_.begin(), names_.end(), name);
}
