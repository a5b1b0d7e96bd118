/* SPDX-License-Identifier: MIT */
/*
 * Colors and properties of labels. Colors become a color table where values
 * are few enough for one; all else, and the colors of larger types, become a
 * raster attribute table.
 */
#include "labels.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "driver.h"
#include "georef.h"
#include "ozr/collection.h"
#include "scene.h"

namespace
{
struct FreeTable {
	void operator()(ozr_label_table *table) const
	{
		ozr_label_table_free(table);
	}
};
using Parsed = std::unique_ptr<ozr_label_table, FreeTable>;

/* Rows of the parsed table into one of GDAL's, column by column. */
class TableMaker
{
      public:
	TableMaker(const ozr_label_table *from, bool is_unsigned)
	    : from_(from), unsigned_(is_unsigned), rows_(ozr_label_table_rows(from)),
	      out_(std::make_unique<GDALDefaultRasterAttributeTable>())
	{
		out_->SetTableType(GRTT_THEMATIC);
	}
	std::unique_ptr<GDALDefaultRasterAttributeTable> make(int name_column);

      private:
	void add_values();
	void add_colors();
	void add_column(unsigned column, GDALRATFieldUsage usage);
	void add_integers(const char *name, unsigned column, GDALRATFieldUsage usage);
	void add_numbers(const char *name, unsigned column, GDALRATFieldUsage usage);
	void add_texts(const char *name, unsigned column, GDALRATFieldUsage usage);
	int create(const char *name, GDALRATFieldType type, GDALRATFieldUsage usage);

	const ozr_label_table *from_;
	bool unsigned_; /* values beyond 2^63 are possible */
	size_t rows_;
	std::unique_ptr<GDALDefaultRasterAttributeTable> out_;
};
} // namespace

/* The type of a column of whole numbers: integers of GDAL's tables have 32 bits. */
static GDALRATFieldType type_for(int64_t least, int64_t most)
{
	constexpr int64_t exact = INT64_C(1) << 53;
	if (least >= std::numeric_limits<int>::min() && most <= std::numeric_limits<int>::max())
		return GFT_Integer;
	return least >= -exact && most <= exact ? GFT_Real : GFT_String;
}

int TableMaker::create(const char *name, GDALRATFieldType type, GDALRATFieldUsage usage)
{
	out_->CreateColumn(name, type, usage);
	return out_->GetColumnCount() - 1;
}

void TableMaker::add_values()
{
	int64_t least = 0, most = 0;
	bool beyond = false;
	for (size_t i = 0; i < rows_; i++) {
		int64_t value = ozr_label_table_row(from_, i)->value;
		beyond = beyond || (unsigned_ && value < 0);
		least = std::min(least, value);
		most = std::max(most, value);
	}
	GDALRATFieldType type = beyond ? GFT_String : type_for(least, most);
	int column = create("Value", type, GFU_MinMax);
	for (size_t i = 0; i < rows_; i++) {
		int64_t value = ozr_label_table_row(from_, i)->value;
		int row = static_cast<int>(i);
		if (type == GFT_Integer)
			out_->SetValue(row, column, static_cast<int>(value));
		else if (type == GFT_Real)
			out_->SetValue(row, column, static_cast<double>(value));
		else
			out_->SetValue(row, column,
				       (unsigned_ ? std::to_string(static_cast<uint64_t>(value))
						  : std::to_string(value))
					       .c_str());
	}
}

void TableMaker::add_colors()
{
	static const struct {
		const char *name;
		GDALRATFieldUsage usage;
	} parts[] = {{"R", GFU_Red}, {"G", GFU_Green}, {"B", GFU_Blue}, {"A", GFU_Alpha}};
	bool any = false;
	for (size_t i = 0; i < rows_ && !any; i++)
		any = ozr_label_table_row(from_, i)->has_color != 0;
	for (int part = 0; part < 4 && any; part++) {
		int column = create(parts[part].name, GFT_Integer, parts[part].usage);
		for (size_t i = 0; i < rows_; i++)
			out_->SetValue(static_cast<int>(i), column,
				       ozr_label_table_row(from_, i)->rgba[part]);
	}
}

void TableMaker::add_integers(const char *name, unsigned column, GDALRATFieldUsage usage)
{
	int64_t least = 0, most = 0, value = 0;
	for (size_t i = 0; i < rows_; i++)
		if (ozr_label_table_integer(from_, i, column, &value)) {
			least = std::min(least, value);
			most = std::max(most, value);
		}
	GDALRATFieldType type = type_for(least, most);
	if (type == GFT_Real)
		return add_numbers(name, column, usage);
	if (type == GFT_String)
		return add_texts(name, column, usage);
	int target = create(name, type, usage);
	for (size_t i = 0; i < rows_; i++)
		if (ozr_label_table_integer(from_, i, column, &value))
			out_->SetValue(static_cast<int>(i), target, static_cast<int>(value));
}

/* Where a label has no number there is none, not 0. */
void TableMaker::add_numbers(const char *name, unsigned column, GDALRATFieldUsage usage)
{
	int target = create(name, GFT_Real, usage);
	for (size_t i = 0; i < rows_; i++) {
		double value = NAN;
		ozr_label_table_real(from_, i, column, &value);
		out_->SetValue(static_cast<int>(i), target, value);
	}
}

void TableMaker::add_texts(const char *name, unsigned column, GDALRATFieldUsage usage)
{
	int target = create(name, GFT_String, usage);
	for (size_t i = 0; i < rows_; i++) {
		char *text = nullptr;
		if (ozr_label_table_text(from_, i, column, &text))
			out_->SetValue(static_cast<int>(i), target, text);
		ozr_text_free(text);
	}
}

void TableMaker::add_column(unsigned column, GDALRATFieldUsage usage)
{
	ozr_column_kind kind = OZR_COLUMN_TEXT;
	const char *name = ozr_label_table_column(from_, column, &kind);
	if (kind == OZR_COLUMN_INTEGER)
		add_integers(name, column, usage);
	else if (kind == OZR_COLUMN_REAL)
		add_numbers(name, column, usage);
	else
		add_texts(name, column, usage);
}

std::unique_ptr<GDALDefaultRasterAttributeTable> TableMaker::make(int name_column)
{
	out_->SetRowCount(static_cast<int>(rows_));
	add_values();
	add_colors();
	for (unsigned i = 0; i < ozr_label_table_columns(from_); i++)
		add_column(i, static_cast<int>(i) == name_column ? GFU_Name : GFU_Generic);
	return std::move(out_);
}

/* The property that names a label, or -1. */
static int find_name_column(const ozr_label_table *table)
{
	for (const char *wanted : {"name", "label", "class", "category"})
		for (unsigned i = 0; i < ozr_label_table_columns(table); i++) {
			ozr_column_kind kind = OZR_COLUMN_INTEGER;
			if (EQUAL(ozr_label_table_column(table, i, &kind), wanted) &&
			    kind == OZR_COLUMN_TEXT)
				return static_cast<int>(i);
		}
	return -1;
}

/* The largest value that a color table or a list of categories can have, or -1. */
static int64_t largest_value(ozr_dtype type)
{
	if (type == OZR_UINT8 || type == OZR_BOOL)
		return 255;
	return type == OZR_UINT16 ? 65535 : -1;
}

/* Values without a color are transparent, as background is. */
static std::unique_ptr<GDALColorTable> make_colors(const ozr_label_table *from, int64_t most)
{
	auto colors = std::make_unique<GDALColorTable>();
	bool any = false;
	for (size_t i = 0; i < ozr_label_table_rows(from); i++) {
		const ozr_label &label = *ozr_label_table_row(from, i);
		if (!label.has_color || label.value < 0 || label.value > most)
			continue;
		GDALColorEntry entry = {label.rgba[0], label.rgba[1], label.rgba[2], label.rgba[3]};
		colors->SetColorEntry(static_cast<int>(label.value), &entry);
		any = true;
	}
	return any ? std::move(colors) : nullptr;
}

static CPLStringList make_categories(const ozr_label_table *from, int64_t most, int column)
{
	CPLStringList out;
	for (size_t i = 0; column >= 0 && i < ozr_label_table_rows(from); i++) {
		int64_t value = ozr_label_table_row(from, i)->value;
		char *text = nullptr;
		if (value >= 0 && value <= most &&
		    ozr_label_table_text(from, i, static_cast<unsigned>(column), &text)) {
			while (out.size() < value) /* rows are in the order of values */
				out.AddString("");
			out.AddString(text);
		}
		ozr_text_free(text);
	}
	return out;
}

void read_labels(Scene &scene)
{
	ozr_label_table *parsed = nullptr;
	ozr_err err = {};
	if (!scene.info.is_label)
		return;
	if (ozr_label_table_parse(Driver::get()->context(), scene.stored.attributes.c_str(),
				  &parsed, &err) != OZR_OK) {
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': image-label: %s", scene.name.c_str(),
			 err.msg);
		return;
	}
	Parsed table(parsed);
	for (unsigned i = 0; ozr_label_table_warning(parsed, i) != nullptr; i++)
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", scene.name.c_str(),
			 ozr_label_table_warning(parsed, i));
	if (ozr_label_table_rows(parsed) == 0)
		return;
	scene.labels = std::make_unique<LabelTable>();
	int64_t most = largest_value(scene.info.dtype);
	int name_column = find_name_column(parsed);
	scene.labels->colors = make_colors(parsed, most);
	scene.labels->categories = make_categories(parsed, most, name_column);
	if (ozr_label_table_columns(parsed) > 0 || most < 0)
		scene.labels->table =
			TableMaker(parsed, scene.info.dtype == OZR_UINT64).make(name_column);
}

/* --- where a label lies ----------------------------------------------------------- */

/* "a/labels/nuclei" -> "a"; false when there is no such step in the path. */
static bool above_labels(const std::string &path, std::string &image)
{
	std::string whole = "/" + path;
	size_t at = whole.rfind("/labels/");
	if (at == std::string::npos)
		return false;
	image = at == 0 ? "" : path.substr(0, at - 1);
	return true;
}

/* The store and the path in it of the image that a label belongs to. */
static Store find_image(const Scene &label, CSLConstList options, std::string &inner)
{
	std::string folder;
	ozr_err err = {};
	if (above_labels(label.inner, inner))
		return Store(ozr_store_ref(label.store.get()));
	if (!label.inner.empty() || !above_labels(label.folder, folder) || folder.empty())
		return nullptr;
	inner.clear();
	return open_store(Name(folder.c_str()), OZR_READ, options, &err);
}

/* Whether it is worth opening the image: most have no place on Earth. */
static bool has_place(ozr_store *store, const std::string &inner)
{
	char *text = nullptr;
	ozr_err err = {};
	if (ozr_node_attributes(store, inner.c_str(), &text, &err) != OZR_OK)
		return false;
	std::string attributes = text;
	ozr_text_free(text);
	for (const char *member : {"\"spatial:", "\"proj:", "\"gdal\""})
		if (attributes.find(member) != std::string::npos)
			return true;
	return false;
}

/* Element i of the label's axis is element (offset + i * ratio) of the image's, both by their
 * centres; the same where the two have the same extent. */
struct Along {
	double ratio = 1, offset = 0;
};

static Along compare_axes(const Scene &label, unsigned d, const Scene &image, unsigned e)
{
	ArrayInfo ours = {}, theirs = {};
	double s[OZR_MAX_RANK], t[OZR_MAX_RANK], image_s[OZR_MAX_RANK], image_t[OZR_MAX_RANK];
	Along out;
	ozr_array_get_info(ozr_image_level(label.image.get(), 0), &ours);
	ozr_array_get_info(ozr_image_level(image.image.get(), 0), &theirs);
	if (ours.shape[d] == theirs.shape[e])
		return out;
	ozr_image_transform(label.image.get(), 0, s, t);
	ozr_image_transform(image.image.get(), 0, image_s, image_t);
	out.ratio = s[d] / image_s[e];
	out.offset = (t[d] - image_t[e]) / image_s[e];
	return out;
}

void inherit_place(Scene &scene, CSLConstList options)
{
	Stored &stored = scene.stored;
	Scene image;
	ozr_image *opened = nullptr;
	ozr_err err = {};
	if (!scene.info.is_label || !stored.geotransform_is_ome || !stored.srs.IsEmpty())
		return;
	image.store = find_image(scene, options, image.inner);
	if (!image.store || !has_place(image.store.get(), image.inner) ||
	    ozr_image_open(image.store.get(), image.inner.c_str(), OZR_READ, &opened, &err) !=
		    OZR_OK)
		return;
	image.image.reset(opened);
	ozr_image_get_info(opened, &image.info);
	if (!choose_plane_axes(image) ||
	    !read_stored(opened, image.view.x, image.view.y, image.stored))
		return;
	stored.srs = image.stored.srs;
	if (!image.stored.has_geotransform || image.stored.geotransform_is_ome)
		return;
	Along x = compare_axes(scene, scene.view.x, image, image.view.x);
	Along y = compare_axes(scene, scene.view.y, image, image.view.y);
	const double *from = image.stored.geotransform;
	double *to = stored.geotransform;
	/* corners: half an element before centres */
	double u = x.offset + 0.5 - x.ratio / 2, v = y.offset + 0.5 - y.ratio / 2;
	coarser_geotransform(from, x.ratio, y.ratio, to);
	to[0] = from[0] + u * from[1] + v * from[2];
	to[3] = from[3] + u * from[4] + v * from[5];
	stored.geotransform_is_ome = false;
}
