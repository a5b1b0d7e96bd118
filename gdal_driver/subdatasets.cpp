/* SPDX-License-Identifier: MIT */
/*
 * Subdatasets: their names and descriptions, and the dataset without bands
 * that stands for a group without an image of its own.
 */
#include "subdatasets.h"

#include "dataset.h"

/* Programs open each subdataset that is listed (QGIS does), and a plate may have thousands. */
constexpr size_t most_subdatasets = 100;

namespace
{
class Container final : public GDALDataset
{
      public:
	Container(const std::string &name, const CPLStringList &subdatasets,
		  const CPLStringList &xml)
	{
		SetDescription(name.c_str());
		eAccess = GA_ReadOnly;
		nRasterXSize = nRasterYSize = 512; /* as GDAL's own drivers have it */
		SetMetadata(CPLStringList(subdatasets).List(), "SUBDATASETS");
		if (!xml.empty())
			SetMetadata(CPLStringList(xml).List(), "xml:OME");
	}
};
} // namespace

bool is_collection(ozr_kind kind)
{
	return kind == OZR_KIND_LABELS || kind == OZR_KIND_SERIES || kind == OZR_KIND_PLATE ||
	       kind == OZR_KIND_WELL;
}

static std::string joined(const std::string &prefix, const std::string &key)
{
	return prefix.empty() ? key : prefix + "/" + key;
}

static std::string name_of(const std::string &folder, const std::string &inner)
{
	if (folder.find('"') != std::string::npos) /* then quotes do not help */
		return "OMEZARR:" + folder + "/" + inner;
	return "OMEZARR:\"" + folder + "\":" + inner;
}

/* [3x512x512] labels/nuclei (zyx, UInt16) */
static std::string describe(const std::string &path, const ozr_image_info &info,
			    const uint64_t *lengths)
{
	std::string shape, axes;
	bool letters = true;
	for (unsigned d = 0; d < info.rank; d++)
		letters = letters && strlen(info.axes[d].name) == 1;
	for (unsigned d = 0; d < info.rank; d++) {
		shape += (d > 0 ? "x" : "") + std::to_string(lengths[d]);
		axes += std::string(d > 0 && !letters ? "," : "") + info.axes[d].name;
	}
	std::string out = "[" + shape + "] " + path + " (" + axes + ", " +
			  GDALGetDataTypeName(gdal_type(info.dtype)) + ")";
	if (*info.name != '\0' && path != info.name)
		out += std::string(" ") + info.name;
	return out;
}

static std::string describe(const ozr_member &member)
{
	return member.known ? describe(member.path, member.info, member.shape)
			    : std::string(member.path) + " (cannot be read)";
}

static void add(CPLStringList &list, const std::string &name, const std::string &description)
{
	std::string key = "SUBDATASET_" + std::to_string(list.size() / 2 + 1);
	list.SetNameValue((key + "_NAME").c_str(), name.c_str());
	list.SetNameValue((key + "_DESC").c_str(), description.c_str());
}

static void add_members(CPLStringList &list, const ozr_collection *collection,
			const std::string &folder, const std::string &inner)
{
	for (size_t i = 0; i < ozr_collection_count(collection); i++) {
		const ozr_member &member = *ozr_collection_member(collection, i);
		add(list, name_of(folder, joined(inner, member.path)), describe(member));
	}
}

static void warn_of(const ozr_collection *collection, const std::string &text)
{
	for (unsigned i = 0; ozr_collection_warning(collection, i) != nullptr; i++)
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", text.c_str(),
			 ozr_collection_warning(collection, i));
}

Collection open_collection(ozr_store *store, const Name &name)
{
	ozr_collection *collection = nullptr;
	ozr_err err = {};
	if (ozr_collection_open(store, name.inner.c_str(), most_subdatasets, nullptr, &collection,
				&err) == OZR_OK)
		return Collection(collection);
	report(err);
	return nullptr;
}

std::string only_member(const ozr_collection *collection)
{
	ozr_kind kind = ozr_collection_kind(collection);
	if ((kind != OZR_KIND_SERIES && kind != OZR_KIND_WELL) ||
	    ozr_collection_count(collection) != 1)
		return "";
	return ozr_collection_member(collection, 0)->path;
}

GDALDataset *list_collection(const ozr_collection *collection, ozr_store *store, const Name &name,
			     const std::string &text)
{
	warn_of(collection, text);
	if (ozr_collection_count(collection) == 0) {
		CPLError(CE_Failure, CPLE_OpenFailed, "open '%s': lists no images", text.c_str());
		return nullptr;
	}
	CPLStringList members;
	add_members(members, collection, name.folder, name.inner);
	auto container =
		std::make_unique<Container>(text, members, find_ome_xml(store, name.inner));
	if (*ozr_collection_name(collection) != '\0') {
		CPLStringList ome;
		ome.SetNameValue("NAME", ozr_collection_name(collection));
		container->SetMetadata(ome.List(), "OME");
	}
	return container.release();
}

/* The image comes first: whoever finds subdatasets takes these and nothing else (QGIS, rioxarray).
 * By this name it has none, so that nobody goes round in circles. */
CPLStringList list_labels(const Scene &scene)
{
	ozr_collection *opened = nullptr;
	ozr_err err = {};
	if (!scene.store || scene.itself || scene.info.is_bare || scene.info.is_label)
		return CPLStringList(); /* without a store it is being made */
	int rc = ozr_collection_open(scene.store.get(), scene.inner.c_str(), most_subdatasets,
				     nullptr, &opened, &err);
	Collection collection(opened);
	if (rc != OZR_OK) {
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", scene.name.c_str(), err.msg);
		return CPLStringList();
	}
	warn_of(collection.get(), scene.name);
	CPLStringList out;
	ozr_array_info array;
	if (ozr_collection_count(collection.get()) > 0) {
		ozr_array_get_info(ozr_image_level(scene.image.get(), 0), &array);
		add(out, name_of(scene.folder, joined(scene.inner, own_name)),
		    describe("image", scene.info, array.shape));
		add_members(out, collection.get(), scene.folder, scene.inner);
	}
	return out;
}

/* "A/1/0" -> "A/1" */
static std::string parent_of(const std::string &inner)
{
	size_t slash = inner.rfind('/');
	return slash == std::string::npos ? "" : inner.substr(0, slash);
}

/* Series are beside the document, fields of a plate three steps below. */
CPLStringList find_ome_xml(ozr_store *store, const std::string &inner)
{
	CPLStringList out;
	std::vector<std::string> places = {inner, parent_of(inner), ""};
	places.erase(std::unique(places.begin(), places.end()), places.end());
	for (const std::string &place : places) {
		char *xml = nullptr;
		ozr_err err = {};
		int rc = ozr_series_xml(store, place.c_str(), &xml, &err);
		if (rc == OZR_OK) {
			out.AddString(xml);
			ozr_text_free(xml);
			break;
		}
		if (rc != OZR_NOT_FOUND) {
			CPLError(CE_Warning, CPLE_AppDefined, "OME/METADATA.ome.xml: %s", err.msg);
			break;
		}
	}
	return out;
}

bool split_subdataset(const char *text, std::string &folder, std::string &inner)
{
	Name name(text);
	folder = name.folder;
	inner = name.inner;
	if (name.itself)
		inner = joined(inner, own_name);
	return name.prefixed && !inner.empty();
}
