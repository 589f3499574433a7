#include "CChecksum.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

typedef uint32_t (*crc_function)(uint32_t, const void *, size_t);

static uint32_t table[8][256];
static crc_function chosen;
static bool hardware;

// Slicing by eight: table[k] carries a byte over k further bytes. Polynomial 0x1EDC6F41, reflected.
static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        table[0][byte] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = table[slice - 1][byte];
            table[slice][byte] = (before >> 8) ^ table[0][before & 0xFF];
        }
}

uint32_t roost_crc32c_table(uint32_t crc, const void *data, size_t length) {
    const unsigned char *next = data;
    crc = ~crc;
    for (; length >= 8; length -= 8, next += 8) {
        crc ^= (uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16 |
               (uint32_t)next[3] << 24;
        crc = table[7][crc & 0xFF] ^ table[6][(crc >> 8) & 0xFF] ^ table[5][(crc >> 16) & 0xFF] ^
              table[4][crc >> 24] ^ table[3][next[4]] ^ table[2][next[5]] ^ table[1][next[6]] ^
              table[0][next[7]];
    }
    for (; length > 0; length--, next++) crc = (crc >> 8) ^ table[0][(crc ^ *next) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const void *data, size_t length) {
    const unsigned char *next = data;
    uint64_t running = (uint32_t)~crc;
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        running = _mm_crc32_u64(running, word);
    }
    uint32_t narrow = (uint32_t)running;
    for (; length > 0; length--, next++) narrow = _mm_crc32_u8(narrow, *next);
    return ~narrow;
}
#endif

// Before main, so that no call has to ask whether the choice was made.
__attribute__((constructor)) static void choose(void) {
    fill_tables();
    chosen = roost_crc32c_table;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2")) {
        chosen = crc32c_sse42;
        hardware = true;
    }
#endif
}

uint32_t roost_crc32c(uint32_t crc, const void *data, size_t length) {
    return chosen(crc, data, length);
}

bool roost_crc32c_is_hardware(void) { return hardware; }
