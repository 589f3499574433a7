#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720) of `length` bytes, continuing from the CRC of what came before (0 at
/// the beginning). Uses the processor's instruction where there is one, a table elsewhere.
uint32_t roost_crc32c(uint32_t crc, const void *data, size_t length);

/// The same by table alone: what the instruction is tested against.
uint32_t roost_crc32c_table(uint32_t crc, const void *data, size_t length);

/// Whether `roost_crc32c` uses the processor's instruction.
bool roost_crc32c_is_hardware(void);
