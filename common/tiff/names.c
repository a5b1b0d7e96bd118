/* SPDX-License-Identifier: MIT */
/*
 * What tags are called in messages: the names of the TIFF specifications.
 */
#include <stdio.h>

#include "tiff/tiff.h"

static const struct {
	uint16_t tag;
	const char *name;
} names[] = {
	{OZR_TAG_NEW_SUBFILE_TYPE, "NewSubfileType"},
	{OZR_TAG_IMAGE_WIDTH, "ImageWidth"},
	{OZR_TAG_IMAGE_LENGTH, "ImageLength"},
	{OZR_TAG_BITS_PER_SAMPLE, "BitsPerSample"},
	{OZR_TAG_COMPRESSION, "Compression"},
	{OZR_TAG_PHOTOMETRIC, "PhotometricInterpretation"},
	{OZR_TAG_FILL_ORDER, "FillOrder"},
	{OZR_TAG_IMAGE_DESCRIPTION, "ImageDescription"},
	{OZR_TAG_STRIP_OFFSETS, "StripOffsets"},
	{OZR_TAG_ORIENTATION, "Orientation"},
	{OZR_TAG_SAMPLES_PER_PIXEL, "SamplesPerPixel"},
	{OZR_TAG_ROWS_PER_STRIP, "RowsPerStrip"},
	{OZR_TAG_STRIP_BYTE_COUNTS, "StripByteCounts"},
	{OZR_TAG_X_RESOLUTION, "XResolution"},
	{OZR_TAG_Y_RESOLUTION, "YResolution"},
	{OZR_TAG_PLANAR_CONFIGURATION, "PlanarConfiguration"},
	{OZR_TAG_RESOLUTION_UNIT, "ResolutionUnit"},
	{OZR_TAG_SOFTWARE, "Software"},
	{OZR_TAG_DATE_TIME, "DateTime"},
	{OZR_TAG_PREDICTOR, "Predictor"},
	{OZR_TAG_COLOR_MAP, "ColorMap"},
	{OZR_TAG_TILE_WIDTH, "TileWidth"},
	{OZR_TAG_TILE_LENGTH, "TileLength"},
	{OZR_TAG_TILE_OFFSETS, "TileOffsets"},
	{OZR_TAG_TILE_BYTE_COUNTS, "TileByteCounts"},
	{OZR_TAG_SUB_IFDS, "SubIFDs"},
	{OZR_TAG_EXTRA_SAMPLES, "ExtraSamples"},
	{OZR_TAG_SAMPLE_FORMAT, "SampleFormat"},
	{OZR_TAG_JPEG_TABLES, "JPEGTables"},
	{OZR_TAG_YCBCR_SUBSAMPLING, "YCbCrSubSampling"},
	{OZR_TAG_IMAGE_DEPTH, "ImageDepth"},
	{OZR_TAG_TILE_DEPTH, "TileDepth"},
	{OZR_TAG_MODEL_PIXEL_SCALE, "ModelPixelScale"},
	{OZR_TAG_MODEL_TIEPOINT, "ModelTiepoint"},
	{OZR_TAG_MODEL_TRANSFORMATION, "ModelTransformation"},
	{OZR_TAG_GEO_KEY_DIRECTORY, "GeoKeyDirectory"},
	{OZR_TAG_GEO_DOUBLE_PARAMS, "GeoDoubleParams"},
	{OZR_TAG_GEO_ASCII_PARAMS, "GeoAsciiParams"},
	{OZR_TAG_GDAL_METADATA, "GDAL_METADATA"},
	{OZR_TAG_GDAL_NODATA, "GDAL_NODATA"},
};

const char *ozr_tiff_tag_name(char buf[OZR_TIFF_NAME], unsigned tag)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].tag == tag)
			return names[i].name;
	snprintf(buf, OZR_TIFF_NAME, "tag %u", tag);
	return buf;
}
