#!/bin/sh
# SPDX-License-Identifier: MIT
# magick_source.sh MAJOR FOLDER: fetch the sources of the distribution's ImageMagick, of the version that is
# installed, and print the folder that they are in: FOLDER/imagemagick-<version>, kept for the next time. The
# system's apt is asked with a list, a state and a cache of this script's own, made from the mirror that the
# system itself uses; nothing of the system changes. A mirror may lack the sources of a version that it has
# programs of: then those of the stable release are taken, if they are of the same MAJOR, and that is said.
# Ends with 77 when none of that succeeds.
set -eu
major=$1 folder=$2
package=imagemagick-$major-common
version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || { echo "$package is not installed" >&2; exit 77; }
upstream=${version#*:}
upstream=${upstream%-*}
mkdir -p "$folder"
exec 9>"$folder/imagemagick.lock" # the variants' tests may run at the same time
flock 9
instead=$folder/imagemagick-for-$upstream # a link to the one that was taken
if [ ! -e "$instead/tests/validate.c" ]; then
	temporary=$(mktemp -d "$folder/fetch.XXXXXX")
	trap 'rm -rf "$temporary"' EXIT
	mkdir -p "$temporary/lists/partial" "$temporary/archives/partial" "$temporary/parts" "$temporary/sources"
	keys=/usr/share/keyrings/debian-archive-keyring.gpg
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
		sort -u | awk -v keys="$([ ! -e $keys ] || echo "[signed-by=$keys] ")" '
			{ print "deb-src " keys $0 }
			$1 ~ /\/debian\/?$/ && !seen[$1]++ { print "deb-src " keys $1 " stable " $3 }' >"$temporary/sources.list"
	options="-o Dir::Etc::SourceList=$temporary/sources.list -o Dir::Etc::SourceParts=$temporary/parts
		-o Dir::State::lists=$temporary/lists -o Dir::Cache=$temporary -o Acquire::Languages=none
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false"
	# shellcheck disable=SC2086
	apt-get -qq $options update >"$temporary/log" 2>&1 || true
	# shellcheck disable=SC2086
	versions=$(apt-cache $options showsrc imagemagick 2>>"$temporary/log" | sed -n 's/^Version: //p' | sort -rVu) || true
	for candidate in "$version" $versions; do
		name=${candidate#*:}
		name=${name%-*}
		case $name in "$major".*) ;; *) continue ;; esac
		[ ! -e "$folder/imagemagick-$name/tests/validate.c" ] || break
		# The original sources alone: packaging of versions gone by is not kept by all mirrors.
		# shellcheck disable=SC2086
		line=$(apt-get -qq $options source --print-uris "imagemagick=$candidate" 2>>"$temporary/log" |
			grep -F " imagemagick_$name.orig.tar." | grep -v '\.asc' | head -n 1) || true
		[ -n "$line" ] || continue
		address=$(printf '%s' "$line" | cut -d"'" -f2)
		if /usr/lib/apt/apt-helper download-file "$address" "$temporary/orig" "${line##* }" >>"$temporary/log" 2>&1; then
			tar -C "$temporary/sources" --no-same-owner -xf "$temporary/orig"
			rm -rf "$folder/imagemagick-$name"
			mv "$temporary"/sources/* "$folder/imagemagick-$name"
			break
		fi
		name=
	done
	if [ ! -e "$folder/imagemagick-${name:-none}/tests/validate.c" ]; then
		echo "The mirror has no sources of ImageMagick $upstream: $(tail -n 1 "$temporary/log")" >&2
		exit 77
	fi
	ln -sfn "imagemagick-$name" "$instead"
fi
target=$(readlink "$instead")
[ "$target" = "imagemagick-$upstream" ] || echo "The mirror lacks the sources of ImageMagick $upstream; taken: $target" >&2
echo "$folder/$target"
