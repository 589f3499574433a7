#ifndef CDASHBOARD_H
#define CDASHBOARD_H

#include <stddef.h>

/// A file of the dashboard as it lies in `page/`, compiled in: no files are needed beside the binary.
typedef struct roost_page_file {
    const char *path;
    const char *content_type;
    const unsigned char *bytes;
    size_t length;
} roost_page_file;

extern const roost_page_file *const roost_page_files;
extern const size_t roost_page_file_count;

#endif
