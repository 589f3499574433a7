#include "CMachine.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>

enum { huge = 2 << 20 };

void *machine_region(size_t bytes) {
    size_t whole = (bytes + huge - 1) / huge * huge;
    uint8_t *base = mmap(NULL, whole + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return NULL;
    uint8_t *aligned = (uint8_t *)(((uintptr_t)base + huge - 1) / huge * huge);
    if (aligned > base) munmap(base, (size_t)(aligned - base));
    size_t rest = (size_t)(base + huge - aligned);
    if (rest > 0) munmap(aligned + whole, rest);
    madvise(aligned, whole, MADV_HUGEPAGE);
    return aligned;
}

void machine_bound_arenas(int count) { mallopt(M_ARENA_MAX, count); }
