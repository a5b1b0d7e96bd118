#!/bin/sh
# SPDX-License-Identifier: MIT
# Shared by the scripts in tools/: packages, building, messages. POSIX sh; source it.

# What building needs, and what the demonstration and the tests need on top.
# shellcheck disable=SC2034
BUILD_PACKAGES="cmake ninja-build pkg-config gcc g++ libc6-dev libgdal-dev libblosc-dev libzstd-dev libcjson-dev libdeflate-dev liblz4-dev"
DEMO_PACKAGES="$BUILD_PACKAGES gdal-bin python3-gdal python3-numpy"
# Other people's readers of twins (docs/twin.md).
READER_PACKAGES="libtiff-tools libvips-tools libopencv-imgcodecs-dev unzip"
TEST_PACKAGES="$DEMO_PACKAGES libcmocka-dev python3-pytest python3-venv pmccabe strace valgrind zlib1g-dev $READER_PACKAGES"
# What the tests on other releases need on top, and those inside QGIS.
# shellcheck disable=SC2034
MATRIX_PACKAGES="python3-zarr"
QGIS_PACKAGES="python3-qgis"
SUITES_PACKAGES="libgtest-dev python3-lxml"
# Programs that break twins, for the tests of the checker.
TEST_PACKAGES="$TEST_PACKAGES libtiff-tools zip"

# ImageMagick's packages are named by major version and quantum depth: 6 in Debian 12, 7 from 13 on.
# magick_packages demo|test: what the demonstration needs (Q16), what the tests need (HDRI too).
magick_packages() {
	major=
	for candidate in 7 6; do
		if apt-cache show "libmagickcore-$candidate.q16-dev" >/dev/null 2>&1; then
			major=$candidate
			break
		fi
	done
	if [ -z "$major" ]; then # no package lists yet
		case $(sed -n 's/^VERSION_ID=//p' /etc/os-release 2>/dev/null) in
		'"12"') major=6 ;;
		*) major=7 ;;
		esac
	fi
	printf '%s ' "imagemagick-$major.q16" "libmagickcore-$major.q16-dev"
	[ "$1" = demo ] || printf '%s ' "imagemagick-$major.q16hdri" "libmagickcore-$major.q16hdri-dev" \
		libimage-magick-perl python3-wand xz-utils
}

say() {
	printf '\n== %s\n' "$*"
}

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# Packages of the list that are not installed.
missing_packages() {
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
			printf '%s ' "$package"
	done
}

# Install what is missing; without root, say what to install.
need_packages() {
	command -v dpkg-query >/dev/null || die "this script needs Debian (or a derivative); packages: $*"
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		die "these packages are missing; install them with: sudo apt-get install $missing"
	fi
	say "Installing $missing"
	apt-get update -qq || true
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
		die "apt-get install failed"
}

# build DIR [cmake options]: configure once and build with Debian's own tools. TARGETS: these alone.
build() {
	dir=$1
	shift
	# shellcheck disable=SC2086
	if ! { cmake -S "$ROOT" -B "$dir" -G Ninja "$@" && cmake --build "$dir" --target ${TARGETS:-all}; } >"$dir.log" 2>&1; then
		tail -n 40 "$dir.log" >&2
		die "the build failed; the whole log is $dir.log"
	fi
}

# The folder that Debian's own GDAL plug-ins are in: GDAL_DRIVER_PATH replaces it, so name both.
gdal_plugin_folder() {
	for folder in /usr/lib/*/gdalplugins; do
		[ -d "$folder" ] && printf '%s' "$folder" && return
	done
}

# The program of ImageMagick of Q16: convert of version 6, magick of 7. Debian's names: PATH may begin with anything.
magick_program() {
	for program in /usr/bin/magick-im7.q16 /usr/bin/convert-im6.q16; do
		[ -x "$program" ] && printf '%s' "$program" && return
	done
}

# MAGICK_CODER_MODULE_PATH for that program and the coder of a build folder: it replaces ImageMagick's own.
magick_coder_path() {
	program=$(magick_program)
	major=${program#*-im}
	printf '%s:%s' "$1/magick_coder/${major%%.*}.Q16" "$("$program" -list configure | awk '/^CODER_PATH/ {print $2}')"
}

seconds() {
	date +%s.%N
}

elapsed() {
	echo "$1 $(seconds)" | awk '{printf "%.2f", $2 - $1}'
}
