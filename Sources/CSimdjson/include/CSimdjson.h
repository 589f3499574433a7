#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Layout of Core's `EventRow`; `EventDecoder` checks every offset at start.
typedef struct event_row {
    int64_t time;
    int64_t value;
    int64_t discount;
    uint64_t userHash;
    uint32_t userOffset;
    uint32_t idOffset;
    uint32_t itemsStart;
    uint32_t line;
    uint16_t userLength;
    uint16_t idLength;
    uint16_t itemsCount;
    uint16_t name;
    uint16_t dimensions[12];
    uint8_t flags;
    uint8_t partition;
    /// Entry of the dictionary + 1 that holds what the event says of consent and profile; 0: nothing.
    uint16_t contact;
    /// Entry of the dictionary + 1 that holds the names of the items; 0: none has one.
    uint16_t itemNames;
    uint16_t spare;
    uint32_t reserved[2];
} event_row;

/// Layout of Core's `ItemRow`.
typedef struct item_row {
    int64_t quantity;
    int64_t price;
    uint32_t idOffset;
    uint16_t idLength;
    uint16_t category;
} item_row;

/// Layout of Core's `TextRange`.
typedef struct text_range {
    uint32_t offset;
    uint32_t length;
} text_range;

/// A line that could not be used.
typedef struct line_rejection {
    uint32_t line;
    /// Raw value of Core's `RejectionCode`.
    uint32_t code;
    /// In `decoded_slab.details`.
    text_range detail;
    /// In the slab.
    text_range raw;
} line_rejection;

/// What does not change from slab to slab. Copied by `event_decoder_create`.
typedef struct event_decoder_config {
    size_t line_bytes;
    size_t nesting;
    size_t items_per_event;
    size_t dead_letter_bytes;
    /// Keys the tables of strings, so that their entries cannot be chosen to collide.
    uint64_t hash_seed;
    /// Core's `Zone`: offsets in force from each start on, microseconds.
    const int64_t *zone_starts;
    const int64_t *zone_offsets;
    size_t zone_count;
} event_decoder_config;

/// Why a slab was not read further.
enum { slab_end = 0, slab_control = 1, slab_full = 2 };

/// One slab decoded; everything points into the decoder until its next use.
typedef struct decoded_slab {
    const event_row *rows;
    size_t rows_count;
    const item_row *items;
    size_t items_count;
    /// Offsets count from the beginning of `dictionary_text`.
    const text_range *dictionary;
    size_t dictionary_count;
    const uint8_t *dictionary_text;
    size_t dictionary_text_length;
    /// User, event and item ids.
    const uint8_t *text;
    size_t text_length;
    const line_rejection *rejections;
    size_t rejections_count;
    const char *details;
    uint32_t line_count;
    uint32_t stop;
    /// Bytes of the slab done with; a control line that stopped it is among them.
    size_t consumed;
    /// Bytes of the data lines, newlines included.
    size_t data_bytes;
    text_range control;
} decoded_slab;

typedef struct event_decoder event_decoder;

/// Bytes that must be readable behind a slab.
size_t event_decoder_padding(void);

event_decoder *event_decoder_create(const event_decoder_config *config);
void event_decoder_destroy(event_decoder *decoder);

/// Lets a source key feed a field of the contract; among keys of one field the lowest rank wins.
/// False when there is no such field.
bool event_decoder_add_key(
    event_decoder *decoder, const char *field, uint32_t rank, const uint8_t *key, size_t key_length);

/// Gives events of the name `from` the name `to`.
void event_decoder_map_name(
    event_decoder *decoder, const uint8_t *from, size_t from_length, const uint8_t *to, size_t to_length);

/// Decodes whole lines. Behind the slab `event_decoder_padding()` bytes are readable.
void event_decoder_decode(
    event_decoder *decoder, const uint8_t *slab, size_t length, bool stream_start, decoded_slab *out);

#ifdef __cplusplus
}
#endif
