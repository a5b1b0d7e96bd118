/* SPDX-License-Identifier: MIT */
/* The version of the running library. */
#include "ozr/ozr.h"

#include "version.h"

const char *ozr_version(void)
{
	return OZR_VERSION;
}
