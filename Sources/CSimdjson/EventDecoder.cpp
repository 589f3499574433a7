#include "Dictionary.hpp"
#include "Event.hpp"
#include "FlatLine.hpp"

using namespace roost;

static_assert(sizeof(event_row) == 96 && sizeof(item_row) == 24 && sizeof(text_range) == 8);

struct event_decoder {
    event_decoder_config config;
    ParsedLine line;
    FlatLine flat;
    Structure structure;
    /// Lines whose structure is known: `known_from..<known_to` of the slab; none where it is broken.
    size_t known_from = 0, known_to = 0;
    bool is_known = false;
    /// Whether any of them has a backslash.
    bool has_escape = false;
    Event event;
    Dictionary dictionary;
    Buffer<event_row> rows;
    Buffer<item_row> items;
    Buffer<uint8_t> text;
    Buffer<line_rejection> rejections;
    Buffer<char> details;
    uint32_t line_count = 0;
    const uint8_t *slab = nullptr;

    explicit event_decoder(const event_decoder_config &from)
        : config(from), line(from.nesting), event(from), dictionary(from.hash_seed) {
        config.zone_starts = config.zone_offsets = nullptr;
    }

    void decode(const uint8_t *bytes, size_t length, bool stream_start, decoded_slab &out) noexcept {
        clear();
        slab = bytes;
        out = decoded_slab{};
        size_t at = 0;
        known_to = 0;
        while (at < length && out.stop == slab_end) {
            const void *newline = std::memchr(bytes + at, '\n', length - at);
            size_t stop = newline ? static_cast<size_t>(static_cast<const uint8_t *>(newline) - bytes) : length;
            size_t next = newline ? stop + 1 : length;
            if (at >= known_to) look_ahead(at, next, length);
            text_range range{static_cast<uint32_t>(at), static_cast<uint32_t>(stop - at)};
            out.stop = take(range, stream_start && at == 0);
            if (out.stop == slab_full) break;
            if (out.stop == slab_control) out.control = range;
            else out.data_bytes += next - at;
            at = next;
        }
        out.consumed = at;
        publish(out);
        line.trim();
    }

private:
    void clear() noexcept {
        constexpr size_t ordinary = 1 << 16;
        rows.trim(ordinary);
        items.trim(ordinary);
        text.trim(ordinary * 64);
        rejections.trim(ordinary);
        details.trim(ordinary * 64);
        rows.clear();
        items.clear();
        text.clear();
        rejections.clear();
        details.clear();
        dictionary.reset();
        line_count = 0;
    }

    /// Lines looked at together: few enough to stay in the cache.
    static constexpr size_t ahead = 32 << 10;

    /// Finds the structure of the lines from `at` on; the first of them ends at `next`.
    void look_ahead(size_t at, size_t next, size_t length) noexcept {
        size_t end = next;
        if (at + ahead > next) {
            size_t most = at + ahead < length ? at + ahead : length;
            const void *newline = memrchr(slab + next, '\n', most - next);
            end = newline ? static_cast<size_t>(static_cast<const uint8_t *>(newline) - slab) + 1 : next;
            if (most == length && length - at <= ahead) end = length;
        }
        known_from = at;
        known_to = end;
        // Items are three levels deep.
        is_known = config.nesting >= 3 && end - at <= 2 * ahead && structure.find(slab + at, end - at);
        has_escape = is_known && std::memchr(slab + at, '\\', end - at);
    }

    /// Whether a line of the usual form has been read into `flat`.
    bool is_flat(const uint8_t *p, size_t n) noexcept {
        if (!is_known) return false;
        uint32_t from = static_cast<uint32_t>(p - slab - known_from);
        structure.skip_to(from);
        if (has_escape && std::memchr(p, '\\', n)) return false;
        return flat.parse(structure, slab + known_from, from + static_cast<uint32_t>(n));
    }

    /// One line, without its newline.
    uint32_t take(text_range range, bool first_of_stream) noexcept {
        const uint8_t *p = slab + range.offset;
        size_t n = range.length;
        if (n && p[n - 1] == '\r') n--;
        range.length = static_cast<uint32_t>(n);
        if (n > config.line_bytes)
            return reject(range, line_too_long, "line is longer than " + std::to_string(config.line_bytes) + " bytes");
        if (first_of_stream && n >= 3 && p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF) {
            p += 3;
            n -= 3;
        }
        if (is_blank(p, n)) return slab_end;
        if (__builtin_expect(is_flat(p, n), 1)) return take(flat, range);
        simdjson::error_code error = line.parse(std::string_view(reinterpret_cast<const char *>(p), n));
        if (__builtin_expect(error != simdjson::SUCCESS, 0)) return reject_json(range, error);
        if (line.type(1) != '{') return reject(range, not_object, "line is not a JSON object");
        return take(line, range);
    }

    /// A line that is an object.
    template <class Line>
    uint32_t take(Line &line, text_range range) noexcept {
        if (is_control(line)) return slab_control;
        if (!event.read(line)) return reject(range, event.code, event.detail);
        if (!dictionary.has_room(3 + dimension_count + event.items.size())) return slab_full;
        append();
        return slab_end;
    }

    static bool is_blank(const uint8_t *p, size_t n) noexcept {
        while (n && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
            n--;
        }
        return n == 0;
    }

    /// An object with one key, which begins with `$`.
    template <class Line>
    static bool is_control(const Line &line) noexcept {
        if (line.count(1) != 1) return false;
        Bytes key = line.string(2);
        return key.length > 0 && key.data[0] == '$';
    }

    void append() noexcept {
        event_row &row = *rows.extend(1);
        row = event_row{};
        row.time = event.time;
        row.value = event.value;
        row.discount = event.discount;
        row.flags = event.flags;
        row.line = line_count++;
        row.userOffset = append_text(event.user);
        row.userLength = static_cast<uint16_t>(event.user.length);
        if (event.flags & flag_id) {
            row.idOffset = append_text(event.id);
            row.idLength = static_cast<uint16_t>(event.id.length);
        }
        row.name = dictionary.intern(event.name);
        for (uint32_t d = 0; d < dimension_count; d++)
            row.dimensions[d] = event.dimension_mask >> d & 1 ? dictionary.intern(event.dimensions[d]) : 0xFFFF;
        if (__builtin_expect(event.contact.size() != 0, 0))
            row.contact = static_cast<uint16_t>(dictionary.intern(event.contact_bytes()) + 1);
        size_t count = event.items.size();
        if (count == 0) return;
        row.itemsStart = static_cast<uint32_t>(items.size());
        row.itemsCount = static_cast<uint16_t>(count);
        item_row *to = items.extend(count);
        for (size_t i = 0; i < count; i++) {
            const Event::Item &item = event.items[i];
            to[i].quantity = item.quantity;
            to[i].price = item.price;
            to[i].idOffset = append_text(item.id);
            to[i].idLength = static_cast<uint16_t>(item.id.length);
            to[i].category = item.has_category ? dictionary.intern(item.category) : 0xFFFF;
        }
        if (__builtin_expect(event.has_item_names, 0))
            row.itemNames = static_cast<uint16_t>(dictionary.intern(event.packed_item_names()) + 1);
    }

    uint32_t append_text(Bytes bytes) noexcept {
        uint32_t offset = static_cast<uint32_t>(text.size());
        text.append(bytes.data, bytes.length);
        return offset;
    }

    uint32_t reject(text_range range, Code code, const std::string &detail) noexcept {
        line_rejection &rejection = *rejections.extend(1);
        rejection.line = line_count++;
        rejection.code = code;
        rejection.detail.offset = static_cast<uint32_t>(details.size());
        rejection.detail.length = static_cast<uint32_t>(detail.size());
        details.append(detail.data(), detail.size());
        rejection.raw = range;
        if (range.length > config.dead_letter_bytes)
            rejection.raw.length = static_cast<uint32_t>(config.dead_letter_bytes);
        return slab_end;
    }

    uint32_t reject_json(text_range range, simdjson::error_code error) noexcept {
        switch (error) {
        case simdjson::UTF8_ERROR: return reject(range, bad_utf8, "line is not valid UTF-8");
        case simdjson::DEPTH_ERROR:
            return reject(
                range, too_deep, "line is nested deeper than " + std::to_string(config.nesting) + " levels");
        default: return reject(range, bad_json, json_fault(error));
        }
    }

    static const char *json_fault(simdjson::error_code error) noexcept {
        switch (error) {
        case simdjson::STRING_ERROR: return "line is not valid JSON: a string has a wrong escape";
        case simdjson::UNESCAPED_CHARS: return "line is not valid JSON: a string has a control character";
        case simdjson::UNCLOSED_STRING: return "line is not valid JSON: a string is not closed";
        case simdjson::NUMBER_ERROR: return "line is not valid JSON: a number is malformed";
        case simdjson::T_ATOM_ERROR:
        case simdjson::F_ATOM_ERROR:
        case simdjson::N_ATOM_ERROR: return "line is not valid JSON: an unknown word";
        default: return "line is not valid JSON: its structure is broken";
        }
    }

    void publish(decoded_slab &out) const noexcept {
        out.rows = rows.data();
        out.rows_count = rows.size();
        out.items = items.data();
        out.items_count = items.size();
        out.dictionary = dictionary.ranges.data();
        out.dictionary_count = dictionary.ranges.size();
        out.dictionary_text = dictionary.text.data();
        out.dictionary_text_length = dictionary.text.size();
        out.text = text.data();
        out.text_length = text.size();
        out.rejections = rejections.data();
        out.rejections_count = rejections.size();
        out.details = details.data();
        out.line_count = line_count;
    }
};

size_t event_decoder_padding(void) { return simdjson::SIMDJSON_PADDING; }

event_decoder *event_decoder_create(const event_decoder_config *config) { return new event_decoder(*config); }

void event_decoder_destroy(event_decoder *decoder) { delete decoder; }

bool event_decoder_add_key(
    event_decoder *decoder, const char *field, uint32_t rank, const uint8_t *key, size_t key_length) {
    return decoder->event.add_key(
        field, rank, std::string_view(reinterpret_cast<const char *>(key), key_length));
}

void event_decoder_map_name(
    event_decoder *decoder, const uint8_t *from, size_t from_length, const uint8_t *to, size_t to_length) {
    decoder->event.map_name(
        std::string_view(reinterpret_cast<const char *>(from), from_length),
        std::string_view(reinterpret_cast<const char *>(to), to_length));
}

void event_decoder_decode(
    event_decoder *decoder, const uint8_t *slab, size_t length, bool stream_start, decoded_slab *out) {
    decoder->decode(slab, length, stream_start, *out);
}
