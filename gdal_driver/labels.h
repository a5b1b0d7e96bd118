/* SPDX-License-Identifier: MIT */
/*
 * Label images: what image-label metadata say about the values, as GDAL has
 * it, and where a label lies that says nothing about it itself.
 */
#ifndef OZR_GDAL_LABELS_H
#define OZR_GDAL_LABELS_H

#include <memory>

#include "compat.h"

struct Scene;

/* What bands of a label image show that have nothing stored for GDAL. */
struct LabelTable {
	std::unique_ptr<GDALColorTable> colors; /* of 1 and 2 byte unsigned values, or none */
	std::unique_ptr<GDALDefaultRasterAttributeTable> table; /* colors too, or none */
	CPLStringList categories;
};

/* From the scene's attributes: scene.labels, when image-label says something. Warns about what
 * makes no sense there. */
void read_labels(Scene &scene);
/* A label without spatial: and proj: attributes lies where its image does. */
void inherit_place(Scene &scene, CSLConstList options);

#endif
