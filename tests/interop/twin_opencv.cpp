// SPDX-License-Identifier: MIT
// twin_opencv FILE PAGE OUT: the samples of a page as OpenCV reads it, without any conversion;
// without arguments its version.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

int main(int argc, char **argv)
{
	if (argc != 4)
		return std::printf("%s\n", CV_VERSION) < 0;
	std::vector<cv::Mat> pages;
	if (!cv::imreadmulti(argv[1], pages, std::atoi(argv[2]), 1, cv::IMREAD_UNCHANGED) ||
	    pages.size() != 1)
		return std::fprintf(stderr, "not read\n"), 1;
	std::ofstream out(argv[3], std::ios::binary);
	for (int y = 0; y < pages[0].rows; y++)
		out.write(reinterpret_cast<const char *>(pages[0].ptr(y)),
			  static_cast<std::streamsize>(pages[0].cols * pages[0].elemSize()));
	out.close();
	return !out;
}
