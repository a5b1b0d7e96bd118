/* SPDX-License-Identifier: MIT */
/*
 * Registration: what the driver is called, can do and accepts. GDAL validates
 * options against the lists given here, so a misspelt one is a warning.
 *
 * From 3.11 on GDAL's own Zarr driver claims the suffix "zarr" for writing;
 * before, nobody does, and QGIS lists a folder only when somebody does.
 */
#include <cstdlib>

#include "driver.h"
#include "subdatasets.h"

static const char open_options[] = R"(<OpenOptionList>
  <Option name='BANDS' type='string-select' default='AUTO' description='Axis shown as bands: channels when there are any, else z, else t; ALL: every plane'>
    <Value>AUTO</Value><Value>C</Value><Value>Z</Value><Value>T</Value><Value>ALL</Value>
  </Option>
  <Option name='Z' type='int' min='0' description='Plane of the z axis to show'/>
  <Option name='T' type='int' min='0' description='Point of the time axis to show'/>
  <Option name='C' type='int' min='0' description='Channel to show'/>
  <Option name='LEVEL' type='int' min='0' default='0' description='Level shown at full size; 0 is the finest'/>
  <Option name='FLUSH' type='string-select' default='NONE' description='Update: CLOSE: on the disk when the dataset is closed; EACH: each file at once'>
    <Value>NONE</Value><Value>CLOSE</Value><Value>EACH</Value>
  </Option>
  <Option name='MISSING_403' type='boolean' default='NO' description='Take HTTP status 403 for a missing key: S3 without the right to list'/>
  <Option name='IO_THREADS' type='int' min='1' max='64' default='16' description='Requests at a time, over a network'/>
  <Option name='SINGLE_WRITER' type='boolean' default='NO' description='Update in an object store, which has no locks: no other process writes the image'/>
  <Option name='TWIN_CHECK' type='string-select' default='QUICK' description='How closely a file that is an .ozx and a TIFF is checked. TILES: each tile; BYTES: and all checksums; NO: opens the .ozx whatever has become of the TIFF'>
    <Value>QUICK</Value><Value>TILES</Value><Value>BYTES</Value><Value>NO</Value>
  </Option>
  <Option name='NUM_THREADS' type='string' description='Number of threads, or ALL_CPUS (default: GDAL_NUM_THREADS, else ALL_CPUS)'/>
</OpenOptionList>)";

static const char creation_options[] = R"(<CreationOptionList>
  <Option name='OME_VERSION' type='string-select' default='0.5' description='0.5: Zarr v3; 0.4: Zarr v2'>
    <Value>0.5</Value><Value>0.4</Value>
  </Option>
  <Option name='COMPRESS' type='string-select' default='BLOSC_ZSTD' description='Compression of the chunks'>
    <Value>BLOSC_ZSTD</Value><Value>BLOSC_LZ4</Value><Value>BLOSC_LZ4HC</Value><Value>BLOSC_ZLIB</Value><Value>BLOSC_BLOSCLZ</Value>
    <Value>ZSTD</Value><Value alias='DEFLATE'>GZIP</Value><Value>NONE</Value>
  </Option>
  <Option name='LEVEL' type='int' min='-7' max='22' description='Compression level (default 3)'/>
  <Option name='SHUFFLE' type='string-select' default='AUTO' description='How blosc orders bytes before it compresses'>
    <Value>AUTO</Value><Value>NO</Value><Value>BYTE</Value><Value>BIT</Value>
  </Option>
  <Option name='CHECKSUM' type='boolean' default='YES' description='Whether chunks carry a checksum (0.5; zstd in both)'/>
  <Option name='BLOCKSIZE' type='string' description='Side of a chunk, or one number for each axis, e.g. 64,256,256'/>
  <Option name='BLOCKXSIZE' type='int' min='1' description='Width of a chunk'/>
  <Option name='BLOCKYSIZE' type='int' min='1' description='Height of a chunk'/>
  <Option name='INTERLEAVE' type='string-select' default='BAND' description='PIXEL: a chunk holds all channels of its pixels'>
    <Value>BAND</Value><Value>PIXEL</Value>
  </Option>
  <Option name='SHARDSIZE' type='string' description='Side of a shard, or one number for each axis; NO: a file for each chunk'/>
  <Option name='PYRAMID' type='string-select' default='AUTO' description='NO: level 0 only; DEFER: the other levels are empty and hidden until BuildOverviews() builds them'>
    <Value>AUTO</Value><Value>NO</Value><Value>DEFER</Value>
  </Option>
  <Option name='OVERVIEWS' type='string-select' default='IGNORE_EXISTING' description='Overviews of the source. AUTO: those of the size of a level become that level; FORCE_USE_EXISTING: they are the levels; IGNORE_EXISTING: all levels are made anew; NONE: level 0 only'>
    <Value>IGNORE_EXISTING</Value><Value>AUTO</Value><Value>FORCE_USE_EXISTING</Value><Value>NONE</Value>
  </Option>
  <Option name='IMPORT' type='string-select' default='AUTO' description='Tiles of a GeoTIFF become chunks without being decoded. AUTO: when they can and nothing else is asked for; YES: or it is an error; NO: never'>
    <Value>AUTO</Value><Value>YES</Value><Value>NO</Value>
  </Option>
  <Option name='LEVELS' type='int' min='1' max='64' description='Number of levels, the full one included'/>
  <Option name='FACTORS' type='string' description='Reduction from level to level: 2, or 1,2,2 (each axis), or 1,2,2;2,2,2 (each level; the last repeats)'/>
  <Option name='RESAMPLING' type='string-select' default='AVERAGE' description='How levels are made; MODE for labels (and by default with a color table)'>
    <Value>AVERAGE</Value><Value>MEAN</Value><Value>NEAREST</Value><Value>MODE</Value>
  </Option>
  <Option name='BAND_AXIS' type='string-select' default='AUTO' description='What the bands are: channels, a z stack or a time series. AUTO: as in the source, else channels'>
    <Value>AUTO</Value><Value>C</Value><Value>Z</Value><Value>T</Value>
  </Option>
  <Option name='PIXEL_SIZE' type='string' description='Physical size of a pixel: one number, or y,x, or one for each axis'/>
  <Option name='UNIT' type='string' description='Unit of PIXEL_SIZE, e.g. micrometer'/>
  <Option name='GEOREF' type='boolean' default='YES' description='Keep the geotransform and the coordinate system of the source'/>
  <Option name='NAME' type='string' description='Name of the image (default: name of the folder or file)'/>
  <Option name='PIXELTYPE' type='string-select' description='SIGNEDBYTE: the bytes of the source are int8'>
    <Value>DEFAULT</Value><Value>SIGNEDBYTE</Value>
  </Option>
  <Option name='TWIN' type='string-select' default='NO' description='An archive (.ozx, .zip, .tif) that is a tiled OME-TIFF pyramid, too, and a GeoTIFF. PIXELS, PLANES: a page holds all bands; PAGES: one; YES: colors and georeferenced bands together'>
    <Value>NO</Value><Value>YES</Value><Value>PIXELS</Value><Value>PLANES</Value><Value>PAGES</Value>
  </Option>
  <Option name='READ_ONLY' type='boolean' description='An archive that nobody may write to (default: YES for twins)'/>
  <Option name='OVERWRITE' type='boolean' default='NO' description='Replace an existing Zarr folder or archive, in one step, when the new one is complete'/>
  <Option name='FLUSH' type='string-select' default='NONE' description='CLOSE: on the disk before the image appears; EACH: each file at once'>
    <Value>NONE</Value><Value>CLOSE</Value><Value>EACH</Value>
  </Option>
  <Option name='NUM_THREADS' type='string' description='Number of threads, or ALL_CPUS (default: GDAL_NUM_THREADS, else ALL_CPUS)'/>
</CreationOptionList>)";

static const char overview_options[] = R"(<OverviewCreationOptionList>
  <Option name='LEVEL' type='string' description='With PYRAMID=DEFER: build this level, or these (1-3), instead of those of the factors'/>
  <Option name='REGION' type='string' description='With PYRAMID=DEFER: x,y,width,height of what to build them from (default: all)'/>
  <Option name='PUBLISH' type='boolean' default='NO' description='With PYRAMID=DEFER: all levels are built, show them'/>
</OverviewCreationOptionList>)";

static const char *suffixes()
{
	const char *own = CPLGetConfigOption("OMEZARR_CLAIM_ZARR", nullptr);
	bool claim = own != nullptr ? CPLTestBool(own)
				    : std::strtol(GDALVersionInfo("VERSION_NUM"), nullptr, 10) <
					      GDAL_COMPUTE_VERSION(3, 11, 0);
	return claim ? "zarr ome.zarr ozx" : "ome.zarr ozx";
}

extern "C" CPL_DLL void GDALRegister_OMEZarr();

void GDALRegister_OMEZarr()
{
	if (!GDAL_CHECK_VERSION("OMEZarr driver") || GDALGetDriverByName("OMEZarr") != nullptr)
		return;
	Driver *d = new Driver;
	d->SetDescription("OMEZarr");
	d->SetMetadataItem(GDAL_DMD_LONGNAME, "OME-Zarr (OME-NGFF multiscale images)");
	d->SetMetadataItem(GDAL_DCAP_RASTER, "YES");
	d->SetMetadataItem(GDAL_DCAP_OPEN, "YES");
	d->SetMetadataItem(GDAL_DCAP_CREATE, "YES");
	d->SetMetadataItem(GDAL_DCAP_CREATECOPY, "YES");
	declare_update(d);
	d->SetMetadataItem(GDAL_DMD_SUBDATASETS, "YES");
	d->SetMetadataItem(GDAL_DMD_CONNECTION_PREFIX, "OMEZARR:");
	d->SetMetadataItem(GDAL_DMD_EXTENSION, "ome.zarr");
	d->SetMetadataItem(GDAL_DMD_EXTENSIONS, suffixes());
	d->SetMetadataItem(GDAL_DMD_CREATIONDATATYPES, type_names);
	d->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, open_options);
	d->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, creation_options);
	d->SetMetadataItem("DMD_OVERVIEW_CREATIONOPTIONLIST", overview_options);
	d->pfnIdentify = identify;
	d->pfnOpen = open_dataset;
	d->pfnCreate = create;
	d->pfnCreateCopy = create_copy;
	d->pfnDelete = remove_dataset;
	d->pfnRename = rename_dataset;
	d->pfnCopyFiles = copy_files;
	tell_subdatasets<split_subdataset>(d);
	GetGDALDriverManager()->RegisterDriver(d);
}
