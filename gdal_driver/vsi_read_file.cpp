/* SPDX-License-Identifier: MIT */
/*
 * Objects that are files of GDAL's. The network ones are opened without a
 * listing of their folder and without GDAL's cache of what exists and what it
 * holds: it would give history, and remembers a failure as an absence. What
 * GDAL says about a file that does not open decides whether it is missing:
 * only a clear answer of the server counts. In an archive it is the list of
 * names that tells (vsi_archive.h), and what GDAL has read of it may stay in
 * its cache until something fails.
 */
#include <cpl_vsi_error.h>
#include <cpl_vsi_virtual.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "driver.h"
#include "vsi_store.h"

namespace
{
/* How GDAL's network files are to behave here. */
class Fresh
{
      public:
	explicit Fresh(const Place &place)
	{
		if (!place.network)
			return;
		no_listing_ =
			std::make_unique<LocalOption>("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR");
		if (place.archive.empty()) /* or each member's opening would read the list again */
			no_cache_ =
				std::make_unique<LocalOption>("CPL_VSIL_CURL_NON_CACHED", "/vsi");
	}

      private:
	std::unique_ptr<LocalOption> no_listing_, no_cache_;
};

struct CloseFile {
	void operator()(VSILFILE *file) const
	{
		VSIFCloseL(file);
	}
};
using File = std::unique_ptr<VSILFILE, CloseFile>;

class FileObject final : public VsiObject
{
      public:
	FileObject(VsiStore &in, const char *named, File file)
	    : VsiObject(&in, named), place_(in.place), file_(std::move(file)),
	      handle_(reinterpret_cast<VSIVirtualHandle *>(file_.get()))
	{
	}
	~FileObject() override
	{
		Muted mute;
		Fresh fresh(place_);
		file_.reset();
	}
	/* Size and version; false when there is no saying. */
	bool look();
	int fetch(size_t n, const ozr_range *ranges, void *const *dst, ozr_err *err) override;

      private:
	int read_one(const ozr_range &range, void *dst, ozr_err *err);
	bool read_once(const ozr_range &range, void *dst);

	const Place place_; /* the store may be gone when the pool ends */
	File file_;
	VSIVirtualHandle *handle_;
	std::mutex mutex_; /* of the file's position */
};
} // namespace

/* What GDAL's network files have read when they are open: it is there for the taking. */
static const uint64_t first_read = 16384;

bool FileObject::look()
{
	std::string path = place_.file(key.c_str());
	VSIStatBufL stat = {};
	int flags = VSI_STAT_EXISTS_FLAG | VSI_STAT_NATURE_FLAG | VSI_STAT_SIZE_FLAG |
		    (place_.network ? VSI_STAT_CACHE_ONLY : 0);
	if (VSIFSeekL(file_.get(), 0, SEEK_END) != 0)
		return false;
	size = VSIFTellL(file_.get());
	bool known = VSIStatExL(path.c_str(), &stat, flags) == 0 && stat.st_mtime != 0;
	std::string tag = std::to_string(stat.st_mtime);
	if (place_.memory) { /* somebody may change a file in place */
		vsi_l_offset n = 0;
		auto at = reinterpret_cast<uintptr_t>(VSIGetMemFileBuffer(path.c_str(), &n, FALSE));
		tag += "/" + std::to_string(at);
	}
	version =
		known && !is_young(stat.st_mtime) ? version_of(tag, size) : Driver::get()->serial();
	return !VSI_ISDIR(stat.st_mode);
}

/* --- reading ------------------------------------------------------------------------------ */

bool FileObject::read_once(const ozr_range &range, void *dst)
{
	Muted mute;
	Fresh fresh(place_);
	bool at_hand = place_.network && range.offset + range.length <= first_read;
	if (handle_->HasPRead() && !at_hand)
		return handle_->PRead(dst, range.length, range.offset) == range.length;
	std::lock_guard<std::mutex> guard(mutex_);
	return VSIFSeekL(file_.get(), range.offset, SEEK_SET) == 0 &&
	       VSIFReadL(dst, 1, range.length, file_.get()) == range.length;
}

/* What failed may be remembered as an absence. */
static void forget_archive(const Place &place)
{
	if (!place.archive.empty())
		VSICurlPartialClearCache(place.archive.c_str());
}

int FileObject::read_one(const ozr_range &range, void *dst, ozr_err *err)
{
	std::string path = place_.file(key.c_str());
	long retries = 0;
	double delay = 0;
	if (place_.network) {
		retries = std::strtol(
			VSIGetPathSpecificOption(path.c_str(), "GDAL_HTTP_MAX_RETRY", "0"), nullptr,
			10);
		delay = CPLAtof(
			VSIGetPathSpecificOption(path.c_str(), "GDAL_HTTP_RETRY_DELAY", "30"));
	}
	while (!read_once(range, dst)) {
		forget_archive(place_);
		if (retries-- <= 0)
			return ozr_fail(err, place_.network ? OZR_NET : OZR_IO,
					"bytes %llu+%llu of %llu cannot be read",
					static_cast<unsigned long long>(range.offset),
					static_cast<unsigned long long>(range.length),
					static_cast<unsigned long long>(size));
		CPLSleep(delay);
		delay *= 2;
	}
	return OZR_OK;
}

int FileObject::fetch(size_t n, const ozr_range *ranges, void *const *dst, ozr_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].length == 0)
			continue;
		int rc = read_one(ranges[i], dst[i], err);
		if (rc != OZR_OK) { /* the file may be of no use any more */
			static_cast<VsiStore *>(store)->forget(key);
			return rc;
		}
	}
	return OZR_OK;
}

/* --- opening ------------------------------------------------------------------------------ */

/* A network file that did not open. */
static int explain_network(const VsiStore &store, ozr_err *err)
{
	int number = VSIGetLastErrorNo();
	std::string text = vsi_reason();
	bool http = number == VSIE_HttpError;
	auto status = [&](const char *code) {
		return text.find(std::string("HTTP response code: ") + code) != std::string::npos;
	};
	if (number == VSIE_AWSObjectNotFound || (http && status("404")))
		return ozr_fail(err, OZR_NOT_FOUND, "no such key");
	if (number == VSIE_AWSAccessDenied || (http && status("403"))) {
		if (store.options.missing_403)
			return ozr_fail(err, OZR_NOT_FOUND,
					"access denied, taken as missing (OMEZARR_MISSING_403)");
		return ozr_fail(err, OZR_DENIED, "%s", text.c_str());
	}
	if (number == VSIE_AWSInvalidCredentials || number == VSIE_AWSSignatureDoesNotMatch ||
	    (http && status("401")))
		return ozr_fail(err, OZR_DENIED, "%s", text.c_str());
	return ozr_fail(err, OZR_NET, "cannot be opened: %s", text.c_str());
}

static int explain_local(const std::string &path, ozr_err *err)
{
	VSIStatBufL stat = {};
	if (VSIStatExL(path.c_str(), &stat, VSI_STAT_EXISTS_FLAG | VSI_STAT_NATURE_FLAG) != 0 ||
	    VSI_ISDIR(stat.st_mode))
		return ozr_fail(err, OZR_NOT_FOUND, "no such key");
	return ozr_fail(err, OZR_IO, "cannot be opened: %s", CPLGetLastErrorMsg());
}

static int fail_to_open(const VsiStore &store, const std::string &path, ozr_err *err)
{
	if (!store.place.network)
		return explain_local(path, err);
	if (store.place.archive.empty())
		return explain_network(store, err);
	forget_archive(store.place);
	return ozr_fail(err, OZR_NET, "cannot be opened: %s", vsi_reason().c_str());
}

/* A listing of the folder that GDAL keeps says nothing of what came later, and GDAL believes it
 * without a word: then it is asked again. */
static File open_known(const Place &place, const std::string &path)
{
	VSIErrorReset();
	File file(VSIFOpenEx2L(path.c_str(), "rb", TRUE, nullptr));
	bool silent = VSIGetLastErrorNo() == 0 && *CPLGetLastErrorMsg() == '\0';
	if (file || !silent || !place.network || !place.archive.empty())
		return file;
	VSICurlPartialClearCache(path.substr(0, path.rfind('/')).c_str());
	return File(VSIFOpenEx2L(path.c_str(), "rb", TRUE, nullptr));
}

int open_file_object(VsiStore &store, const char *key, const ozr_hint &, VsiObject **out,
		     ozr_err *err)
{
	std::string path = store.place.file(key);
	bool there = true;
	if (!store.place.archive.empty()) {
		int rc = store.archive_has(key, there, err);
		if (rc != OZR_OK || !there)
			return rc != OZR_OK ? rc : ozr_fail(err, OZR_NOT_FOUND, "no such key");
	}
	Muted mute;
	Fresh fresh(store.place);
	/* What somebody has found out about it before, an absence too, would be taken for true. */
	if (store.place.network && store.place.archive.empty())
		VSICurlPartialClearCache(path.c_str());
	File file = open_known(store.place, path);
	if (!file)
		return fail_to_open(store, path, err);
	auto object = std::make_unique<FileObject>(store, key, std::move(file));
	if (!object->look()) /* some file systems open directories */
		return ozr_fail(err, OZR_NOT_FOUND, "no such key");
	*out = object.release();
	return OZR_OK;
}
