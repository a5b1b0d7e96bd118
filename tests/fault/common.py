# SPDX-License-Identifier: MIT
"""Running stock gdal_translate with our driver, for the fault tests."""
import glob
import hashlib
import os
import pathlib
import subprocess


def environment():
    folders = [os.environ["OZR_DRIVER_FOLDER"]] + glob.glob("/usr/lib/*/gdalplugins")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "CPL_"))}
    return dict(keep, GDAL_DRIVER_PATH=":".join(folders), GDAL_PAM_ENABLED="NO")


def specimen(folder, z, y, x):
    path = pathlib.Path(folder) / "specimen.img"
    subprocess.run([os.environ["OZR_SPECIMEN"], str(z), str(y), str(x), str(path)], check=True)
    return path


def translate_command(source, target, *options):
    return ["/usr/bin/gdal_translate", "-q", "-of", "OMEZarr", "-co", "BAND_AXIS=Z", *options, str(source), str(target)]


def translate(source, target, *options, **more):
    return subprocess.run(translate_command(source, target, *options), env=environment(), capture_output=True, text=True, **more)


def fingerprint(folder):
    """Names and bytes of everything below folder."""
    digest = hashlib.sha256()
    for path in sorted(pathlib.Path(folder).rglob("*")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def same_pixels(source, store):
    """gdalcompare-like: every band's checksum of both."""
    def sums(name):
        out = subprocess.run(["/usr/bin/gdalinfo", "-checksum", str(name)], env=environment(), capture_output=True, text=True, check=True).stdout
        return [line.strip() for line in out.splitlines() if "Checksum=" in line]
    one, two = sums(source), sums(store)
    return one and one == two
