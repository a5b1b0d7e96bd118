/* SPDX-License-Identifier: MIT */
/*
 * Writing whole values over GDAL's virtual file systems. A value is collected
 * in memory, a large one in a scratch file, and goes out with its commit, because
 * a file of an object store that was opened for writing is uploaded when it is
 * closed, whatever has happened: so an aborted put leaves nothing. /vsimem/ takes the
 * bytes over in one step, object stores by one PUT, or in parts from the scratch file.
 */
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "driver.h"
#include "vsi_store.h"

bool Locks::hold(const std::string &name, bool waits)
{
	std::unique_lock<std::mutex> guard(mutex_);
	if (!waits && held_.count(name) != 0)
		return false;
	released_.wait(guard, [&] { return held_.count(name) == 0; });
	held_.insert(name);
	return true;
}

void Locks::release(const std::string &name)
{
	{
		std::lock_guard<std::mutex> guard(mutex_);
		held_.erase(name);
	}
	released_.notify_all();
}

namespace
{
struct FreeBytes {
	void operator()(GByte *bytes) const
	{
		VSIFree(bytes);
	}
};

/* A file that has no name any more. */
class Scratch
{
      public:
	Scratch() = default;
	~Scratch()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	Scratch(const Scratch &) = delete;
	Scratch &operator=(const Scratch &) = delete;
	bool is_open() const
	{
		return fd_ >= 0;
	}
	bool open();
	bool append(const GByte *bytes, size_t n);
	bool read(uint64_t offset, GByte *bytes, size_t n) const;

      private:
	int fd_ = -1;
};

class VsiPut : public ozr_put
{
      public:
	VsiPut(VsiStore &in, const char *named) : ozr_put(), key(named)
	{
		store = &in;
	}
	std::string key;
	std::unique_ptr<GByte, FreeBytes> bytes; /* what is not in the scratch file */
	size_t length = 0, room = 0;             /* of bytes */
	Scratch scratch;
	uint64_t spilled = 0; /* bytes in it */
	bool broken = false;
};
} // namespace

bool Scratch::open()
{
	const char *folder = CPLGetConfigOption("CPL_TMPDIR", nullptr);
	if (folder == nullptr)
		folder = secure_getenv("TMPDIR");
	std::string name = std::string(folder != nullptr ? folder : "/var/tmp") + "/ozr-XXXXXX";
	fd_ = mkostemp(&name[0], O_CLOEXEC);
	if (fd_ >= 0)
		unlink(name.c_str());
	return fd_ >= 0;
}

bool Scratch::append(const GByte *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = ::write(fd_, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		bytes += done;
		n -= static_cast<size_t>(done);
	}
	return true;
}

bool Scratch::read(uint64_t offset, GByte *bytes, size_t n) const
{
	while (n > 0) {
		ssize_t done = pread(fd_, bytes, n, static_cast<off_t>(offset));
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		bytes += done;
		offset += static_cast<uint64_t>(done);
		n -= static_cast<size_t>(done);
	}
	return true;
}

int begin_put(VsiStore &store, const char *key, ozr_put **out, ozr_err *)
{
	*out = new VsiPut(store, key);
	return OZR_OK;
}

static const size_t most_in_memory = 128 << 20;

/* What was collected goes to the scratch file. */
static int spill(VsiPut &p, ozr_err *err)
{
	bool done = (p.scratch.is_open() || p.scratch.open()) &&
		    p.scratch.append(p.bytes.get(), p.length);
	if (!done) {
		p.broken = true;
		return ozr_fail_errno(err, errno, "write a scratch file");
	}
	p.spilled += p.length;
	p.length = 0;
	return OZR_OK;
}

int append_put(ozr_put *put, const void *bytes, size_t n, ozr_err *err)
{
	auto &p = *static_cast<VsiPut *>(put);
	bool memory = static_cast<VsiStore *>(put->store)->place.memory;
	if (!p.broken && !memory && p.length >= most_in_memory && spill(p, err) != OZR_OK)
		return err != nullptr ? err->code : static_cast<int>(OZR_IO);
	if (p.broken || n > SIZE_MAX / 2 - p.length) {
		p.broken = true;
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a value of this size");
	}
	if (p.length + n > p.room) {
		size_t room = p.length + n + p.length / 2 + 256;
		auto *more = static_cast<GByte *>(VSIRealloc(p.bytes.get(), room));
		if (more == nullptr) {
			p.broken = true;
			return ozr_fail(err, OZR_NO_MEMORY, "no memory for %zu bytes", room);
		}
		(void)p.bytes.release();
		p.bytes.reset(more);
		p.room = room;
	}
	memcpy(p.bytes.get() + p.length, bytes, n);
	p.length += n;
	return OZR_OK;
}

static int fail_write(const char *what, ozr_err *err)
{
	std::string why = CPLGetLastErrorMsg();
	bool denied = why.find("403") != std::string::npos ||
		      why.find("401") != std::string::npos ||
		      why.find("AccessDenied") != std::string::npos ||
		      why.find("SignatureDoesNotMatch") != std::string::npos;
	return ozr_fail(err, denied ? OZR_DENIED : OZR_NET, "%s: %s", what,
			why.empty() ? "no reason was given" : why.c_str());
}

/* GDAL sends what is longer than this (in MiB) in parts, which takes more requests. */
static const size_t usual_part = 50, longest_part = 1000;

/* One PUT, where the object store has such requests. */
static std::unique_ptr<LocalOption> in_one_part(const std::string &path, const VsiPut &p)
{
	size_t mib = (p.length >> 20) + 2;
	if (p.spilled > 0 || mib <= usual_part || mib > longest_part)
		return nullptr;
	std::string system = path.substr(1, path.find('/', 1) - 1); /* vsis3 */
	std::string option = CPLString(system).toupper() + "_CHUNK_SIZE";
	return std::make_unique<LocalOption>(option.c_str(), std::to_string(mib).c_str());
}

/* had: false when the bytes could not be had. */
static bool upload_scratch(const VsiPut &p, VSILFILE *file, bool &had)
{
	std::vector<GByte> block(p.spilled > 0 ? 1 << 20 : 0);
	for (uint64_t at = 0; at < p.spilled; at += block.size()) {
		block.resize(std::min<uint64_t>(block.size(), p.spilled - at));
		had = p.scratch.read(at, block.data(), block.size());
		if (!had || VSIFWriteL(block.data(), 1, block.size(), file) != block.size())
			return false;
	}
	return true;
}

static int upload(const std::string &path, const VsiPut &p, ozr_err *err)
{
	Muted mute;
	std::unique_ptr<LocalOption> whole = in_one_part(path, p);
	VSILFILE *file = VSIFOpenL(path.c_str(), "wb");
	if (file == nullptr)
		return fail_write("cannot be created", err);
	bool had = true;
	bool written = upload_scratch(p, file, had);
	written = written &&
		  (p.length == 0 || VSIFWriteL(p.bytes.get(), 1, p.length, file) == p.length);
	bool closed = VSIFCloseL(file) == 0; /* this is what uploads */
	if (written && closed)
		return OZR_OK;
	int rc = fail_write(had ? "cannot be written" : "its scratch file cannot be read", err);
	if (!had && closed) /* a part of it */
		VSIUnlink(path.c_str());
	return rc;
}

static int publish_in_memory(const std::string &path, VsiPut &p, ozr_err *err)
{
	if (!p.bytes)
		p.bytes.reset(static_cast<GByte *>(VSIMalloc(1)));
	if (!p.bytes)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for an empty value");
	Muted mute;
	/* or nothing there could be listed */
	(void)VSIMkdirRecursive(path.substr(0, path.rfind('/')).c_str(), 0777);
	VSILFILE *file = VSIFileFromMemBuffer(path.c_str(), p.bytes.get(), p.length, TRUE);
	if (file == nullptr)
		return ozr_fail(err, OZR_IO, "%s", CPLGetLastErrorMsg());
	(void)p.bytes.release();
	VSIFCloseL(file);
	return OZR_OK;
}

static int is_there(VsiStore &store, const std::string &key, bool &yes, ozr_err *err)
{
	VsiObject *object = nullptr;
	int rc = open_file_object(store, key.c_str(), {OZR_FIRST_NOTHING, 0}, &object, err);
	yes = rc == OZR_OK;
	if (yes)
		object->drop();
	return rc == OZR_NOT_FOUND ? static_cast<int>(OZR_OK) : rc;
}

static int commit(VsiStore &store, VsiPut &p, ozr_put_mode mode, ozr_err *err)
{
	std::string path = store.place.file(p.key.c_str());
	bool exists = false;
	if (p.broken)
		return ozr_fail(err, OZR_BAD_ARG, "an append failed before");
	if (mode == OZR_PUT_CREATE_ONLY && (store.caps & OZR_STORE_LOCK) == 0)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"a part of a value needs a lock, which object stores do not have; "
				"SINGLE_WRITER=YES says that no other process writes the image");
	if (mode == OZR_PUT_CREATE_ONLY) {
		int rc = is_there(store, p.key, exists, err);
		if (rc != OZR_OK)
			return rc;
		if (exists)
			return ozr_fail(err, OZR_EXISTS, "the key exists");
	}
	return store.place.memory ? publish_in_memory(path, p, err) : upload(path, p, err);
}

int commit_put(ozr_put *put, ozr_put_mode mode, ozr_err *err)
{
	std::unique_ptr<VsiPut> p(static_cast<VsiPut *>(put));
	auto &store = *static_cast<VsiStore *>(put->store);
	int rc = OZR_OK;
	try {
		rc = commit(store, *p, mode, err);
	} catch (const std::bad_alloc &) {
		rc = ozr_fail(err, OZR_NO_MEMORY, "out of memory");
	}
	if (rc == OZR_OK)
		return rc;
	char quoted[OZR_QUOTE_MAX];
	return ozr_err_context(err, rc, "write '%s'",
			       ozr_quote(quoted, p->key.c_str(), p->key.size()));
}

void abort_put(ozr_put *put)
{
	delete static_cast<VsiPut *>(put);
}

/* Directories are things of their own in memory, and are there even when nothing is in them. */
static void drop_empty_folders(const VsiStore &store, std::string key)
{
	for (size_t slash; (slash = key.rfind('/')) != std::string::npos;) {
		key.resize(slash);
		std::string folder = store.place.file(key.c_str());
		if (CPLStringList(VSIReadDirEx(folder.c_str(), 1)).size() > 0)
			return;
		VSIRmdir(folder.c_str());
	}
}

int delete_key(VsiStore &store, const char *key, ozr_err *err)
{
	std::string path = store.place.file(key);
	std::string why;
	{
		Muted mute;
		if (VSIUnlink(path.c_str()) == 0) {
			if (store.place.memory)
				drop_empty_folders(store, key);
			return OZR_OK;
		}
		why = CPLGetLastErrorMsg();
	}
	bool there = true;
	int rc = is_there(store, key, there, err);
	if (rc != OZR_OK || !there)
		return rc;
	return ozr_fail(err, store.place.network ? OZR_NET : OZR_IO, "cannot be deleted: %s",
			why.empty() ? "no reason was given" : why.c_str());
}

namespace
{
struct Entry {
	std::string name;
	bool prefix;
	bool operator<(const Entry &other) const
	{
		return name < other.name;
	}
};
struct CloseDir {
	void operator()(VSIDIR *dir) const
	{
		VSICloseDir(dir);
	}
};
} // namespace

/* The direct children of a prefix, in byte order. */
static int children_of(VsiStore &store, const char *prefix, std::vector<Entry> &out, ozr_err *err)
{
	std::string path = store.place.file(prefix);
	Muted mute;
	if (store.place.network)
		VSICurlPartialClearCache(path.c_str());
	std::unique_ptr<VSIDIR, CloseDir> dir(VSIOpenDir(path.c_str(), 0, nullptr));
	const VSIDIREntry *entry = nullptr;
	while (dir && (entry = VSIGetNextDirEntry(dir.get())) != nullptr) {
		std::string name = entry->pszName;
		bool is_prefix = entry->bModeKnown && VSI_ISDIR(entry->nMode);
		while (!name.empty() && name.back() == '/') {
			name.pop_back();
			is_prefix = true;
		}
		if (!name.empty() && name != "." && name != "..")
			out.push_back({name, is_prefix});
	}
	if (store.place.network && CPLGetLastErrorType() >= CE_Failure)
		return ozr_fail(err, OZR_NET, "cannot be listed: %s", CPLGetLastErrorMsg());
	std::sort(out.begin(), out.end());
	return OZR_OK;
}

int list_prefix(VsiStore &store, const char *prefix,
		int (*fn)(void *arg, const char *name, int is_prefix), void *arg, ozr_err *err)
{
	std::vector<Entry> entries;
	int rc = children_of(store, prefix, entries, err);
	for (size_t i = 0; rc == OZR_OK && i < entries.size(); i++)
		rc = fn(arg, entries[i].name.c_str(), entries[i].prefix);
	return rc;
}

/* --- removing ------------------------------------------------------------------------------- */

static int clear_below(VsiStore &store, const std::string &prefix, bool documents, int depth,
		       ozr_err *err)
{
	std::vector<Entry> entries;
	if (depth > 64)
		return ozr_fail(err, OZR_LIMIT, "'%s' is nested too deep", prefix.c_str());
	int rc = children_of(store, prefix.c_str(), entries, err);
	for (bool below : {false, true}) /* a node's own before what is below it */
		for (const Entry &entry : entries) {
			std::string key = prefix + (prefix.empty() ? "" : "/") + entry.name;
			if (rc != OZR_OK)
				return rc;
			if (entry.prefix && below)
				rc = clear_below(store, key, documents, depth + 1, err);
			else if (!entry.prefix && !below && (!documents || is_document(key)))
				rc = delete_key(store, key.c_str(), err);
		}
	return rc;
}

int clear_prefix(VsiStore &store, const char *prefix, ozr_err *err)
{
	int rc = clear_below(store, prefix, true, 0, err);
	return rc == OZR_OK ? clear_below(store, prefix, false, 0, err) : rc;
}
