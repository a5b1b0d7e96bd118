/* SPDX-License-Identifier: MIT */
/*
 * OME-XML (2016-06) of an image whose planes are the pages of a TIFF: what Bio-
 * Formats, tifffile and others learn axes, sizes, units and channels from.
 *
 * The text is plain ASCII, other characters are written as references: so it is
 * right for programs that take ImageDescription for 7-bit text, too.
 */
#ifndef OZR_TWIN_OME_XML_H
#define OZR_TWIN_OME_XML_H

#include "base/mem.h"
#include "ozr/image.h"
#include "twin/geometry.h"

/* OME's name of a data type, or NULL: it has no 64-bit integers. */
const char *ozr_ome_type(enum ozr_dtype t);
/* OME's symbol (as XML) of a unit as OME-NGFF has it, or NULL. */
const char *ozr_ome_unit(const char *unit, enum ozr_axis_kind kind);

/* Append the document. Not for types that OME does not have. */
int ozr_ome_xml(const struct ozr_image *img, const struct ozr_twin_geometry *g, struct ozr_buf *out,
		struct ozr_err *err) OZR_MUST_CHECK;

/* Append len bytes as the text of an XML attribute. What is not UTF-8 becomes U+FFFD, what XML
 * cannot hold (control characters, U+FFFE, U+FFFF) is left out. */
int ozr_xml_text(struct ozr_buf *out, const char *text, size_t len,
		 struct ozr_err *err) OZR_MUST_CHECK;

#endif
