/* SPDX-License-Identifier: MIT */
/*
 * Connections that are kept between requests. GDAL's HTTP client keeps one in
 * a named session, which one thread may use at a time and on which every
 * option stays set, passwords too: so a name is lent for one request, and only
 * to requests to the same server with the same settings. A forked child makes
 * its own: names hold the process id.
 */
#include <cpl_http.h>

#include <unistd.h>

#include "driver.h"

static const size_t most_idle = 64;

static void close_session(const std::string &name)
{
	CPLStringList options;
	options.SetNameValue("CLOSE_PERSISTENT", name.c_str());
	CPLHTTPDestroyResult(CPLHTTPFetch("", options.List()));
}

Sessions::~Sessions()
{
	if (pid_ != getpid())
		return; /* they are the parent's */
	for (const Idle &one : idle_)
		close_session(one.name);
}

std::string Sessions::take(const std::string &kind)
{
	std::lock_guard<std::mutex> guard(mutex_);
	if (pid_ != getpid()) {
		pid_ = getpid();
		idle_.clear();
	}
	for (size_t i = idle_.size(); i-- > 0;)
		if (idle_[i].kind == kind) {
			std::string name = idle_[i].name;
			idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
			return name;
		}
	return "OMEZarr-" + std::to_string(pid_) + "-" + std::to_string(made_++);
}

void Sessions::give(const std::string &kind, const std::string &name)
{
	std::string oldest;
	{
		std::lock_guard<std::mutex> guard(mutex_);
		idle_.push_back({kind, name});
		if (idle_.size() > most_idle) {
			oldest = idle_.front().name;
			idle_.erase(idle_.begin());
		}
	}
	if (!oldest.empty())
		close_session(oldest);
}
