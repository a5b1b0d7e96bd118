/* SPDX-License-Identifier: MIT */
/*
 * CreateCopy from a GeoTIFF without decoding it: where its tiles can be chunks
 * as they are and no option asks for something else, level 0 (and overviews
 * that are asked for) are imported by the library; what is left of the levels
 * is built from them. Everything else about the image is as in any copy.
 *
 * IMPORT=AUTO does that by itself for compressed tiles and tells why not as a
 * debug message; YES makes it an error; NO never does.
 */
#ifndef OZR_GDAL_IMPORT_H
#define OZR_GDAL_IMPORT_H

#include <memory>
#include <string>
#include <vector>

#include "creation.h"
#include "ozr/tiff.h"

class Import
{
      public:
	/* Whether, and then the plan for an image of such chunks. False after CPLError(). */
	bool look(const Source &source, const CopyRequest &request, Plan &plan);
	bool is_wanted() const
	{
		return tiff_ != nullptr;
	}
	/* In place of Creation::pull(): levels as for it, [0] the source itself. */
	bool run(Creation &creation, const Source &source, const std::vector<Source> &overviews,
		 const std::vector<ozr_source> &levels);

      private:
	struct Close {
		void operator()(ozr_tiff *tiff) const
		{
			ozr_tiff_close(tiff);
		}
	};
	using Page = struct ozr_tiff_page;

	std::string open(const Source &source);
	std::string compare(const Source &source, const Page &page, Plan &plan) const;
	std::string adapt(const Source &source, const CopyRequest &request, const Page &page,
			  Plan &plan) const;
	bool find_overview(const Source &source, unsigned level, ozr_image *image,
			   ozr_import &what) const;
	bool matches(ozr_image *image, unsigned level, const ozr_import &what,
		     const Page &page) const;
	int import_level(ozr_image *image, unsigned level, const ozr_import &what,
			 const ozr_call &call, ozr_err *err);

	std::unique_ptr<ozr_tiff, Close> tiff_;
	size_t page_ = 0;
	bool always_ = false, own_overviews_ = false, readable_ = true, deferred_ = false;
	ozr_import_stats stats_ = {};
};

#endif
