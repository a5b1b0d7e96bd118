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
static std::string describe(const ozr_member &member)
{
	std::string shape, axes, path = member.path;
	if (!member.known)
		return path + " (cannot be read)";
	bool letters = true;
	for (unsigned d = 0; d < member.info.rank; d++)
		letters = letters && strlen(member.info.axes[d].name) == 1;
	for (unsigned d = 0; d < member.info.rank; d++) {
		shape += (d > 0 ? "x" : "") + std::to_string(member.shape[d]);
		axes += std::string(d > 0 && !letters ? "," : "") + member.info.axes[d].name;
	}
	std::string out = "[" + shape + "] " + path + " (" + axes + ", " +
			  GDALGetDataTypeName(gdal_type(member.info.dtype)) + ")";
	if (*member.info.name != '\0' && path != member.info.name)
		out += std::string(" ") + member.info.name;
	return out;
}

static CPLStringList list_members(const ozr_collection *collection, const std::string &folder,
				  const std::string &inner)
{
	CPLStringList out;
	for (size_t i = 0; i < ozr_collection_count(collection); i++) {
		const ozr_member &member = *ozr_collection_member(collection, i);
		std::string key = "SUBDATASET_" + std::to_string(i + 1);
		out.SetNameValue((key + "_NAME").c_str(),
				 name_of(folder, joined(inner, member.path)).c_str());
		out.SetNameValue((key + "_DESC").c_str(), describe(member).c_str());
	}
	return out;
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
	auto container =
		std::make_unique<Container>(text, list_members(collection, name.folder, name.inner),
					    find_ome_xml(store, name.inner));
	if (*ozr_collection_name(collection) != '\0') {
		CPLStringList ome;
		ome.SetNameValue("NAME", ozr_collection_name(collection));
		container->SetMetadata(ome.List(), "OME");
	}
	return container.release();
}

CPLStringList list_labels(const Scene &scene)
{
	ozr_collection *opened = nullptr;
	ozr_err err = {};
	if (!scene.store || scene.info.is_bare || scene.info.is_label) /* or it is being made */
		return CPLStringList();
	int rc = ozr_collection_open(scene.store.get(), scene.inner.c_str(), most_subdatasets,
				     nullptr, &opened, &err);
	Collection collection(opened);
	if (rc != OZR_OK) {
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", scene.name.c_str(), err.msg);
		return CPLStringList();
	}
	warn_of(collection.get(), scene.name);
	return list_members(collection.get(), scene.folder, scene.inner);
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
	return name.prefixed && !inner.empty();
}
