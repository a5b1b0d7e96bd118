// SPDX-License-Identifier: MIT
// Regions of a twin, read by zarrita over unzipit, or by geotiff.js.
//
// usage: node twin_node.mjs zarrita|geotiff FILE OUT < requests
//   requests  JSON: [{level, page, window: [y, x, height, width], index: [n or null of each axis before y, x]}, ...]
//   OUT       their samples, one behind the other, in this machine's byte order (little endian)
import { open } from "node:fs/promises";
import { readFileSync } from "node:fs";

const [mode, path, target] = process.argv.slice(2);
const requests = JSON.parse(readFileSync(0, "utf8"));
const packages = process.env.TWIN_NODE + "/node_modules/"; // made by peers.sh

class File {
	static async open(path) {
		const file = new File();
		file.handle = await open(path);
		file.size = (await file.handle.stat()).size;
		return file;
	}
	async getLength() {
		return this.size;
	}
	async read(offset, length) {
		const bytes = new Uint8Array(length);
		let done = 0;
		while (done < length) {
			const { bytesRead } = await this.handle.read(bytes, done, length - done, offset + done);
			if (!bytesRead) break;
			done += bytesRead;
		}
		return bytes.subarray(0, done);
	}
}

// Samples in C order: strides are those of the chunks' transposition.
function inOrder({ data, shape, stride }) {
	const out = new data.constructor(shape.reduce((a, b) => a * b, 1));
	const last = shape.length - 1;
	let at = 0;
	const walk = (axis, from) => {
		for (let i = 0; i < shape[axis]; i++)
			if (axis < last) walk(axis + 1, from + i * stride[axis]);
			else out[at++] = data[from + i * stride[axis]];
	};
	walk(0, 0);
	return out;
}

async function* zarrita() {
	const zarr = await import(packages + "zarrita/dist/src/index.js");
	const { default: ZipFileStore } = await import(packages + "@zarrita/storage/dist/src/zip.js");
	const root = zarr.root(new ZipFileStore(await File.open(path)));
	const group = await zarr.open.v3(root, { kind: "group" });
	const datasets = group.attrs.ome.multiscales[0].datasets;
	for (const { level, window: [y, x, height, width], index } of requests) {
		const array = await zarr.open.v3(root.resolve(datasets[level].path), { kind: "array" });
		yield inOrder(await zarr.get(array, [...index, zarr.slice(y, y + height), zarr.slice(x, x + width)]));
	}
}

async function* geotiff() {
	const { fromFile, GeoTIFFImage } = await import(packages + "geotiff/dist-module/geotiff.js");
	const tiff = await fromFile(path);
	for (const { level, page, window: [y, x, height, width] } of requests) {
		let image = await tiff.getImage(page);
		if (level) {
			const subs = await image.fileDirectory.loadValue("SubIFDs");
			const directory = await tiff.parser.parseFileDirectoryAt(Number(subs[level - 1]));
			image = new GeoTIFFImage(directory, tiff.littleEndian, false, tiff.source);
		}
		yield await image.readRasters({ window: [x, y, x + width, y + height], interleave: true });
	}
}

const out = await open(target, "w");
for await (const samples of { zarrita, geotiff }[mode]())
	await out.write(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
await out.close();
process.exit(0);
