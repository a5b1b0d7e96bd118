/* SPDX-License-Identifier: MIT */
/* Everything: libozr reads and writes OME-Zarr images. */
#ifndef OZR_OZR_H
#define OZR_OZR_H

#include "array.h"
#include "collection.h"
#include "context.h"
#include "copy.h"
#include "error.h"
#include "image.h"
#include "labels.h"
#include "levels.h"
#include "pyramid.h"
#include "store.h"
#include "tiff.h"
#include "twin.h"
#include "zip.h"

/* "0.1.0"; the version of the library that is running. */
#ifdef __cplusplus
extern "C"
#endif
	OZR_API const char *
	ozr_version(void);

#endif
